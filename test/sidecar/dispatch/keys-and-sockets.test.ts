/** Keys that rotate and connections that die while requests are under way. */
import { describe, expect, it } from 'vitest';
import { chat, until } from './client.ts';
import { front, provider, upstream } from './harness.ts';
import { VirtualClock } from './virtual-clock.ts';

const ANSWER = '{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}';

describe('a key that rotates', () => {
  const id = 'shop/t0/main';

  it('is taken at the moment of sending', async () => {
    const p = await provider({}, { keys: ['sk-2'] });
    const f = await front({ targets: [{ url: p.url, key: 'sk-1' }] });
    f.credentials.apply({ version: '2', credentials: [{ id, value: 'sk-2' }] });
    const answer = await chat(f.port).answer;
    expect([answer.status, answer.headers['x-outrider-attempts']]).toEqual([200, '1']);
  });

  it('is tried with its former value where the provider does not know the new one yet', async () => {
    const p = await provider({}, { keys: ['sk-1'] });
    const f = await front({ targets: [{ url: p.url, key: 'sk-1' }] });
    f.credentials.apply({ version: '2', credentials: [{ id, value: 'sk-2' }] });
    for (let i = 0; i < 3; i++) expect((await chat(f.port).answer).status).toBe(200);
    const { attempts } = await f.finished(2);
    expect(attempts.map((a) => a.failure)).toEqual(['Unauthorized', undefined]);
    expect(f.dispatcher.health.ejection(f.candidates[0] as never, performance.now())).toBeUndefined();
  });

  it('is tried with the new value where the old one was revoked under way', async () => {
    const keys = ['sk-2'];
    const p = await provider({ latencyMs: 30 }, { keys });
    const f = await front({ targets: [{ url: p.url, key: 'sk-1' }] });
    const asked = chat(f.port);
    await until(() => p.count === 1, 'the old key is under way');
    f.credentials.apply({ version: '2', credentials: [{ id, value: 'sk-2' }] });
    expect((await asked.answer).status).toBe(200);
  });

  it('starts with a clean record', async () => {
    const p = await provider({}, { keys: ['sk-2'] });
    const f = await front({ targets: [{ url: p.url, key: 'sk-bad' }] });
    expect((await chat(f.port).answer).status).toBe(401);
    const candidate = f.candidates[0] as never;
    expect(f.dispatcher.health.ejection(candidate, performance.now())).toMatchObject({ scope: 'Credential' });
    f.credentials.apply({ version: '2', credentials: [{ id, value: 'sk-2' }] });
    expect(f.dispatcher.health.ejection(candidate, performance.now())).toBeUndefined();
    expect((await chat(f.port).answer).status).toBe(200);
  });

  it('that is simply wrong is asked for once', async () => {
    const p = await provider({}, { keys: ['sk-other'] });
    const f = await front({ targets: [{ url: p.url, key: 'sk-bad' }], maxAttempts: 3 });
    expect((await chat(f.port).answer).status).toBe(401);
    expect(p.count).toBe(1);
  });
});

describe('a connection', () => {
  it('is kept and used again', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url }] });
    for (let i = 0; i < 5; i++) await chat(f.port).answer;
    expect(p.connections).toBe(1);
  });

  it('is never waited for: 150 requests at once make 150 connections', async () => {
    const p = await provider({ failure: { kind: 'HangBeforeHeaders' } });
    const f = await front({ targets: [{ url: p.url }] });
    const asked = Array.from({ length: 150 }, () => chat(f.port));
    await until(() => p.count === 150, 'all have arrived');
    expect(p.connections).toBe(150);
    for (const a of asked) a.request.destroy();
    await until(() => f.exchanges.length === 150, 'all are over');
  });

  /** Answers the first request of every connection and resets the connection on the second. */
  const fickle = () => {
    const used = new WeakSet<object>();
    return upstream((res, req) => {
      if (used.has(req.socket)) return void req.socket.resetAndDestroy();
      used.add(req.socket);
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(ANSWER);
    });
  };

  it('that was reused and is reset is replaced, where the request is free to be repeated', async () => {
    const u = await fickle();
    const f = await front({ targets: [{ url: u.url }], maxAttempts: 1 });
    expect((await chat(f.port).answer).status).toBe(200);
    expect((await chat(f.port).answer).status).toBe(200);
    const { attempts } = await f.finished(1);
    expect(attempts.map((a) => [a.kind, a.failure])).toEqual([
      ['First', 'ServerError'],
      ['Retry', undefined],
    ]);
    expect(f.dispatcher.health.ejection(f.candidates[0] as never, performance.now())).toBeUndefined();
  });

  it('that was reused and is reset is not replaced, where the request may have been executed', async () => {
    const u = await fickle();
    const f = await front({ targets: [{ url: u.url }], maxAttempts: 1, replay: 'Unsent' });
    expect((await chat(f.port).answer).status).toBe(200);
    expect((await chat(f.port).answer).status).toBe(502);
    expect(u.requests).toHaveLength(2);
  });

  it('that was idle for long is not trusted with a request that may not be repeated', async () => {
    const p = await provider();
    const clock = new VirtualClock();
    const f = await front({ targets: [{ url: p.url }], replay: 'Unsent', dispatcher: { clock } });
    for (const pause of [0, 3999, 4000]) {
      clock.advance(pause);
      expect((await chat(f.port).answer).status).toBe(200);
    }
    expect(p.requests.map((r) => r.headers.connection)).toEqual(['keep-alive', 'keep-alive', 'close']);
    f.options.replay = 'Free';
    await chat(f.port).answer;
    expect(p.requests.at(-1)?.headers.connection).toBe('keep-alive');
  });

  it('that is new and reset is a failure like any other', async () => {
    const p = await provider({ failure: { kind: 'Reset' } });
    const f = await front({ targets: [{ url: p.url }], maxAttempts: 1 });
    expect((await chat(f.port).answer).status).toBe(502);
    expect(p.count).toBe(1);
  });

  it('that speaks something other than HTTP is a failure', async () => {
    const u = await upstream((_, req) => {
      req.socket.end('garbage\r\n\r\n');
    });
    const f = await front({ targets: [{ url: u.url }] });
    const answer = await chat(f.port).answer;
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'upstream_failed' } });
    expect((await f.finished()).attempts[0]?.errorCode).toMatch(/^HPE_/);
  });

  it('may be told to wait with 1xx answers, and may not switch protocols', async () => {
    const u = await upstream((res, req, index) => {
      if (index >= 1) {
        req.socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
        return;
      }
      res.writeProcessing();
      res.writeEarlyHints({ link: '</x>; rel=preload' });
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(ANSWER);
    });
    const f = await front({ targets: [{ url: u.url }] });
    expect((await chat(f.port).answer).text).toBe(ANSWER);
    expect((await chat(f.port).answer).status).toBe(502);
  });
});
