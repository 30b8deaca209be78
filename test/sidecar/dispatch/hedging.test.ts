/** A second call beside a slow one: whoever commits first wins, whatever the other does, and nothing of it is left. */
import type { ServerResponse } from 'node:http';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';
import { ask, chat, stream, until } from './client.ts';
import type { Front, FrontOptions } from './front.ts';
import { front, type RawUpstream, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const HEDGE: NonNullable<RuleBody['hedge']> = { afterMs: 50, maxExtraCostPercent: 5 };
const BODY = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const event = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const ROLE = event({ role: 'assistant', content: '' });
const REST = `${event({ content: 'hello' })}${event({}, 'stop')}data: [DONE]\n\n`;

/** An upstream whose answers the test gives, in the order the requests came. */
interface Held {
  at: RawUpstream;
  answers: ServerResponse[];
  closed: boolean[];
}

async function held(): Promise<Held> {
  const answers: ServerResponse[] = [];
  const closed: boolean[] = [];
  const at = await upstream((res, _, index) => {
    answers[index] = res;
    closed[index] = false;
    res.on('close', () => (closed[index] = !res.writableFinished));
  });
  return { at, answers, closed };
}

const whole = (res: ServerResponse | undefined, body = BODY): void => {
  res?.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res?.end(body);
};
const begin = (res: ServerResponse | undefined, text = ROLE): void => {
  res?.writeHead(200, { 'content-type': 'text/event-stream' });
  res?.write(text);
};

interface Duel {
  f: Front;
  clock: VirtualClock;
  a: Held;
  b: Held;
}

/** Two held upstreams with the same model behind one rule, and a budget that was earned. */
async function duel(more: Partial<FrontOptions> = {}): Promise<Duel> {
  const [a, b] = [await held(), await held()];
  const clock = new VirtualClock();
  const f = await front({
    targets: [
      { url: a.at.url, key: 'sk-a' },
      { url: b.at.url, key: 'sk-b' },
    ],
    dispatcher: { clock },
    ...more,
    rule: { hedge: HEDGE, ...more.rule },
  });
  earn(f, 100, clock);
  return { f, clock, a, b };
}

const KEY = 'shop/assistant all';
/** As if so many requests had been served. */
function earn(f: Front, requests: number, clock: VirtualClock): void {
  const { budget } = f.dispatcher.parts.hedging;
  for (let i = 0; i < requests; i++) budget.settle(KEY, 0, undefined, 0, clock.now);
}

/** The first call has come to `a`, and the second to `b`. */
async function bothUnderWay({ clock, a, b }: Duel): Promise<void> {
  await until(() => a.answers.length === 1, 'the first call');
  clock.advance(60);
  await until(() => b.answers.length === 1, 'the second call');
}

const told = async (f: Front) => {
  const { attempts } = await f.finished();
  return attempts.map((a) => `${a.kind} ${a.failure ?? (a.cancelled ? 'Cancelled' : 'OK')}`);
};

describe('a hedge', () => {
  it('answers where the first call is silent, which is closed and accounted', async () => {
    const d = await duel();
    const asked = chat(d.f.port);
    await bothUnderWay(d);
    whole(d.b.answers[0]);
    const answer = await asked.answer;
    expect(answer.text).toBe(BODY);
    expect(answer.headers).toMatchObject({
      'x-outrider-target': 't1',
      'x-outrider-provider': 'shop/t1',
      'x-outrider-attempts': '2',
      'x-outrider-cost-usd': '0.002',
    });
    await until(() => d.a.closed[0] === true, 'the loser closed');
    expect(await told(d.f)).toEqual(['First Cancelled', 'Hedge OK']);
    const { attempts, steps } = await d.f.finished();
    expect(attempts.filter((a) => a.committedAt !== undefined)).toHaveLength(1);
    expect(steps.map(({ what }) => what)).toContain('Hedged');
    expect(d.b.at.requests[0]?.body.equals(d.a.at.requests[0]?.body as Buffer), 'the same is asked').toBe(
      true,
    );
    expect(d.b.at.requests[0]?.rawHeaders.join()).toContain('sk-b');
    for (const c of d.f.candidates) expect(d.f.dispatcher.health.ejection(c, d.clock.now)).toBeUndefined();
  });

  it('is cancelled in the middle of its body when the first call answers', async () => {
    const d = await duel();
    const asked = stream(d.f.port);
    await bothUnderWay(d);
    begin(d.b.answers[0]);
    await until(() => d.f.running[0]?.attempts[1]?.headersAt !== undefined, 'the hedge has begun');
    begin(d.a.answers[0], ROLE + REST);
    d.a.answers[0]?.end();
    const answer = await asked.answer;
    expect(answer.text).toBe(ROLE + REST);
    expect(answer.headers['x-outrider-target']).toBe('t0');
    expect(answer.headers['x-outrider-attempts']).toBe('2');
    await until(() => d.b.closed[0] === true, 'the loser closed');
    expect(await told(d.f)).toEqual(['First OK', 'Hedge Cancelled']);
  });

  it('commits once where both answer in the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const d = await duel();
      const asked = stream(d.f.port);
      await bothUnderWay(d);
      const answers = [d.a.answers[0], d.b.answers[0]];
      if (round % 2 === 1) answers.reverse();
      for (const res of answers) begin(res, ROLE + REST);
      for (const res of answers) res?.end();
      const answer = await asked.answer;
      expect(answer.text).toBe(ROLE + REST);
      const { attempts, outcome } = await d.f.finished();
      expect(attempts.filter((a) => a.committedAt !== undefined)).toHaveLength(1);
      expect(attempts.filter((a) => a.cancelled)).toHaveLength(1);
      expect(outcome).toMatchObject({ status: 200, broken: false, responseBytes: (ROLE + REST).length });
    }
  });

  it('goes on when the first call fails, and answers', async () => {
    const d = await duel();
    const asked = chat(d.f.port);
    await bothUnderWay(d);
    d.a.answers[0]?.writeHead(503).end('{}');
    await until(() => d.f.running[0]?.attempts[0]?.failure !== undefined, 'the first call has failed');
    whole(d.b.answers[0]);
    expect((await asked.answer).status).toBe(200);
    expect(await told(d.f)).toEqual(['First ServerError', 'Hedge OK']);
  });

  it('fails quietly while the first call lives', async () => {
    const d = await duel();
    const asked = chat(d.f.port);
    await bothUnderWay(d);
    d.b.answers[0]?.writeHead(500).end('{}');
    await until(() => d.f.running[0]?.attempts[1]?.failure !== undefined, 'the hedge has failed');
    whole(d.a.answers[0]);
    const answer = await asked.answer;
    expect([answer.status, answer.headers['x-outrider-target']]).toEqual([200, 't0']);
    expect(await told(d.f)).toEqual(['First OK', 'Hedge ServerError']);
  });

  it('takes no attempt away: when both have failed, the next target is asked', async () => {
    const c = await held();
    const [a, b] = [await held(), await held()];
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: a.at.url }, { url: b.at.url }, { url: c.at.url }],
      dispatcher: { clock },
      maxAttempts: 2,
      rule: { hedge: HEDGE },
    });
    earn(f, 100, clock);
    const asked = chat(f.port);
    await bothUnderWay({ f, clock, a, b });
    b.answers[0]?.writeHead(500).end('{}');
    a.answers[0]?.writeHead(500).end('{}');
    await until(() => c.answers.length === 1, 'the third target');
    clock.advance(1000);
    whole(c.answers[0]);
    expect((await asked.answer).status).toBe(200);
    expect(await told(f), 'one hedge, and no more').toEqual([
      'First ServerError',
      'Hedge ServerError',
      'Failover OK',
    ]);
  });

  it('does not hide what the first call was told of the request itself', async () => {
    const d = await duel();
    const asked = chat(d.f.port);
    await bothUnderWay(d);
    const body = '{"error":{"type":"invalid_request_error","message":"no"}}';
    d.a.answers[0]?.writeHead(400, { 'content-type': 'application/json' }).end(body);
    const answer = await asked.answer;
    expect([answer.status, answer.text, answer.headers['x-outrider-target']]).toEqual([400, body, 't0']);
    await until(() => d.b.closed[0] === true, 'the hedge closed');
    expect(await told(d.f)).toEqual(['First Caller', 'Hedge Cancelled']);
  });

  it('is cancelled with the first call when the caller leaves', async () => {
    const d = await duel();
    const asked = stream(d.f.port);
    await bothUnderWay(d);
    asked.request.destroy();
    await until(() => d.a.closed[0] === true && d.b.closed[0] === true, 'both closed');
    expect(await told(d.f)).toEqual(['First Cancelled', 'Hedge Cancelled']);
    expect((await d.f.finished()).outcome).toMatchObject({ status: 499, cancelled: true });
    expect(d.f.dispatcher.parts.deadlines.size).toBe(0);
  });

  it('is not started once the first call has committed, nor when the caller has left', async () => {
    const d = await duel();
    const asked = stream(d.f.port);
    await until(() => d.a.answers.length === 1, 'the first call');
    begin(d.a.answers[0], ROLE + event({ content: 'hel' }));
    await asked.head;
    d.clock.advance(500);
    d.a.answers[0]?.end(REST);
    await asked.answer;
    const gone = chat(d.f.port);
    await until(() => d.a.answers.length === 2, 'another first call');
    gone.request.destroy();
    await d.f.finished(1);
    d.clock.advance(500);
    expect(d.b.at.requests).toHaveLength(0);
    expect(await told(d.f)).toEqual(['First OK']);
  });

  it('lets go of what both had held back', async () => {
    const d = await duel();
    const asked = stream(d.f.port);
    await bothUnderWay(d);
    const pings = ': ping\n\n'.repeat(4000);
    for (const res of [d.a.answers[0], d.b.answers[0]]) begin(res, ROLE + pings);
    await until(() => d.f.memory.used > 60_000, 'both are held');
    d.b.answers[0]?.end(REST);
    const answer = await asked.answer;
    expect(answer.text).toBe(ROLE + pings + REST);
    await until(() => d.f.memory.used === 0, 'nothing is held');
  });

  it('carries a stream that its caller reads slowly', async () => {
    const d = await duel();
    const asked = stream(d.f.port);
    await bothUnderWay(d);
    const many = event({ content: 'x'.repeat(4000) }).repeat(1000);
    begin(d.b.answers[0], ROLE + many);
    const response = await asked.head;
    response.pause();
    d.b.answers[0]?.end(REST);
    await until(() => d.f.running[0]?.attempts[0]?.cancelled === true, 'the first call is over');
    response.resume();
    expect((await asked.answer).body.length).toBe((ROLE + many + REST).length);
  });
});

