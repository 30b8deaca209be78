/** One connection over real sockets: what is sent, who is told what, and when it may be used again. */
import { describe, expect, it } from 'vitest';
import { testAuthority } from '../../operator/sync/support/certificates.ts';
import { until } from '../dispatch/client.ts';
import { ask, asked, HELLO, HOST, OK, provider, rested, User, withLastBytes } from './support.ts';

const HEAD = 'POST /v1/x HTTP/1.1\r\nHost: x\r\n';

describe('a request', () => {
  it.each([
    ['small', [Buffer.from('{"a":"\u00e4"}')]],
    ['large', [Buffer.alloc(100_000, 'x')]],
    ['in pieces', [Buffer.from('{"a":'), Buffer.from('1}')]],
    ['empty', []],
  ])('that is %s comes as it is, and the connection serves another', async (_, body) => {
    const whole = Buffer.concat(body).toString('latin1');
    const expected = `${HEAD}Content-Length: ${whole.length}\r\nConnection: keep-alive\r\n\r\n${whole}`;
    const p = await provider((socket, came) => {
      if (came.length % expected.length === 0) socket.write(HELLO);
    });
    for (let i = 0; i < 2; i++) {
      const user = await asked(p.pool, { body });
      expect(user).toMatchObject({ body: 'hello', head: { status: 200 } });
      expect(user.heard).toEqual([...(i === 0 ? ['connected'] : []), 'responded', 'ended']);
    }
    expect(p.came).toEqual([expected.repeat(2)]);
  });

  it('whose body comes later is written as it is framed', async () => {
    const p = await provider((socket, came) => {
      if (came.endsWith('0\r\n\r\n') || came.endsWith('body')) socket.write(HELLO);
    });
    const headers = [...HOST, 'Transfer-Encoding', 'chunked'];
    const { user, connection } = ask(p.pool, { headers, body: 'Later' });
    expect(connection.write(user, Buffer.from('some '))).toBe(true);
    connection.write(user, Buffer.alloc(0));
    connection.write(user, Buffer.alloc(17, 'x'));
    expect(connection.isSent(user)).toBe(false);
    connection.finish(user);
    await user.over.promise;
    await rested();
    expect(user.body).toBe('hello');
    expect(p.came[0]).toBe(
      `${HEAD}Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\nsome \r\n11\r\n${'x'.repeat(17)}\r\n0\r\n\r\n`,
    );
    const next = ask(p.pool, { headers: [...HOST, 'Content-Length', '4'], body: 'Later' });
    expect(next.connection).toBe(connection);
    connection.write(next.user, Buffer.from('body'));
    connection.finish(next.user);
    await next.user.over.promise;
    expect(next.user.heard.at(-1)).toBe('ended');
  });

  it('says when there is room for more of its body', async () => {
    const p = await provider((socket) => void socket.pause());
    const { user, connection } = ask(p.pool, {
      headers: [...HOST, 'Content-Length', '100000000'],
      body: 'Later',
    });
    const room = Promise.withResolvers<void>();
    user.drained = room.resolve;
    const piece = Buffer.alloc(1_000_000);
    while (connection.write(user, piece));
    await until(() => p.sockets.length === 1, 'connected');
    p.sockets[0]?.removeAllListeners('data').resume();
    await room.promise;
    expect(connection.write(user, piece)).toBe(true);
    connection.leave(user);
  });

  it.each([
    ['a header', { headers: ['Authorization', 'Bearer sk-secret\r\nEvil: 1'] }],
    ['a name', { headers: ['Host: y\r\nEvil', 'sk-secret'] }],
    ['text beyond latin1', { headers: ['X', 'sk-secret \u2022'] }],
    ['a method', { method: 'GET / HTTP/1.1\r\n', headers: HOST }],
  ])('is not sent with %s that would be more, and its values are not told', async (_, asking) => {
    const p = await provider((socket) => void socket.write(HELLO));
    const user = new User();
    const connection = p.pool.take();
    connection.begin(user, true);
    let said = '';
    try {
      connection.send({ method: 'POST', path: '/', body: [], ...asking });
    } catch (error) {
      said = String(error);
    }
    expect(said).toMatch(/^TypeError: the (header|name|method)/);
    expect(said).not.toContain('sk-secret');
    connection.leave(user);
    await asked(p.pool);
    expect(p.came.filter((came) => came !== '')).toEqual([
      `${HEAD}Content-Length: 0\r\nConnection: keep-alive\r\n\r\n`,
    ]);
    expect(user.heard).toEqual([]);
  });
});

