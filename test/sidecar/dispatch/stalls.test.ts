/** Attempts that take much longer, or come much slower, than is usual for their target. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Attempt, Exchange } from '../../../sidecar/exchange.ts';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';
import { chat, stream, until } from './client.ts';
import type { Front } from './front.ts';
import { front, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const BODY = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(5000) }, finish_reason: 'stop' }],
});
const piece = (content: string): string =>
  `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

/** Two targets, the first of which answers as told; `teach` what the first one normally does. */
async function pair(learned: RuleBody['learned'], answer: (res: ServerResponse) => void) {
  const clock = new VirtualClock();
  const [a, b] = [
    await upstream((res) => answer(res)),
    await upstream((res) => res.writeHead(200, { 'content-type': 'application/json' }).end(BODY)),
  ];
  const f = await front({
    targets: [{ url: a.url }, { url: b.url }],
    dispatcher: { clock },
    ...(learned && { rule: { learned } }),
  });
  return { f, clock, a, b };
}

function teachCommit({ dispatcher, candidates }: Front, ms: number, streams: boolean): void {
  const exchange = {
    plan: { rule: { learned: { timeouts: true } } },
    envelope: { stream: streams },
  } as unknown as Exchange;
  const { pace, clock } = dispatcher.parts;
  const startedAt = clock.monotonic();
  const attempt = { candidate: candidates[0], startedAt, committedAt: startedAt + ms } as Attempt;
  for (let i = 0; i < 250; i++) pace.committed(attempt, exchange);
}

function teachRate({ dispatcher, candidates }: Front, bytesPerSecond: number, streams: boolean): void {
  const { pace, clock } = dispatcher.parts;
  for (let i = 0; i < 50; i++) {
    const [candidate] = candidates;
    if (candidate) pace.rated(candidate, streams, bytesPerSecond, 1000, clock.monotonic());
  }
}

describe('learned timeouts', () => {
  it('give up on a silent target after three times what it normally takes', async () => {
    const { f, clock } = await pair({ timeouts: true }, () => {});
    teachCommit(f, 400, false);
    const asked = chat(f.port);
    await until(() => f.running[0]?.attempts.length === 1, 'the first attempt');
    clock.advance(1000);
    expect(f.running[0]?.attempts, 'not before').toHaveLength(1);
    clock.advance(400);
    const answer = await asked.answer;
    expect([answer.status, answer.headers['x-outrider-target']]).toEqual([200, 't1']);
    const { attempts } = await f.finished();
    expect(attempts[0]).toMatchObject({ failure: 'Timeout', errorCode: 'learned', scope: 'Model' });
  });

  it('leave the last target alone', async () => {
    let slow: ServerResponse | undefined;
    const clock = new VirtualClock();
    const a = await upstream((res) => (slow = res));
    const f = await front({
      targets: [{ url: a.url }],
      maxAttempts: 1,
      dispatcher: { clock },
      rule: { learned: { timeouts: true } },
    });
    teachCommit(f, 100, false);
    const asked = chat(f.port);
    await until(() => slow !== undefined, 'the request');
    clock.advance(5000);
    slow?.writeHead(200, { 'content-type': 'application/json' }).end(BODY);
    expect((await asked.answer).status).toBe(200);
  });

  it('are not learned from requests that others sent', async () => {
    const { f, clock, b } = await pair(undefined, () => {});
    teachCommit(f, 100, false);
    const asked = chat(f.port);
    await until(() => f.running[0]?.attempts.length === 1, 'the first attempt');
    clock.advance(4000);
    expect(b.requests, 'the rule does not ask for it').toHaveLength(0);
    asked.request.destroy();
    await f.finished();
  });
});

describe('an answer that trickles', () => {
  const stall = { stall: { percent: 10, windowMs: 2000 } };
  const trickle = (res: ServerResponse): void => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': BODY.length });
    res.write(BODY.slice(0, 100));
  };

  it('fails over while nothing of it was handed on', async () => {
    const { f, clock } = await pair(stall, trickle);
    teachRate(f, 10_000, false);
    const asked = chat(f.port);
    await until(() => f.running[0]?.attempts[0]?.headersAt !== undefined, 'the head');
    await new Promise((resolve) => setImmediate(resolve));
    await until(() => {
      clock.advance(500);
      return f.running[0]?.attempts.length === 2;
    }, 'the second attempt');
    expect((await asked.answer).headers['x-outrider-target']).toBe('t1');
    const { attempts } = await f.finished();
    expect(attempts[0]).toMatchObject({ failure: 'Timeout', errorCode: 'throughput', stalled: true });
    expect(attempts[1]?.stalled).toBeUndefined();
  });

  it('is waited for where the target is not known, or comes so at other times', async () => {
    for (const usual of [undefined, 300]) {
      let res: ServerResponse | undefined;
      const { f, clock } = await pair(stall, (given) => {
        res = given;
        trickle(given);
      });
      if (usual !== undefined) teachRate(f, usual, false);
      const asked = chat(f.port);
      await until(() => f.running[0]?.attempts[0]?.headersAt !== undefined, 'the head');
      clock.advance(3000);
      res?.end(BODY.slice(100));
      expect((await asked.answer).headers['x-outrider-target']).toBe('t0');
    }
  });

  it('is only counted once it is with the caller', async () => {
    let res: ServerResponse | undefined;
    const { f, clock, b } = await pair(stall, (given) => {
      res = given;
      given.writeHead(200, { 'content-type': 'text/event-stream' });
      given.write(piece('a'));
    });
    teachRate(f, 10_000, true);
    const asked = stream(f.port);
    await asked.head;
    res?.write(piece('b'));
    await until(() => {
      clock.advance(500);
      return f.running[0]?.attempts[0]?.stalled === true;
    }, 'the stall is seen');
    res?.end(
      `${piece('c')}data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
    );
    const answer = await asked.answer;
    expect(answer.text).toContain('[DONE]');
    expect(b.requests).toHaveLength(0);
    expect((await f.finished()).attempts[0]).toMatchObject({ stalled: true, failure: undefined });
  });
});