describe('a hedge is not sent', () => {
  const NEVER: [string, Partial<FrontOptions>][] = [
    ['for requests that may be repeated only unsent', { replay: 'Unsent' }],
    ['for requests that may not be repeated', { replay: 'Never' }],
    ['for requests that are pinned', { pinned: true }],
    ['by rules that say nothing of it', { rule: { hedge: undefined as never } }],
  ];
  it.each(NEVER)('%s', async (_, options) => {
    const d = await duel(options);
    const asked = chat(d.f.port);
    await until(() => d.a.answers.length === 1, 'the first call');
    d.clock.advance(1000);
    whole(d.a.answers[0]);
    expect((await asked.answer).status).toBe(200);
    expect(d.b.at.requests).toHaveLength(0);
  });

  it('for what passes through, nor for sockets', async () => {
    const d = await duel();
    const asked = ask(d.f.port, { path: '/v1/files', body: '{}' });
    await until(() => d.a.answers.length === 1, 'the file');
    d.clock.advance(1000);
    whole(d.a.answers[0], '{}');
    expect((await asked.answer).status).toBe(200);
    const socket = net.connect(d.f.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      'GET /v1/realtime HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await until(() => d.a.answers.length === 2, 'the handshake');
    d.clock.advance(1000);
    d.a.answers[1]?.writeHead(404).end();
    await d.f.finished(1);
    socket.destroy();
    expect(d.b.at.requests).toHaveLength(0);
  });

  it("beside the caller's own retries", async () => {
    const d = await duel();
    const asked = chat(d.f.port, {}, { 'x-stainless-retry-count': '1' });
    await until(() => d.a.answers.length === 1, 'the first call');
    d.clock.advance(1000);
    whole(d.a.answers[0]);
    await asked.answer;
    expect(d.b.at.requests).toHaveLength(0);
  });

  const REFUSED: [string, NonNullable<RuleBody['hedge']>, number, Partial<FrontOptions>][] = [
    ['Budget', HEDGE, 19, {}],
    ['Headroom', HEDGE, 100, { dispatcher: { gate: { take: () => 'Free', isLow: () => true, heard() {} } } }],
  ];
  it.each(REFUSED)('and the explanation says %s', async (why, hedge, earned, options) => {
    const [a, b] = [await held(), await held()];
    const clock = new VirtualClock();
    const f = await front({
      targets: [{ url: a.at.url }, { url: b.at.url }],
      rule: { hedge },
      ...options,
      dispatcher: { clock, ...options.dispatcher },
    });
    earn(f, earned, clock);
    const asked = chat(f.port);
    await until(() => a.answers.length === 1, 'the first call');
    clock.advance(60);
    expect(f.running[0]?.hedgeRefused).toBe(why);
    whole(a.answers[0]);
    await asked.answer;
    expect(b.at.requests).toHaveLength(0);
    expect((await f.finished()).steps.map(({ what }) => what)).toContain('NotHedged');
  });

  it('to another model, to the same key in the same place, or to what is ejected', async () => {
    const [a, b] = [await held(), await held()];
    const clock = new VirtualClock();
    const options = (model: string, crossModel: boolean, provider: string): FrontOptions => ({
      targets: [
        { url: a.at.url, provider: 'a', key: 'k' },
        { url: b.at.url, provider, key: 'k', model },
      ],
      dispatcher: { clock },
      rule: { hedge: { ...HEDGE, ...(crossModel && { crossModel: true }) } },
    });
    const cases: [FrontOptions, boolean][] = [
      [options('other', false, 'b'), false],
      [options('other', true, 'b'), true],
      [options('scripted', false, 'b'), true],
      [options('scripted', false, 'a'), false],
    ];
    for (const [i, [given, hedged]] of cases.entries()) {
      const f = await front(given);
      earn(f, 100, clock);
      const asked = chat(f.port);
      await until(() => a.answers.length === i + 1, 'the first call');
      const before = b.at.requests.length;
      clock.advance(60);
      const refused = () => f.running[0]?.hedgeRefused === 'NoTarget';
      await until(
        hedged ? () => b.at.requests.length === before + 1 : refused,
        'the hedge, or why there is none',
      );
      whole(a.answers[i]);
      expect((await asked.answer).status).toBe(200);
    }
  });
});
