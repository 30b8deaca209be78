/** Whether a connection serves another request: only where nothing is left of the one before, on either side. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { testAuthority } from '../../operator/sync/support/certificates.ts';
import { until } from '../dispatch/client.ts';
import { ask, asked, HELLO, HOST, OK, provider, rested, User, withLastBytes } from './support.ts';

async function secure() {
  const authority = await testAuthority();
  return { ...(await authority.issue('127.0.0.1', 'localhost')), ca: authority.ca };
}

describe('a connection is not used again', () => {
  const next = async (say: Parameters<typeof provider>[0], asking?: Parameters<typeof ask>[1]) => {
    const p = await provider((socket, came, at) => (at === 0 ? say(socket, came, at) : socket.write(HELLO)));
    const first = await asked(p.pool, asking);
    const second = await asked(p.pool);
    expect(second).toMatchObject({ body: 'hello' });
    expect(p.sockets).toHaveLength(2);
    return first;
  };

  it('where more came than the answer', async () => {
    expect(await next((socket) => void socket.write(`${HELLO}${OK}`))).toMatchObject({ body: 'hello' });
  });

  it('where the provider says so', async () => {
    const user = await next(
      (socket) => void socket.write(`${OK}connection: close\r\ncontent-length: 0\r\n\r\n`),
    );
    expect(user.heard.at(-1)).toBe('ended');
  });

  it('where its end was that of the answer', async () => {
    expect(await next((socket) => void socket.end(`${OK}\r\nhello`))).toMatchObject({ body: 'hello' });
  });

  it('where the answer came before the request was whole', async () => {
    const asking = { headers: [...HOST, 'Content-Length', '10'], body: 'Later' as const };
    const user = await next((socket) => void socket.write(HELLO), asking);
    expect(user).toMatchObject({ body: 'hello', heard: ['connected', 'responded', 'ended'] });
  });

  it('where something comes while nobody asks', async () => {
    const p = await provider((socket) => void socket.write(HELLO));
    await asked(p.pool);
    p.sockets[0]?.write(`${OK}content-length: 6\r\n\r\nforged`);
    await until(() => p.sockets[0]?.destroyed === true, 'closed');
    expect(await asked(p.pool)).toMatchObject({ body: 'hello' });
    expect(p.sockets).toHaveLength(2);
  });

  it('where the provider closed it meanwhile', async () => {
    const p = await provider((socket) => void socket.write(HELLO));
    await asked(p.pool);
    p.sockets[0]?.end();
    await until(() => p.sockets[0]?.destroyed === true, 'closed');
    expect(await asked(p.pool)).toMatchObject({ body: 'hello' });
    expect(p.sockets).toHaveLength(2);
  });

  it('where the end came with the answer, however soon somebody asks', async () => {
    const p = await provider((socket, _, at) => void (at === 0 ? socket.end(HELLO) : socket.write(HELLO)));
    const first = new User();
    let second: User | undefined;
    first.onEnded = () => (second = ask(p.pool).user);
    await asked(p.pool, { user: first });
    await second?.over.promise;
    expect(second).toMatchObject({ body: 'hello', heard: ['connected', 'responded', 'ended'] });
  });

  const forged = `${OK}content-length: 6\r\n\r\nforged`;
  it.each([
    ['in a record of its own', true, [HELLO, forged]],
    ['past what is read at once', false, [padded(64 * 1024) + forged]],
  ])('where more came behind the answer %s, however soon somebody asks', async (_, tls, says) => {
    const p = await provider(
      (socket, __, at) => {
        for (const text of at === 0 ? says : [HELLO]) socket.write(text);
      },
      tls ? await secure() : undefined,
    );
    const soons: ((go: () => void) => void)[] = [(go) => go(), queueMicrotask, (go) => process.nextTick(go)];
    for (const soon of soons) {
      p.pool.dropIdle();
      p.sockets.length = 0;
      const first = new User();
      let second: User | undefined;
      first.onEnded = () => soon(() => (second = ask(p.pool).user));
      await asked(p.pool, { user: first });
      await second?.over.promise;
      expect(second?.body).toBe('hello');
      await until(() => p.sockets[0]?.destroyed === true, 'the first is closed');
    }
  });

  it('where its request is not with the kernel yet', async () => {
    const p = await provider((socket, _, at) => {
      socket.write(HELLO);
      if (at === 0) socket.pause();
    });
    const large = await asked(p.pool, { body: [Buffer.alloc(50_000_000)] });
    expect(large.body).toBe('hello');
    expect(await asked(p.pool)).toMatchObject({ heard: ['connected', 'responded', 'ended'] });
  });

  it('where it ended while nobody read, over TLS', async () => {
    const p = await provider((socket) => void socket.end(HELLO), await secure());
    for (let i = 0; i < 2; i++) {
      const { user, connection } = ask(p.pool);
      user.onPiece = () => connection.pause(user);
      await until(() => user.body === 'hello' && p.sockets[i]?.writableFinished === true, 'all of it came');
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(user.heard.at(-1)).toBe('responded');
      connection.resume(user);
      await user.over.promise;
      await rested();
      expect(user.heard).toEqual(['connected', 'responded', 'ended']);
      connection.socket.destroy();
    }
  });
});

describe('a connection that is used again', () => {
  it('serves one at a time, also after somebody left with the last bytes', async () => {
    const p = await provider((socket) => void socket.write(HELLO));
    const { connection } = await withLastBytes(p.pool, (it, user) => it.leave(user));
    const both = [ask(p.pool), ask(p.pool)];
    expect(both[0]?.connection).toBe(connection);
    expect(both[1]?.connection).not.toBe(connection);
    await Promise.all(both.map((one) => one.user.over.promise));
  });

  it('reads on, where somebody left who did not read', async () => {
    const p = await provider((socket) => void socket.write(HELLO));
    await withLastBytes(p.pool, (connection, user) => {
      connection.pause(user);
      connection.leave(user);
    });
    expect(await asked(p.pool)).toMatchObject({ heard: ['responded', 'ended'] });
  });

  it('does nothing for those it served before', async () => {
    const p = await provider((socket, came) => {
      if (came.endsWith('Connection: keep-alive\r\n\r\n')) socket.write(HELLO);
    });
    const { user, connection } = ask(p.pool);
    await user.over.promise;
    await rested();
    const next = ask(p.pool, { headers: [...HOST, 'Content-Length', '4'], body: 'Later' });
    expect(next.connection).toBe(connection);
    const before = connection.socket.bytesWritten;
    connection.write(user, Buffer.from('what'));
    connection.finish(user);
    connection.pause(user);
    connection.leave(user);
    expect([connection.socket.bytesWritten, connection.isSent(user)]).toEqual([before, false]);
    await next.user.over.promise;
    // Its own request is not whole.
    expect([next.user.heard.at(-1), connection.socket.destroyed]).toEqual(['ended', true]);
  });

  it('keeps nobody waiting who wants to end, and a request does', async () => {
    const p = await provider((socket) => void socket.write(HELLO));
    const { user, connection } = ask(p.pool);
    const keeps = () => (connection.socket as Socket & { _handle: { hasRef(): boolean } })._handle.hasRef();
    await user.over.promise;
    await rested();
    expect(keeps()).toBe(false);
    const next = ask(p.pool);
    expect(next.connection).toBe(connection);
    expect(keeps()).toBe(true);
    await next.user.over.promise;
  });

  it('is not needed for the next to be set up faster: TLS goes on with its session, by name', async () => {
    const names: unknown[] = [];
    const p = await provider(
      (socket) => {
        names.push((socket as TLSSocket).servername);
        socket.write(HELLO);
      },
      await secure(),
      { host: 'localhost' },
    );
    const resumed: boolean[] = [];
    for (let i = 0; i < 2; i++) {
      const { user, connection } = ask(p.pool);
      await user.over.promise;
      await until(() => user.heard.includes('ended'), 'answered');
      resumed.push((connection.socket as TLSSocket).isSessionReused());
      await rested();
      p.pool.dropIdle();
    }
    expect([names, resumed]).toEqual([
      ['localhost', 'localhost'],
      [false, true],
    ]);
  });
});

/** An answer of so many bytes in all. */
function padded(bytes: number): string {
  const head = `${OK}content-length: 00000\r\n\r\n`;
  return head.replace('00000', String(bytes - head.length)) + 'x'.repeat(bytes - head.length);
}