describe('who asked', () => {
  it('is told of a connection that breaks, before an answer and in it', async () => {
    const before = await provider((socket) => void socket.destroy());
    expect((await asked(before.pool)).heard).toEqual(['connected', 'broken ECONNRESET']);
    const amid = await provider((socket) => void socket.end(`${OK}content-length: 10\r\n\r\nhello`));
    const user = await asked(amid.pool);
    expect([user.body, ...user.heard]).toEqual(['hello', 'connected', 'responded', 'broken ECONNRESET']);
  });

  it('is told of an endpoint that nobody is at', async () => {
    const { pool, stop } = await provider(() => {});
    await stop();
    expect((await asked(pool)).heard).toEqual(['broken ECONNREFUSED']);
  });

  it('hears what came before what is wrong', async () => {
    const p = await provider(
      (socket) => void socket.write(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n`),
    );
    const user = await asked(p.pool);
    expect([user.body, ...user.heard]).toEqual([
      'hello',
      'connected',
      'responded',
      'broken HPE_INVALID_CHUNK_SIZE',
    ]);
  });

  it('hears nothing more after it left, and nobody gets the rest of its answer', async () => {
    const p = await provider((socket, _, at) => {
      socket.write(at === 0 ? `${OK}content-length: 10\r\n\r\nhello` : HELLO);
    });
    const { user, connection } = ask(p.pool);
    await until(() => user.body === 'hello', 'half of it came');
    connection.leave(user);
    expect(connection.socket.destroyed).toBe(true);
    expect(await asked(p.pool)).toMatchObject({ body: 'hello', head: { length: 5 } });
    expect(user.heard).toEqual(['connected', 'responded']);
  });

  it('may leave with the last bytes of an answer, and the connection stays', async () => {
    const p = await provider((socket) => void socket.write(HELLO));
    const { connection } = await withLastBytes(p.pool, (it, user) => it.leave(user));
    expect(connection.socket.destroyed).toBe(false);
    expect(await asked(p.pool)).toMatchObject({ heard: ['responded', 'ended'] });
    expect(p.sockets).toHaveLength(1);
  });

  it('is not told of the end while it reads nothing', async () => {
    const p = await provider((socket, came) => {
      socket.write(HELLO);
      if (came.includes('last')) socket.end();
    });
    for (const body of [[], [Buffer.from('last')]]) {
      const { user, connection } = ask(p.pool, { body });
      user.onPiece = () => connection.pause(user);
      await until(() => user.body === 'hello', 'all of it came');
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(user.heard.at(-1)).toBe('responded');
      connection.resume(user);
      expect(user.heard.at(-1)).toBe('ended');
      await rested();
    }
    expect(p.sockets).toHaveLength(1);
  });

  it('is not read for while it does not read', async () => {
    const p = await provider((socket) => {
      socket.write(`${OK}content-length: 50000000\r\n\r\n`);
      socket.write(Buffer.alloc(50_000_000, 'x'));
    });
    const { user, connection } = ask(p.pool);
    user.onPiece = () => {
      if (user.body.length > 100_000) connection.pause(user);
    };
    await until(() => user.body.length > 100_000, 'some came');
    const { length } = user.body;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(user.body.length).toBe(length);
    user.onPiece = undefined;
    connection.resume(user);
    await user.over.promise;
    expect(user.body.length).toBe(50_000_000);
  });
});

describe.each(['plain', 'TLS'] as const)('many connections, %s', (kind) => {
  it('that are read into the same place do not mix', async () => {
    const authority = await testAuthority();
    const secure = kind === 'TLS' ? { ...(await authority.issue('127.0.0.1')), ca: authority.ca } : undefined;
    const text = (at: number): string => String.fromCharCode(0x61 + at).repeat(30_000 + at);
    const p = await provider((socket, _, at) => {
      const body = text(at);
      const answer = `${OK}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      let from = 0;
      const more = (): void => {
        socket.write(answer.slice(from, (from += 700 + at * 13)));
        if (from < answer.length) setImmediate(more);
      };
      more();
    }, secure);
    for (let round = 0; round < 2; round++) {
      const users = await Promise.all(Array.from({ length: 20 }, () => asked(p.pool)));
      expect(users.map(({ body }) => body).toSorted()).toEqual(
        Array.from({ length: 20 }, (_, at) => text(at)),
      );
    }
    expect(p.sockets).toHaveLength(20);
  });
});
