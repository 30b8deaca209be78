/** What the caller sees when every attempt has failed. */
import { describe, expect, it } from 'vitest';
import { ask, chat, stream } from './client.ts';
import { front, provider, upstream } from './harness.ts';
import { pass, VirtualClock } from './virtual-clock.ts';

describe('an exhausted plan', () => {
  it('answers with the last error of a provider: status, body, and allowed headers only', async () => {
    const first = await provider({ failure: { kind: 'Status', status: 500, message: 'first' } });
    const last = await provider({
      failure: {
        kind: 'Status',
        status: 503,
        message: 'last',
        headers: {
          'x-request-id': 'req_1',
          'openai-processing-ms': '3',
          'set-cookie': 'a=b',
          'openai-organization': 'org-ours',
          'x-ratelimit-limit-requests': '60',
          server: 'nginx',
        },
      },
    });
    const f = await front({ targets: [{ url: first.url }, { url: last.url }] });
    const direct = await chat(last.port).answer;
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(503);
    expect(answer.text).toBe(direct.text);
    expect(Object.keys(answer.headers).sort()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'date',
      'openai-processing-ms',
      'x-outrider-attempts',
      'x-outrider-cost-usd',
      'x-outrider-model',
      'x-outrider-provider',
      'x-outrider-request-id',
      'x-outrider-route',
      'x-outrider-rule',
      'x-outrider-target',
      'x-request-id',
      'x-should-retry',
    ]);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect((await f.finished()).outcome).toMatchObject({ status: 503, errorCode: undefined });
  });

  it('answers in its own name where the provider said nothing', async () => {
    const gone = await provider();
    await gone.refuse();
    const f = await front({ targets: [{ url: gone.url, name: 'main' }] });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.text)).toMatchObject({
      error: { code: 'upstream_connect', message: 'target main could not be reached' },
    });
    // It is ejected for a known time that ends soon, so the caller may come back then.
    expect(answer.headers['x-should-retry']).toBe('true');
    expect(Number(answer.headers['retry-after-ms'])).toBeLessThanOrEqual(5000);
  });

  it('does not send anybody back with a key that was refused', async () => {
    const p = await provider({ failure: { kind: 'Status', status: 401, code: 'invalid_api_key' } });
    const f = await front({ targets: [{ url: p.url }] });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(401);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(answer.headers['retry-after-ms']).toBeUndefined();
  });

  it.each([
    [{ kind: 'Reset' } as const, 502, 'upstream_failed'],
    [{ kind: 'GarbageJson' } as const, 502, 'upstream_failed'],
    [{ kind: 'HangBeforeHeaders' } as const, 504, 'upstream_timeout'],
    [{ kind: 'HangAfterHeaders' } as const, 504, 'upstream_timeout'],
    [
      { kind: 'Status', status: 307, headers: { location: 'http://elsewhere/' } } as const,
      502,
      'upstream_failed',
    ],
  ])('answers %j with an error of its own', async (failure, status, code) => {
    const p = await provider({ failure });
    const clock = new VirtualClock();
    const f = await front({ targets: [{ url: p.url }], dispatcher: { clock } });
    const asked = chat(f.port);
    if (status === 504) await pass(clock, () => f.exchanges.length === 1);
    const answer = await asked.answer;
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code } });
    expect(answer.headers['location']).toBeUndefined();
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(p.count, 'nothing was followed or repeated').toBe(1);
  });

  it('gives an error inside a 200 the status it deserves', async () => {
    const body = JSON.stringify({ error: { message: 'slow down', type: 'rate_limit_error', code: null } });
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(body);
    });
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(429);
    expect(answer.text).toBe(body);
  });

  it('answers an error event before any content with its payload as a body', async () => {
    const p = await provider({ failure: { kind: 'ErrorInStream' } });
    const f = await front({ targets: [{ url: p.url }] });
    const answer = await stream(f.port).answer;
    expect(answer.status).toBe(502);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.text)).toMatchObject({ error: { type: 'server_error' } });
  });

  it('never repeats a whole key that a provider quotes', async () => {
    const key = 'sk-very-secret-key-0123456789';
    const p = await provider({
      failure: { kind: 'Status', status: 401, code: 'invalid_api_key', message: `Incorrect API key: ${key}` },
    });
    const f = await front({ targets: [{ url: p.url, key, name: 'main' }] });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain(key);
    expect(answer.text).toContain('upstream_failed');
  });

  it('says nothing about retries where the rule leaves a failure to the caller, and no where we may not repeat', async () => {
    const p = await provider({ failure: { kind: 'Status', status: 500 } });
    const left = await front({
      targets: [{ url: p.url }],
      rule: { failover: { on: [], maxAttempts: 1, backoff: { baseMs: 1, maxMs: 1 } } },
    });
    expect((await chat(left.port).answer).headers['x-should-retry']).toBeUndefined();
    const once = await front({ targets: [{ url: p.url }, { url: p.url }], replay: 'Unsent' });
    expect((await chat(once.port).answer).headers['x-should-retry']).toBe('false');
    expect(p.count).toBe(2);
  });

  it('says so when the key has not arrived', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url, credential: 'APIKey' }] });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'credential_unavailable' } });
    expect(p.count).toBe(0);
  });

  it('goes past a target whose key has not arrived', async () => {
    const p = await provider();
    const f = await front({
      targets: [
        { url: p.url, credential: 'APIKey' },
        { url: p.url, key: 'sk-b' },
      ],
    });
    const answer = await chat(f.port).answer;
    expect(answer.status).toBe(200);
    expect(answer.headers['x-outrider-target']).toBe('t1');
  });

  it('refuses a patch of a member that the caller sent twice, before anything is sent', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url, patch: { remove: ['seed'] } }] });
    const body = '{"model":"m","messages":[{"role":"user","content":"x"}],"seed":1,"seed":2}';
    const answer = await ask(f.port, { body }).answer;
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'duplicate_member' } });
    expect(p.count).toBe(0);
  });
});
