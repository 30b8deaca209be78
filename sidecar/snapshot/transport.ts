/**
 * HTTPS to the operator: identity, trust, deadlines and bounds of every single exchange. Connections are kept, so that a
 * small report costs no handshake.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { type Access, AccessFiles } from './access.ts';
import type { Clock } from './clock.ts';
import { BARE_STREAM, PROTOCOL_HEADER } from './messages.ts';

export interface TransportOptions {
  /** `https://host:port` of the operator's service. */
  url: string;
  tokenFile: string;
  /** PEM. Unset: the roots of the system. */
  caFile?: string;
  protocol: number;
  clock: Clock;
  /** For one exchange from connect to the last byte, or to the headers of a stream. */
  requestMs: number;
}

export interface Request {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: Buffer;
  /** `host:port` to send to instead of the service; its certificate must still be valid for the service's name. */
  leader?: string | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** An answer whose body goes on; destroy the body to end it. */
export interface OpenStream {
  status: number;
  headers: IncomingHttpHeaders;
  body: Readable;
}

/** The exchange did not come to an end that can be used. The message never has a token in it. */
export class ExchangeFailed extends Error {
  /** Status of the answer; undefined where there was none. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.name = 'ExchangeFailed';
    this.status = status;
  }
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #url: URL;
  /** What the certificate must be valid for, whichever replica shows it. */
  readonly #name: string;
  readonly #open = new Set<{ destroy(error: Error): unknown }>();
  readonly #access: AccessFiles;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#name = unbracketed(this.#url.hostname);
    if (this.#url.protocol !== 'https:')
      throw new Error(`the operator's address is ${options.url}; it must be https`);
    const { caFile, clock, tokenFile } = options;
    this.#access = new AccessFiles({
      tokenFile,
      name: this.#name,
      clock,
      ...(caFile !== undefined && { caFile }),
    });
  }

  /** SHA-256 in hex of the CA file that the next connection is checked by; undefined without a file. */
  async trustBundle(): Promise<string | undefined> {
    return (await this.#access.current()).trustBundle;
  }

  /** One whole exchange with an answer of at most `limit` bytes. */
  async exchange(request: Request, limit: number): Promise<Answer> {
    const deadline = this.#deadline();
    try {
      const response = await this.#send(request, deadline);
      const body = await readBody(response, limit);
      if (response.statusCode === 401) this.#access.distrust();
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    } catch (error) {
      this.#access.distrust();
      throw failure(error);
    } finally {
      deadline.cancel();
    }
  }

  /** A response whose headers are here; bare where the operator can do that. */
  async stream(path: string, accept: string): Promise<OpenStream> {
    const deadline = this.#deadline();
    this.#access.distrust();
    const headers = { accept, connection: 'Upgrade', upgrade: BARE_STREAM };
    try {
      const response = await this.#send({ method: 'GET', path, headers }, deadline);
      const { headers: said, statusCode = 0, socket } = response;
      // After an upgrade the connection itself is what goes on.
      const isBare = statusCode === 101;
      return { status: isBare ? 200 : statusCode, headers: said, body: isBare ? socket : response };
    } catch (error) {
      throw failure(error);
    } finally {
      deadline.cancel();
    }
  }

  /** Breaks off whatever is under way; every later exchange fails. */
  close(): void {
    this.#closed = true;
    for (const request of this.#open) request.destroy(new Error('stopped'));
    this.#access.close();
  }

  #deadline(): Deadline {
    return new Deadline(this.#options.clock, this.#options.requestMs);
  }

  async #send(request: Request, deadline: Deadline): Promise<IncomingMessage> {
    const access = await this.#access.current();
    for (let retried = false; ; retried = true) {
      const sent = this.#request(request, access);
      deadline.guard(sent.request);
      try {
        return await sent.response;
      } catch (error) {
        // The server closed a kept connection just as it was used again: nothing was read, everything here may be repeated.
        const { code } = error as NodeJS.ErrnoException;
        if (retried || !sent.request.reusedSocket || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error;
      }
    }
  }

  #request(
    { method, path, headers, body, leader }: Request,
    { token, agent, streams }: Access,
  ): { request: ClientRequest; response: Promise<IncomingMessage> } {
    if (this.#closed) throw new Error('stopped');
    const target = new URL(leader === undefined ? this.#url : `https://${leader}`);
    const request = https.request({
      agent: headers?.upgrade === undefined ? agent : streams,
      method,
      host: unbracketed(target.hostname),
      port: target.port || 443,
      path,
      servername: isIP(this.#name) ? '' : this.#name,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        [PROTOCOL_HEADER]: String(this.#options.protocol),
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': body.length,
        }),
      },
    });
    this.#open.add(request);
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('upgrade', (answer, socket, first) => {
        // Nobody else hears of its failures from here on; whoever reads it does.
        socket.on('error', () => {});
        this.#open.add(socket);
        socket.once('close', () => this.#open.delete(socket));
        if (first.length > 0) socket.unshift(first);
        resolve(answer);
      });
      request.on('error', reject);
      request.once('close', () => {
        this.#open.delete(request);
        reject(new Error('the connection was closed'));
      });
    });
    request.end(body);
    return { request, response };
  }
}

/** One timer over everything an exchange does, its second try included. */
class Deadline {
  readonly #timer: { cancel(): void };
  readonly #error: Error;
  #request: ClientRequest | undefined;
  #passed = false;

  constructor(clock: Clock, ms: number) {
    this.#error = new Error(`no answer within ${ms} ms`);
    this.#timer = clock.after(ms, () => {
      this.#passed = true;
      this.#request?.destroy(this.#error);
    });
  }

  guard(request: ClientRequest): void {
    this.#request = request;
    if (this.#passed) request.destroy(this.#error);
  }

  cancel(): void {
    this.#timer.cancel();
  }
}

async function readBody(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      response.destroy();
      throw new Error(`the answer is longer than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function failure(error: unknown): ExchangeFailed {
  if (error instanceof ExchangeFailed) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  // Where several addresses were tried the error has only a code.
  if (message === '') return new ExchangeFailed(code ?? 'unknown failure');
  return new ExchangeFailed(code === undefined || message.includes(code) ? message : `${message} (${code})`);
}

function unbracketed(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
