/** How long an idle connection is used again. */
import http, { ClientRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { EndpointAgent } from '../../../sidecar/dispatch/endpoint-agent.ts';
import { until } from './client.ts';
import { behind } from './harness.ts';

async function setting(idleMs: number, keepAlive?: string) {
  const sockets = new Set<object>();
  let count = 0;
  const server = http.createServer((_, res) => {
    res.writeHead(200, keepAlive === undefined ? {} : { 'keep-alive': keepAlive });
    res.end('ok');
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    count++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  behind(() => new Promise((resolve) => server.close(() => resolve())));
  let now = 0;
  const { port } = server.address() as AddressInfo;
  const pool = new EndpointAgent({
    tls: false,
    host: '127.0.0.1',
    port,
    caBundle: undefined,
    idleMs,
    now: () => now,
  });
  behind(() => Promise.resolve(pool.retire()));
  return {
    pool,
    open: () => sockets.size,
    made: () => count,
    advance: (ms: number) => (now += ms),
    ask: () =>
      new Promise<void>((resolve, reject) => {
        pool.dropExpired();
        const request = new ClientRequest({ agent: pool.agent, headers: ['Host', 'x'], path: '/' });
        request.on('response', (res) => res.resume());
        request.on('close', resolve);
        request.on('error', reject);
        request.end();
      }),
  };
}

/** The pool hears of it with an event, later in the same turn of the loop. */
function closeNewest({ agent }: EndpointAgent): void {
  const [idle] = Object.values(agent.freeSockets);
  expect(idle).toHaveLength(2);
  idle?.[1]?.destroy();
}

describe('an idle connection', () => {
  it('is used again within its time, and not after', async () => {
    const s = await setting(10_000);
    await s.ask();
    s.advance(9999);
    await s.ask();
    expect(s.made()).toBe(1);
    s.advance(10_000);
    await s.ask();
    expect(s.made()).toBe(2);
    await until(() => s.open() === 1, 'the old one is closed');
  });

  it('is given up a second before the server announces to close it', async () => {
    const s = await setting(60_000, 'timeout=5, max=100');
    await s.ask();
    s.advance(3999);
    await s.ask();
    s.advance(4000);
    await s.ask();
    expect(s.made()).toBe(2);
  });

  it('is not kept where the server closes at once', async () => {
    const s = await setting(60_000, 'timeout=1');
    await s.ask();
    await s.ask();
    expect(s.made()).toBe(2);
  });

  it('is not kept where connections are to be used once', async () => {
    const s = await setting(0);
    await s.ask();
    await s.ask();
    expect(s.made()).toBe(2);
    expect(s.open()).toBe(0);
  });

  it('is used where a newer one has just been closed, if its own time is not over', async () => {
    const s = await setting(10_000);
    await Promise.all([s.ask(), s.ask()]);
    s.advance(6000);
    await s.ask();
    expect(s.made()).toBe(2);
    closeNewest(s.pool);
    expect(s.pool.idleMs).toBe(6000);
    await s.ask();
    expect(s.made()).toBe(2);

    await Promise.all([s.ask(), s.ask()]);
    s.advance(6000);
    await s.ask();
    s.advance(4000);
    closeNewest(s.pool);
    await s.ask();
    expect(s.made()).toBe(4);
  });

  it('is closed when its time is over even if nobody asks', async () => {
    const s = await setting(10_000);
    await s.ask();
    expect(s.open()).toBe(1);
    s.advance(10_000);
    await until(() => s.open() === 0, 'closed');
  });

  it('is looked for no more once the last one was handed out', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      // Tests of other files may have left timers behind, so only those of the agent count.
      let looks = 0;
      const set = globalThis.setTimeout;
      vi.spyOn(globalThis, 'setTimeout').mockImplementation((...args: Parameters<typeof set>) => {
        if (new Error().stack?.includes('/endpoint-agent.ts')) looks++;
        return set(...args);
      });
      const s = await setting(10_000);
      await s.ask();
      expect(looks).toBe(1);
      vi.advanceTimersByTime(1000);
      expect(looks).toBe(2);
      s.pool.dropExpired();
      const request = new ClientRequest({ agent: s.pool.agent, headers: ['Host', 'x'], path: '/' });
      expect(request.reusedSocket).toBe(true);
      request.on('error', () => {}).destroy();
      vi.advanceTimersByTime(5000);
      expect(looks).toBe(2);
    } finally {
      vi.restoreAllMocks();
      vi.useRealTimers();
    }
  });

  it('is closed with the pool, and none is kept behind it', async () => {
    const s = await setting(10_000);
    await s.ask();
    s.pool.retire();
    await until(() => s.open() === 0, 'closed');
    await s.ask();
    await until(() => s.open() === 0, 'closed again');
    expect(s.made()).toBe(2);
  });
});
