/** A provider that says what a test wants, byte by byte, and somebody who asks it. */
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import type { Connection, ConnectionUser } from '../../../sidecar/http1/connection.ts';
import { EndpointPool, type EndpointSettings } from '../../../sidecar/http1/endpoint-pool.ts';
import type { ResponseHead } from '../../../sidecar/http1/response-head.ts';
import { until } from '../dispatch/client.ts';

export const OK = 'HTTP/1.1 200 OK\r\n';
export const HELLO = `${OK}content-length: 5\r\n\r\nhello`;
export const HOST = ['Host', 'x'];

export class User implements ConnectionUser {
  head: ResponseHead | undefined;
  body = '';
  readonly heard: string[] = [];
  drained: (() => void) | undefined;
  /** Called with each piece of the body. */
  onPiece: (() => void) | undefined;
  onEnded: (() => void) | undefined;
  readonly over = Promise.withResolvers<void>();

  connected(): void {
    this.heard.push('connected');
  }
  responded(head: ResponseHead): void {
    this.heard.push('responded');
    this.head = head;
  }
  received(bytes: Buffer): void {
    this.body += bytes.toString('latin1');
    this.onPiece?.();
  }
  ended(): void {
    this.heard.push('ended');
    this.onEnded?.();
    this.over.resolve();
  }
  broken(error: Error & { code?: string }): void {
    this.heard.push(`broken ${error.code ?? error.message}`);
    this.over.resolve();
  }
}

export interface Provider {
  pool: EndpointPool;
  /** What came over each connection, in the order of their making. */
  came: string[];
  sockets: Socket[];
  stop: () => Promise<void>;
}

/** Answers with what `say` writes, whenever something comes. */
export async function provider(
  say: (socket: Socket, came: string, connection: number) => void,
  secure?: { key: string; cert: string; ca: string },
  pooled: Partial<EndpointSettings> = {},
): Promise<Provider> {
  const came: string[] = [];
  const sockets: Socket[] = [];
  const serve = (socket: Socket): void => {
    const at = sockets.push(socket) - 1;
    came[at] = '';
    socket.on('data', (bytes: Buffer) => {
      came[at] += bytes.toString('latin1');
      say(socket, came[at] ?? '', at);
    });
    socket.on('error', () => {});
  };
  const server = secure ? tls.createServer(secure, serve) : net.createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pool = new EndpointPool({
    tls: secure !== undefined,
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    caBundle: secure?.ca,
    idleMs: 60_000,
    now: () => performance.now(),
    ...pooled,
  });
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(() => {
    pool.retire();
    return stop();
  });
  return { pool, came, sockets, stop };
}

export interface Asking {
  method?: string;
  headers?: readonly string[];
  /** Later: it is written by the test. */
  body?: readonly Buffer[] | 'Later';
  user?: User;
}

export function ask(
  pool: EndpointPool,
  { method = 'POST', headers, body = [], user = new User() }: Asking = {},
): { user: User; connection: Connection } {
  const connection = pool.take();
  connection.begin(user, true);
  const pieces = body === 'Later' ? undefined : body;
  const length = pieces?.reduce((sum, piece) => sum + piece.length, 0) ?? 0;
  connection.send({
    method,
    path: '/v1/x',
    headers: headers ?? [...HOST, 'Content-Length', String(length)],
    body: pieces,
  });
  return { user, connection };
}

/** Asks and waits for the end, and until the connection has rested. */
export async function asked(pool: EndpointPool, asking?: Asking): Promise<User> {
  const { user } = ask(pool, asking);
  await user.over.promise;
  await rested();
  return user;
}

/** Asks, does `then` with the last bytes of the answer, and waits until the connection has rested. */
export async function withLastBytes(
  pool: EndpointPool,
  then: (connection: Connection, user: User) => void,
): Promise<{ user: User; connection: Connection }> {
  const asking = ask(pool);
  const { user, connection } = asking;
  user.onPiece = () => then(connection, user);
  await until(() => user.body === 'hello', 'all of it came');
  await rested();
  return asking;
}

/** A turn of the loop: what had come with an answer has been read. */
export const rested = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
