/**
 * Streams without HTTP around them. Node keeps a parser of 10 KiB, a request and an answer for as long as an answer goes on, which for a stream is hours in
 * which nothing is asked: a sidecar that says it can do without is answered 101, and its connection is all that stays.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BARE_STREAM } from '../../sidecar/snapshot/messages.ts';
import type { EventSink } from './announcer.ts';

export const asksForBareStream = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'GET' && url === '/v1/stream' && headers.upgrade?.toLowerCase() === BARE_STREAM;

/** Node makes no answer to a request that asks for an upgrade. This one says what HTTP has to say, and then ends the connection unless it was taken over. */
export function answerTo(req: IncomingMessage, socket: Socket): ServerResponse {
  // It reads and fails on its own account: nobody else listens any more.
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroySoon());
  socket.resume();
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.once('finish', () => socket.destroySoon());
  return res;
}

/** Says the last of HTTP, and lets go of the answer. */
export function takeOver(
  res: ServerResponse,
  socket: Socket,
  headers: Readonly<Record<string, string>>,
): BareStream {
  res.writeHead(101, { connection: 'Upgrade', upgrade: BARE_STREAM, ...headers });
  res.flushHeaders();
  res.detachSocket(socket);
  return new BareStream(socket);
}

class BareStream implements EventSink {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(text: string, written: (error?: Error | null) => void): void {
    this.#socket.write(text, written);
  }

  /** Does not wait for the other side to end it too. */
  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
