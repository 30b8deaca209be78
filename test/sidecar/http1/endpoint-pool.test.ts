/** How long an idle connection is used again. */
import { describe, expect, it, vi } from 'vitest';
import { until } from '../dispatch/client.ts';
import { ask, asked, HELLO, OK, provider, rested } from './support.ts';

async function setting(idleMs: number, keepAlive?: string) {
  const answer =
    keepAlive === undefined ? HELLO : `${OK}keep-alive: ${keepAlive}\r\ncontent-length: 0\r\n\r\n`;
  let now = 0;
  let reads = 0;
  const { pool, sockets } = await provider((socket) => void socket.write(answer), undefined, {
    idleMs,
    now: () => {
      reads++;
      return now;
    },
  });
  return {
    pool,
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    made: () => sockets.length,
    advance: (ms: number) => (now += ms),
    ask: () => asked(pool),
    /** Since this was last asked. */
    clockReads: () => {
      const since = reads;
      reads = 0;
      return since;
    },
    askTwice: async () => {
      const both = [ask(pool), ask(pool)];
      await Promise.all(both.map(({ user }) => user.over.promise));
      await rested();
    },
  };
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

  it('is given up a second before the provider announces to close it', async () => {
    const s = await setting(60_000, 'timeout=5, max=100');
    await s.ask();
    s.advance(3999);
    await s.ask();
    s.advance(4000);
    await s.ask();
    expect(s.made()).toBe(2);
  });

  it('is not kept where the provider closes at once', async () => {
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
    await until(() => s.open() === 0, 'closed');
  });

  it('is used where a newer one has just been closed, if its own time is not over', async () => {
    const s = await setting(10_000);
    await s.askTwice();
    s.advance(6000);
    const { connection, user } = ask(s.pool);
    await user.over.promise;
    await rested();
    expect(s.pool.idleMs).toBe(0);
    connection.socket.destroy();
    expect(s.pool.idleMs).toBe(6000);
    await s.ask();
    expect(s.made()).toBe(2);
    s.advance(10_000);
    await s.ask();
    expect(s.made()).toBe(3);
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
      // Other tests may have left pools behind; this one reads its own clock at each look.
      const s = await setting(10_000);
      await s.ask();
      s.clockReads();
      for (let i = 0; i < 3; i++) {
        vi.advanceTimersByTime(1000);
        expect(s.clockReads()).toBe(1);
      }
      const connection = s.pool.take();
      expect(connection.reused).toBe(true);
      s.clockReads();
      vi.advanceTimersByTime(5000);
      expect(s.clockReads()).toBe(1);
      vi.advanceTimersByTime(5000);
      expect(s.clockReads()).toBe(0);
      connection.socket.destroy();
    } finally {
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
