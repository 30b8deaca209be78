/** Before commit any failure can move on to the next target; after it, none. */
import { describe, expect, it } from 'vitest';
import type { Behaviour, Failure } from '../../../dev/providers/behaviour.ts';
import { chat, stream } from './client.ts';
import { front, provider, upstream } from './harness.ts';
import { pass, VirtualClock } from './virtual-clock.ts';

const status = (code: number, more: object = {}): Failure => ({ kind: 'Status', status: code, ...more });

interface Case {
  name: string;
  failure: Failure;
  expected: string;
  streams?: 'Only' | 'Never';
  /** Only time shows it. */
  silent?: true;
}

const CASES: Case[] = [
  { name: '500', failure: status(500), expected: 'ServerError Model' },
  { name: '503', failure: status(503), expected: 'ServerError Model' },
  { name: '529', failure: status(529, { type: 'overloaded_error' }), expected: 'ServerError Model' },
  { name: '401', failure: status(401, { code: 'invalid_api_key' }), expected: 'Unauthorized Credential' },
  { name: '402', failure: status(402), expected: 'QuotaExhausted Credential' },
  { name: '403', failure: status(403), expected: 'Unauthorized Credential' },
  {
    name: '404 of our deployment',
    failure: status(404, { code: 'model_not_found' }),
    expected: 'ModelNotFound Model',
  },
  { name: '429', failure: { kind: 'RateLimited' }, expected: 'RateLimited CredentialModel' },
  {
    name: '429 without a hint',
    failure: { kind: 'RateLimited', retryAfter: 'None' },
    expected: 'RateLimited CredentialModel',
  },
  { name: '429 of the quota', failure: { kind: 'QuotaExhausted' }, expected: 'QuotaExhausted Credential' },
  {
    name: '400 of the credit',
    failure: status(400, { type: 'invalid_request_error', message: 'Your credit balance is too low' }),
    expected: 'QuotaExhausted Credential',
  },
  {
    name: 'a redirect',
    failure: status(302, { headers: { location: 'http://127.0.0.1:1/' } }),
    expected: 'ServerError Model',
  },
  { name: 'a reset', failure: { kind: 'Reset' }, expected: 'ServerError Model' },
  { name: 'silence', silent: true, failure: { kind: 'HangBeforeHeaders' }, expected: 'Timeout Model' },
  {
    name: 'silence behind the headers',
    silent: true,
    failure: { kind: 'HangAfterHeaders' },
    expected: 'Timeout Model',
  },
  { name: 'broken JSON', failure: { kind: 'GarbageJson' }, expected: 'ServerError Model' },
  {
    name: 'an error as first event',
    failure: { kind: 'ErrorInStream' },
    expected: 'ServerError Model',
    streams: 'Only',
  },
  {
    name: 'an error behind the role',
    failure: { kind: 'ErrorInStream', afterEvents: 1, code: 'rate_limit_exceeded' },
    expected: 'RateLimited CredentialModel',
    streams: 'Only',
  },
  {
    name: 'an empty stream',
    failure: { kind: 'EmptyStream' },
    expected: 'StreamError Model',
    streams: 'Only',
  },
  {
    name: 'death before content',
    failure: { kind: 'DieMidStream', afterEvents: 1 },
    expected: 'StreamError Model',
    streams: 'Only',
  },
  {
    name: 'a reset before content',
    failure: { kind: 'Reset', afterEvents: 1 },
    expected: 'StreamError Model',
    streams: 'Only',
  },
  {
    name: 'a stall before content',
    silent: true,
    failure: { kind: 'Stall', afterEvents: 1 },
    expected: 'Timeout Model',
    streams: 'Only',
  },
  {
    name: 'pings instead of content',
    silent: true,
    failure: { kind: 'Stall', afterEvents: 1, pingMs: 5 },
    expected: 'Timeout Model',
    streams: 'Only',
  },
];

