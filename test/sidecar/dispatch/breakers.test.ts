/** The breakers of a sidecar: which failure counts against what, and who may probe. */
import type { ServerResponse } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttemptEvidence, type BreakerEvent, Breakers } from '../../../sidecar/dispatch/breakers.ts';
import { classify, classifyTransport, type Verdict } from '../../../sidecar/providers/failures.ts';
import { OPENAI } from '../../../sidecar/providers/openai.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import { chat, until } from './client.ts';
import { front, provider, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const PASSIVE = { consecutiveErrors: 3, ejectionMs: 1000, maxEjectionMs: 8000 };
const KEYS = new Map([
  ['shop/p/a', 'key-a'],
  ['shop/p/b', 'key-b'],
]);
const source = {
  get: (id: string) => KEYS.get(id),
  has: (id: string) => KEYS.has(id),
  previous: () => undefined,
};

const candidate = (model: string, key: 'a' | 'b' | 'own', provider = 'p'): Candidate =>
  ({
    providerId: `provider/shop/${provider}`,
    provider: { passive: PASSIVE },
    credential: {
      name: key,
      id: `shop/${provider}/${key}`,
      type: key === 'own' ? 'Passthrough' : 'APIKey',
      weight: 1,
    },
    upstreamModel: model,
  }) as unknown as Candidate;

const E500 = classify(OPENAI, 500, undefined, false);
const E401 = classify(OPENAI, 401, undefined, false);
const E429 = classify(OPENAI, 429, undefined, false);
const E400 = classify(OPENAI, 400, undefined, false);
const REFUSED = classifyTransport('Connect', 'ECONNREFUSED');

function board(onEvent?: (event: BreakerEvent) => void) {
  const breakers = new Breakers({ credentials: source, ...(onEvent ? { onEvent } : {}) });
  /** One whole attempt: admitted at `at`, ended 1 ms later. */
  const attempt = (c: Candidate, at: number, verdict?: Verdict, retryAfterMs?: number, caller?: string) => {
    const admission = breakers.admit(c, at, true, caller);
    const secret = c.credential && KEYS.get(c.credential.id);
    const evidence: AttemptEvidence = {
      candidate: c,
      caller,
      secret,
      admission,
      startedAt: at,
      answered: verdict?.row.event === undefined,
    };
    if (verdict) breakers.failure(evidence, verdict, retryAfterMs, at + 1);
    else breakers.success(evidence, at + 1);
    return admission;
  };
  return { breakers, attempt };
}

describe('breakers', () => {
  const [m1a, m1b, m2a, other] = [
    candidate('m1', 'a'),
    candidate('m1', 'b'),
    candidate('m2', 'a'),
    candidate('m1', 'a', 'q'),
  ];
  const all = [m1a, m1b, m2a, other];

  it.each<[string, Verdict, number, (number | undefined)[]]>([
    ['a server error: the model, with any key', E500, 3, [0, 0, undefined, undefined]],
    ['a refused key: the key, for any model', E401, 1, [0, undefined, 0, undefined]],
    ['a rate limit: the key for that model', E429, 3, [0, undefined, undefined, undefined]],
    ['a refused connection: the whole provider', REFUSED, 1, [0, 0, 0, undefined]],
    ['a bad request: nothing', E400, 9, [undefined, undefined, undefined, undefined]],
  ])('%s', (_, verdict, times, ejected) => {
    const { breakers, attempt } = board();
    for (let i = 0; i < times - 1; i++) attempt(m1a, i * 10, verdict);
    const before = all.map((c) => breakers.ejection(c, times * 10) !== undefined);
    attempt(m1a, times * 10, verdict);
    expect(before).toEqual([false, false, false, false]);
    expect(all.map((c) => (breakers.ejection(c, times * 10 + 2) ? 0 : undefined))).toEqual(ejected);
  });

  it('take a rate limit at its word, at once', () => {
    const { breakers, attempt } = board();
    attempt(m1a, 0, E429, 30_000);
    expect(breakers.ejection(m1a, 5)).toMatchObject({ scope: 'CredentialModel', until: 30_001 });
    expect(breakers.ejection(m1a, 30_001)).toBeUndefined();
  });

  it('tell callers with keys of their own apart', () => {
    const { breakers, attempt } = board();
    const own = candidate('m1', 'own');
    attempt(own, 0, E401, undefined, 'caller-1');
    expect(breakers.ejection(own, 5, true, 'caller-1')).toBeDefined();
    expect(breakers.ejection(own, 5, true, 'caller-2')).toBeUndefined();
    expect(breakers.ejection(own, 5), 'what routing sees').toBeUndefined();
  });

  it('let one probe through, and only of a request that is free to be repeated', () => {
    const { breakers, attempt } = board();
    attempt(m1a, 0, REFUSED);
    expect(breakers.ejection(m1a, 1001)).toBeUndefined();
    expect(breakers.ejection(m1a, 1001, false), 'not free').toMatchObject({ probing: false });
    expect(breakers.admit(m1a, 1001, false, undefined).kind).toBe('Go');
    const probe = breakers.admit(m1a, 1001, true, undefined);
    expect(probe.kind).toBe('Probe');
    expect(breakers.ejection(m1a, 1002)).toMatchObject({ probing: true });
    expect(breakers.ejection(m1b, 1002), 'the same endpoint').toMatchObject({ probing: true });
    breakers.abandon({ admission: probe });
    expect(breakers.ejection(m1a, 1003)).toBeUndefined();
  });

  it('take any answer for proof that the endpoint works', () => {
    const { breakers, attempt } = board();
    attempt(m1a, 0, REFUSED);
    expect(attempt(m1a, 1001, E400).kind).toBe('Probe');
    expect(breakers.ejection(m1b, 1003)).toBeUndefined();
    expect(breakers.admit(m1b, 1003, true, undefined).kind).toBe('Go');
  });

  it('probe all that is due with one attempt, and keep what it says nothing about', () => {
    const { breakers, attempt } = board();
    attempt(m1a, 0, E401);
    for (let i = 1; i <= 3; i++) attempt(m1a, i, E500);
    expect(attempt(m1a, 1100, E401).kind).toBe('Probe');
    expect(breakers.ejection(m1a, 1102)).toMatchObject({ scope: 'Credential', until: 3101 });
    expect(breakers.admit(m1b, 1102, true, undefined).kind, 'the model is still to be probed').toBe('Probe');
  });

  it('forget what is no longer configured, and bound what callers can invent', () => {
    const { breakers, attempt } = board();
    for (let i = 0; i < 3000; i++) attempt(candidate(`invented-${i}`, 'a'), i, E500);
    attempt(m1a, 4000, REFUSED);
    expect(breakers.ejection(m1a, 4002)).toBeDefined();
    breakers.retain(new Set());
    expect(breakers.ejection(m1a, 4002)).toBeUndefined();
  });

  it('report transitions, and nothing else', () => {
    const events: BreakerEvent[] = [];
    const { attempt } = board((event) => events.push(event));
    for (let i = 0; i < 4; i++) attempt(m1a, i * 10, E500);
    attempt(m1a, 1100, E500);
    attempt(m1a, 3200);
    attempt(m1a, 3300);
    expect(events.map((e) => [e.kind, e.scope, e.name, e.ms])).toEqual([
      ['Ejected', 'Model', 'm1', 1000],
      ['Probing', 'Model', 'm1', 0],
      ['Ejected', 'Model', 'm1', 2000],
      ['Probing', 'Model', 'm1', 0],
      ['Recovered', 'Model', 'm1', 0],
    ]);
  });

  it('never admit two probes at once, whatever happens', () => {
    const verdicts = [undefined, E500, E401, E429, E400, REFUSED];
    const step = fc.record({
      c: fc.constantFrom(m1a, m1b, m2a),
      verdict: fc.constantFrom(...verdicts),
      gap: fc.integer({ min: 1, max: 1500 }),
      ends: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { breakers } = board();
        const open: { evidence: AttemptEvidence; verdict: Verdict | undefined }[] = [];
        let now = 0;
        const end = (): void => {
          const done = open.shift();
          if (done?.verdict) breakers.failure(done.evidence, done.verdict, undefined, now);
          else if (done) breakers.success(done.evidence, now);
        };
        for (const { c, verdict, gap, ends } of steps) {
          now += gap;
          if (ends) end();
          if (breakers.ejection(c, now)) continue;
          const admission = breakers.admit(c, now, true, undefined);
          const probed = open.flatMap((o) =>
            o.evidence.admission.kind === 'Probe' ? o.evidence.admission.breakers : [],
          );
          const mine = admission.kind === 'Probe' ? admission.breakers : [];
          expect(mine.filter((b) => probed.includes(b))).toEqual([]);
          const answered = verdict?.row.event === undefined;
          const secret = KEYS.get(c.credential?.id ?? '');
          open.push({
            evidence: { candidate: c, caller: undefined, secret, admission, startedAt: now, answered },
            verdict,
          });
        }
        while (open.length > 0) end();
        // Nothing is left half-open: every candidate can be asked again some time.
        for (const c of [m1a, m1b, m2a]) expect(breakers.ejection(c, now + 10_000_000)).toBeUndefined();
      }),
    );
  });
});

