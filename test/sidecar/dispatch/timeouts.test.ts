import { describe, expect, it } from 'vitest';
import { Timeouts } from '../../../sidecar/dispatch/timeouts.ts';
import { chat, collect, stream, until } from './client.ts';
import type { Front } from './front.ts';
import { front, provider, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const LIMITS = {
  connectMs: 100,
  firstTokenMs: 1000,
  interTokenMs: 500,
  attemptMs: 10_000,
  requestMs: 20_000,
  clientStallMs: 3000,
};
const NEVER = Number.POSITIVE_INFINITY;
const begun = (stream = true, commitBy = NEVER) => new Timeouts(LIMITS, stream, 0, 20_000, commitBy);

describe('the clocks of an attempt', () => {
  it('count to connect, then to the first token, then between tokens', () => {
    const t = begun();
    expect([t.next, t.due(99), t.due(100)]).toEqual([100, undefined, 'Connect']);
    t.connect(50);
    expect([t.next, t.due(1049), t.due(1050)]).toEqual([1050, undefined, 'Progress']);
    t.progress(900);
    expect([t.next, t.due(1399), t.due(1400)]).toEqual([1400, undefined, 'Progress']);
  });

  it('know no tokens where nothing is streamed', () => {
    const t = begun(false);
    t.connect(50);
    t.progress(60);
    expect([t.next, t.due(10_000)]).toEqual([10_000, 'Attempt']);
  });

  it('keep the share of the time before commit only until commit', () => {
    const t = begun(true, 300);
    t.connect(10);
    expect([t.next, t.due(300)]).toEqual([300, 'Commit']);
    t.commit();
    expect([t.next, t.due(300)]).toEqual([1010, undefined]);
  });

  it('count against the caller while it does not keep up', () => {
    const t = begun();
    t.connect(0);
    t.progress(100);
    t.pause(200);
    expect([t.next, t.due(3199), t.due(3200)]).toEqual([3200, undefined, 'Stall']);
    t.progress(300);
    expect(t.next).toBe(3200);
    t.resume(3000);
    expect([t.next, t.due(3499), t.due(3500)]).toEqual([3500, undefined, 'Progress']);
  });

  it('let nothing outlive the attempt or the request', () => {
    const t = begun();
    t.connect(0);
    for (let now = 0; now < 9999; now += 400) t.progress(now);
    expect(t.due(10_000)).toBe('Attempt');
    expect(t.due(20_000)).toBe('Request');
  });

  it('wait a moment for the end behind the last event', () => {
    const t = begun();
    t.connect(0);
    t.progress(100);
    t.lastEvent(100);
    expect([t.due(1099), t.due(1100)]).toEqual([undefined, 'Linger']);
  });

  it('tell when to listen, behind everything that is a timeout, and no more behind the last event', () => {
    const t = begun();
    t.connect(0);
    t.listen(0, 100);
    expect([t.next, t.due(99), t.due(100), t.due(1000)]).toEqual([100, undefined, 'Listen', 'Progress']);
    t.listen(100, 100);
    t.progress(150);
    expect([t.next, t.due(200), t.due(650)]).toEqual([200, 'Listen', 'Progress']);
    t.lastEvent(300);
    expect([t.next, t.due(1299)]).toEqual([1300, undefined]);
  });

  it('tell when holding back is over', () => {
    const t = begun();
    t.connect(0);
    t.hold(10, 40);
    expect([t.next, t.due(50)]).toEqual([50, 'Hold']);
    t.holdOver();
    expect([t.next, t.due(50)]).toEqual([1000, undefined]);
  });
});

describe('timeouts on the wire', () => {
  const code = (text: string) => (JSON.parse(text) as { error: { code: string; message: string } }).error;

  it('connect: a TLS handshake that hangs is a connect failure', async () => {
    const plain = await upstream(() => {});
    const url = plain.url.replace('http:', 'https:');
    // Plain HTTP answers a TLS hello with an error; a listener that says nothing is in cancel.test.ts.
    const f = await front({ targets: [{ url }], timeouts: { connectMs: 50 } });
    const answer = await chat(f.port).answer;
    expect(code(answer.text).code).toBe('upstream_connect');
    expect((await f.finished()).attempts[0]).toMatchObject({ failure: 'Connect', noWork: true });
  });

  it('firstToken: for streams only', async () => {
    const p = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: p.url }],
      timeouts: { firstTokenMs: 1000 },
      dispatcher: { clock },
    });
    const [plain, streamed] = [chat(f.port), stream(f.port)];
    await until(() => p.count === 2, 'both are at work');
    await connected(f, 2);
    clock.advance(1100);
    const answer = await streamed.answer;
    expect(answer.status).toBe(504);
    expect(code(answer.text).message).toContain('firstToken 1s');
    expect(f.exchanges).toHaveLength(1);
    clock.advance(20_000);
    expect(code((await plain.answer).text).message).toContain('attempt 20s');
  });

  it('firstToken goes on behind holdMax', async () => {
    const p = await provider({ failure: { kind: 'Stall', afterEvents: 1, pingMs: 5 } });
    const spare = await provider();
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: p.url }, { url: spare.url }],
      timeouts: { firstTokenMs: 15_000 },
      rule: { holdMaxMs: 100 },
      dispatcher: { clock },
    });
    const asked = stream(f.port);
    await until(() => f.memory.used > 0, 'something is held back');
    clock.advance(150);
    const response = await asked.head;
    expect(response.statusCode).toBe(200);
    const rest = collect(response);
    clock.advance(15_000);
    expect((await rest).text).toContain('firstToken 15s');
  });

  it('attempt: a stream that never stops', async () => {
    const p = await provider({ tokensPerSecond: 200, outputTokens: 2000 });
    const f = await front({ targets: [{ url: p.url }], timeouts: { attemptMs: 60 } });
    const answer = await stream(f.port).answer;
    expect(answer.text).toContain('attempt 60ms');
    expect((await f.finished()).attempts[0]).toMatchObject({ failure: 'Timeout' });
  });

  it('request: shared out so that the last candidate keeps a share', async () => {
    const p = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: p.url }, { url: p.url }, { url: p.url }],
      timeouts: { requestMs: 6000 },
      dispatcher: { clock },
    });
    const asked = chat(f.port);
    for (const [count, share] of [
      [1, 3000],
      [2, 2000],
      [3, 1000],
    ] as const) {
      await until(() => p.count === count, `attempt ${count}`);
      clock.advance(share - 10);
      expect(p.count).toBe(count);
      clock.advance(10);
    }
    expect((await asked.answer).status).toBe(504);
    const { attempts } = await f.finished();
    expect(attempts.map((a) => (a.endedAt ?? 0) - a.startedAt)).toEqual([3000, 2000, 1000]);
  });

  it("the caller's own SDK timeout shortens the time before commit, and is held against nobody", async () => {
    const slow = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const good = await provider();
    const clock = new VirtualClock();
    const f = await front({ targets: [{ url: slow.url }, { url: good.url }], dispatcher: { clock } });
    for (let i = 1; i <= 6; i++) {
      const asked = chat(f.port, {}, { 'x-stainless-timeout': '3' });
      await until(() => slow.count === i, 'the slow one is at work');
      clock.advance(1895);
      expect(good.count).toBe(i - 1);
      clock.advance(10);
      expect((await asked.answer).headers['x-outrider-target']).toBe('t1');
    }
    expect(slow.count, 'not ejected by an impatient caller').toBe(6);
  });

  it('slow answers by our own measure do eject', async () => {
    const slow = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const good = await provider();
    const clock = new VirtualClock();
    const passive = { consecutiveErrors: 2, ejectionMs: 500_000, maxEjectionMs: 500_000 };
    const f = await front({
      targets: [{ url: slow.url, body: { passive } }, { url: good.url }],
      dispatcher: { clock },
    });
    for (let i = 1; i <= 4; i++) {
      const asked = chat(f.port);
      if (i <= 2) {
        await until(() => slow.count === i, 'the slow one is at work');
        clock.advance(20_000);
      }
      expect((await asked.answer).headers['x-outrider-target']).toBe('t1');
    }
    expect(slow.count).toBe(2);
  });
});

/** Waits until so many upstream connections are known to stand. */
async function connected(f: Front, count: number): Promise<void> {
  await until(
    () => f.running.filter((x) => x.attempts[0]?.sentAt !== undefined).length === count,
    'connected',
  );
}