describe('failover', () => {
  it.each(CASES.filter((c) => c.streams !== 'Only'))(
    'moves on after $name',
    async ({ failure, expected, silent }) => {
      const clock = new VirtualClock();
      const [bad, good] = [await provider({ failure }), await provider()];
      const f = await front({
        targets: [
          { url: bad.url, key: 'sk-a' },
          { url: good.url, key: 'sk-b' },
        ],
        dispatcher: { clock },
      });
      const asked = chat(f.port);
      if (silent) await pass(clock, () => f.running[0]?.attempts.length === 2);
      const answer = await asked.answer;
      const { attempts, outcome } = await f.finished();
      expect(answer.status).toBe(200);
      expect(attempts.map((a) => `${a.failure} ${a.scope}`)).toEqual([expected, 'undefined undefined']);
      expect(attempts.map((a) => a.kind)).toEqual(['First', 'Failover']);
      expect(attempts.every((a) => a.endedAt !== undefined)).toBe(true);
      expect(outcome).toMatchObject({ status: 200, errorCode: undefined, broken: false });
      expect([bad.count, good.count]).toEqual([1, 1]);
    },
  );

  it.each(CASES.filter((c) => c.streams !== 'Never'))(
    'moves a stream on after $name, and writes nothing before',
    async ({ failure, expected, silent }) => {
      const clock = new VirtualClock();
      const [bad, good] = [await provider({ failure }), await provider()];
      const f = await front({
        targets: [
          { url: bad.url, key: 'sk-a' },
          { url: good.url, key: 'sk-b' },
        ],
        dispatcher: { clock },
      });
      const direct = await stream(good.port, { model: 'scripted' }).answer;
      const asked = stream(f.port, { model: 'scripted' });
      if (silent) await pass(clock, () => f.running[0]?.attempts.length === 2);
      const answer = await asked.answer;
      expect(answer.status).toBe(200);
      expect(answer.text.length, 'only what the second target sent').toBe(direct.text.length);
      expect(answer.headers['x-outrider-target']).toBe('t1');
      const { attempts } = await f.finished();
      expect(attempts.map((a) => `${a.failure} ${a.scope}`)).toEqual([expected, 'undefined undefined']);
    },
  );

  it('moves on from a refused connection', async () => {
    const [gone, good] = [await provider(), await provider()];
    await gone.refuse();
    const f = await front({ targets: [{ url: gone.url }, { url: good.url }] });
    expect((await chat(f.port).answer).status).toBe(200);
    const { attempts } = await f.finished();
    expect(attempts[0]).toMatchObject({
      failure: 'Connect',
      scope: 'Endpoint',
      errorCode: 'ECONNREFUSED',
      noWork: true,
    });
  });

  it('moves on from a name that does not resolve', async () => {
    const good = await provider();
    const f = await front({ targets: [{ url: 'http://nowhere.invalid/v1' }, { url: good.url }] });
    expect((await chat(f.port).answer).status).toBe(200);
    const { attempts } = await f.finished();
    expect(attempts[0]).toMatchObject({ failure: 'Connect', scope: 'Endpoint' });
  });

  it('hands on no header of a failed attempt', async () => {
    const bad = await provider({
      failure: status(500, {
        headers: { 'x-request-id': 'req_bad', 'retry-after': '9', 'openai-version': 'bad' },
      }),
    });
    const good = await provider();
    const f = await front({ targets: [{ url: bad.url }, { url: good.url }] });
    const { headers } = await chat(f.port).answer;
    expect(headers['x-request-id']).not.toBe('req_bad');
    expect(headers['retry-after']).toBeUndefined();
    expect(headers['openai-version']).toBeUndefined();
    expect(headers['x-outrider-attempts']).toBe('2');
  });

  const CALLERS: [string, Failure][] = [
    ['400', status(400, { type: 'invalid_request_error', code: 'invalid_value' })],
    ['413', status(413)],
    ['422', status(422)],
    ['404 of something else', status(404, { type: 'invalid_request_error', message: 'No such thing' })],
    ['a context too long', status(400, { code: 'context_length_exceeded' })],
    ['a content filter', status(400, { code: 'content_filter' })],
    ['a request larger than the limit', status(429, { message: 'Request too large for gpt-5' })],
  ];

  it.each(CALLERS)('returns %s as it is, without another try', async (_, failure) => {
    const [bad, good] = [await provider({ failure }), await provider()];
    const f = await front({ targets: [{ url: bad.url }, { url: good.url }] });
    const direct = await chat(bad.port).answer;
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(direct.status);
    expect(answer.text).toBe(direct.text);
    expect(answer.headers['x-should-retry']).toBeUndefined();
    expect(good.count).toBe(0);
    const exchange = await f.finished();
    expect(f.dispatcher.health.ejection(f.candidates[0] as never, performance.now())).toBeUndefined();
    expect(exchange.outcome?.errorCode).toBeUndefined();
  });

  it.each([
    ['ContextWindow', 'context_length_exceeded'],
    ['ContentFilter', 'content_filter'],
  ] as const)('moves on after %s where the rule says so', async (kind, code) => {
    const [bad, good] = [await provider({ failure: status(400, { code }) }), await provider()];
    const f = await front({
      targets: [{ url: bad.url }, { url: good.url }],
      rule: { failover: { on: [kind], maxAttempts: 2, backoff: { baseMs: 1, maxMs: 1 } } },
    });
    expect((await chat(f.port).answer).status).toBe(200);
  });

  it('does not move on from a class the rule leaves out', async () => {
    const [bad, good] = [await provider({ failure: status(500) }), await provider()];
    const f = await front({
      targets: [{ url: bad.url }, { url: good.url }],
      rule: { failover: { on: ['Connect'], maxAttempts: 2, backoff: { baseMs: 1, maxMs: 1 } } },
    });
    expect((await chat(f.port).answer).status).toBe(500);
    expect(good.count).toBe(0);
  });

  it('never makes more attempts than allowed', async () => {
    const p = await provider({ failure: status(500) });
    const f = await front({ targets: [{ url: p.url }, { url: p.url }, { url: p.url }], maxAttempts: 2 });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(500);
    expect(p.count).toBe(2);
  });

  it('tries the same target again where attempts are left, after a wait', async () => {
    const p = await provider({}, { script: (_, i) => (i < 2 ? { failure: status(503) } : undefined) });
    const f = await front({ targets: [{ url: p.url }], maxAttempts: 3 });
    expect((await chat(f.port).answer).status).toBe(200);
    const { attempts } = await f.finished();
    expect(attempts.map((a) => a.kind)).toEqual(['First', 'Retry', 'Retry']);
  });

  it('waits as long as the provider says before it asks the same one again, if that is soon', async () => {
    const p = await provider(
      {},
      {
        script: (_, i) =>
          i === 0 ? { failure: { kind: 'RateLimited', retryAfter: 'Milliseconds', ms: 40 } } : undefined,
      },
    );
    const f = await front({
      targets: [{ url: p.url, body: { passive: { consecutiveErrors: 5, ejectionMs: 1, maxEjectionMs: 1 } } }],
      maxAttempts: 2,
      rule: { failover: { on: ['RateLimited'], maxAttempts: 2, backoff: { baseMs: 1, maxMs: 100 } } },
    });
    expect((await chat(f.port).answer).status).toBe(200);
    const [first, second] = (await f.finished()).attempts;
    expect((second?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(39);
  });

  it('does not wait for a provider that says to come back late', async () => {
    const p = await provider({ failure: { kind: 'RateLimited', retryAfter: 'Seconds', ms: 30_000 } });
    const f = await front({ targets: [{ url: p.url }], maxAttempts: 3 });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(429);
    expect(p.count).toBe(1);
    expect(answer.headers['x-should-retry']).toBe('true');
    expect(Number(answer.headers['retry-after-ms'])).toBeGreaterThan(29_000);
    expect(answer.headers['retry-after']).toBe('30');
  });

  it('uses the other key of a provider at once when one is refused', async () => {
    const p = await provider({}, { keys: ['sk-good'] });
    const f = await front({
      targets: [
        { url: p.url, provider: 'p', key: 'sk-bad', credentialName: 'a' },
        { url: p.url, provider: 'p', key: 'sk-good', credentialName: 'b' },
      ],
    });
    expect((await chat(f.port).answer).status).toBe(200);
    const again = await chat(f.port).answer;
    expect(again.headers['x-outrider-attempts'], 'the refused key is out').toBe('1');
    expect((await f.finished(1)).attempts[0]?.candidate.credential?.name).toBe('b');
  });

  const DEATHS: [string, Behaviour][] = [
    ['a clean end', { failure: { kind: 'DieMidStream', afterEvents: 5 } }],
    ['a reset', { failure: { kind: 'Reset', afterEvents: 5 } }],
    ['a stall', { failure: { kind: 'Stall', afterEvents: 5 } }],
    ['pings for ever', { failure: { kind: 'Stall', afterEvents: 5, pingMs: 5 } }],
    ['an error', { failure: { kind: 'ErrorInStream', afterEvents: 5 } }],
  ];

  it.each(DEATHS)('never moves on after commit: %s ends with an error event', async (_, behaviour) => {
    const [bad, good] = [await provider(behaviour), await provider()];
    const clock = new VirtualClock();
    const f = await front({ targets: [{ url: bad.url }, { url: good.url }], dispatcher: { clock } });
    const asked = stream(f.port);
    await asked.head;
    await pass(clock, () => f.exchanges.length === 1);
    const answer = await asked.answer;
    expect(answer.status).toBe(200);
    expect(answer.broken).toBe(false);
    const events = answer.text.split('\n\n').filter((e) => e.startsWith('data: '));
    const last = JSON.parse(events.at(-1)?.slice(6) ?? '') as { error: { code: string } };
    expect(['upstream_stream_broken', 'upstream_timeout']).toContain(last.error.code);
    expect(answer.text).not.toContain('[DONE]');
    expect(good.count).toBe(0);
    const { attempts, outcome } = await f.finished();
    expect(attempts).toHaveLength(1);
    expect(attempts[0]?.failure).toBeDefined();
    expect(outcome).toMatchObject({ status: 200, broken: true, cancelled: false });
    expect(outcome?.errorCode).toBe(last.error.code);
  });

  it('breaks the connection of a complete body that cannot be completed any more', async () => {
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': 9 * 1024 * 1024 });
      res.write(Buffer.alloc(8.5 * 1024 * 1024, 'x'), () => setTimeout(() => res.destroy(), 20));
    });
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await chat(f.port).answer;
    expect(answer.broken).toBe(true);
    expect((await f.finished()).outcome).toMatchObject({ broken: true, cancelled: false });
  });

  it('repeats what is not free to be repeated only on proof that nothing was done', async () => {
    const cases: [Failure, boolean][] = [
      [{ kind: 'RateLimited' }, true],
      [status(503, { headers: { 'retry-after': '1' } }), true],
      [status(503), false],
      [status(500), false],
      [{ kind: 'Reset' }, false],
      [{ kind: 'EmptyStream' }, false],
    ];
    const moved: boolean[] = [];
    for (const [failure] of cases) {
      const [bad, good] = [await provider({ failure }), await provider()];
      const f = await front({ targets: [{ url: bad.url }, { url: good.url }], replay: 'Unsent' });
      await stream(f.port).answer;
      moved.push(good.count === 1);
    }
    expect(moved).toEqual(cases.map(([, moves]) => moves));
    const [gone, good] = [await provider(), await provider()];
    await gone.refuse();
    const f = await front({ targets: [{ url: gone.url }, { url: good.url }], replay: 'Unsent' });
    expect((await chat(f.port).answer).status).toBe(200);
  });
});
