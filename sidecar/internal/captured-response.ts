/** Responses that go to nobody: what is written is thrown away, or kept up to a limit and can be read once it is over. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

/** A request that no connection brought. `rawHeaders`: names and values in turn. */
export function innerRequest(path: string, rawHeaders: readonly string[]): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  req.method = 'POST';
  req.url = path;
  req.rawHeaders = [...rawHeaders];
  req.complete = true;
  return req;
}

/** What is written to it is gone. */
export class DiscardedResponse extends ServerResponse {
  constructor(req: IncomingMessage) {
    super(req);
    this.shouldKeepAlive = false;
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    // Only what a response asks of its connection is asked of it: to write, to cork, to end and to close.
    this.assignSocket(nowhere as unknown as Socket);
    this.on('finish', () => nowhere.end(() => nowhere.destroy()));
  }
}

export class CapturedResponse extends DiscardedResponse {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #overflown = false;

  /** `limit`: bytes of the body; a longer one is broken off. */
  constructor(req: IncomingMessage, limit: number) {
    super(req);
    this.#limit = limit;
  }

  /** The body was longer than the limit. */
  get overflown(): boolean {
    return this.#overflown;
  }

  body(): Buffer {
    return Buffer.concat(this.#chunks, this.#length);
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    this.#keep(chunk, rest[0]);
    return super.write(chunk, ...(rest as []));
  }

  override end(...args: unknown[]): this {
    if (typeof args[0] !== 'function') this.#keep(args[0], args[1]);
    return super.end(...(args as []));
  }

  #keep(chunk: unknown, encoding: unknown): void {
    if (chunk === undefined || chunk === null || this.#overflown) return;
    const bytes =
      typeof chunk === 'string'
        ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
        : Buffer.from(chunk as Uint8Array);
    this.#length += bytes.length;
    if (this.#length <= this.#limit) {
      this.#chunks.push(bytes);
      return;
    }
    this.#overflown = true;
    this.#chunks = [];
    this.#length = 0;
    this.destroy();
  }
}