describe('breakers on the wire', () => {
  it('send one probe of many requests, and everybody again when it comes back well', async () => {
    const clock = new VirtualClock();
    const held: ServerResponse[] = [];
    const sick = await upstream((res, _, index) => {
      if (index === 0) res.writeHead(500).end();
      else if (index === 1) held.push(res);
      else answerWell(res);
    });
    const spare = await provider();
    const passive = { consecutiveErrors: 1, ejectionMs: 1000, maxEjectionMs: 1000 };
    const f = await front({
      targets: [{ url: sick.url, body: { passive } }, { url: spare.url }],
      dispatcher: { clock },
    });
    await chat(f.port).answer;
    await chat(f.port).answer;
    expect([sick.requests.length, spare.count], 'ejected after one').toEqual([1, 2]);
    clock.advance(1000);
    const asked = Array.from({ length: 20 }, () => chat(f.port).answer);
    await until(() => f.exchanges.length === 21, 'all but the probe are answered');
    expect([sick.requests.length, spare.count], 'one probe').toEqual([2, 21]);
    answerWell(held[0] as ServerResponse);
    expect((await Promise.all(asked)).every((a) => a.status === 200)).toBe(true);
    await f.finished(21);
    expect(f.exchanges.flatMap((x) => x.attempts).filter((a) => a.kind === 'Probe')).toHaveLength(1);
    await chat(f.port).answer;
    expect(sick.requests).toHaveLength(3);
  });

  it('give the turn back when the caller of the probe leaves', async () => {
    const clock = new VirtualClock();
    const sick = await provider({ failure: { kind: 'Status', status: 500 } });
    const spare = await provider();
    const passive = { consecutiveErrors: 1, ejectionMs: 1000, maxEjectionMs: 1000 };
    const f = await front({
      targets: [{ url: sick.url, body: { passive } }, { url: spare.url }],
      dispatcher: { clock },
    });
    await chat(f.port).answer;
    clock.advance(1000);
    sick.behaviour = { failure: { kind: 'HangBeforeHeaders' } };
    const probe = chat(f.port);
    await until(() => sick.count === 2, 'the probe is under way');
    probe.request.destroy();
    await f.finished(1);
    sick.behaviour = {};
    expect((await chat(f.port).answer).headers['x-outrider-target']).toBe('t0');
    expect((await f.finished(2)).attempts[0]?.kind).toBe('Probe');
  });

  it('do not let a request probe that is not free to be repeated', async () => {
    const clock = new VirtualClock();
    const sick = await provider({ failure: { kind: 'Status', status: 500 } });
    const spare = await provider();
    const passive = { consecutiveErrors: 1, ejectionMs: 1000, maxEjectionMs: 1000 };
    const f = await front({
      targets: [{ url: sick.url, body: { passive } }, { url: spare.url }],
      dispatcher: { clock },
    });
    await chat(f.port).answer;
    clock.advance(1000);
    f.options.replay = 'Unsent';
    await chat(f.port).answer;
    expect(sick.count).toBe(1);
  });

  it('try what is ejected when everything is: a wrong guess must not fail a request', async () => {
    const p = await provider({ failure: { kind: 'Status', status: 500 } });
    const passive = { consecutiveErrors: 1, ejectionMs: 60_000, maxEjectionMs: 60_000 };
    const f = await front({ targets: [{ url: p.url, body: { passive } }] });
    expect((await chat(f.port).answer).status).toBe(500);
    p.behaviour = {};
    expect((await chat(f.port).answer).status).toBe(200);
    expect(
      f.dispatcher.health.ejection(f.candidates[0] as Candidate, performance.now()),
      'and it is well',
    ).toBeUndefined();
  });

  it('count committed streams that die', async () => {
    const p = await provider({ failure: { kind: 'DieMidStream', afterEvents: 4 } });
    const spare = await provider();
    const passive = { consecutiveErrors: 2, ejectionMs: 60_000, maxEjectionMs: 60_000 };
    const f = await front({ targets: [{ url: p.url, body: { passive } }, { url: spare.url }] });
    for (let i = 0; i < 4; i++) await chat(f.port, { stream: true }).answer;
    expect([p.count, spare.count]).toEqual([2, 2]);
  });

  it('mean nothing to requests that are pinned by configuration', async () => {
    const p = await provider({ failure: { kind: 'Status', status: 500 } });
    const spare = await provider();
    const passive = { consecutiveErrors: 1, ejectionMs: 60_000, maxEjectionMs: 60_000 };
    const f = await front({
      targets: [{ url: p.url, body: { passive } }, { url: spare.url }],
      pinned: true,
      replay: 'Unsent',
      maxAttempts: 1,
    });
    for (let i = 0; i < 3; i++) expect((await chat(f.port).answer).status).toBe(500);
    expect([p.count, spare.count]).toEqual([3, 0]);
  });
});

function answerWell(res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end('{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}');
}
