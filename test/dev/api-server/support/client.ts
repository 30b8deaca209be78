/** A plain HTTP client of the Kubernetes API that can write down what it asked and was answered. */
import { readFileSync } from 'node:fs';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

// Answers are looked into by path in tests; a type for every shape would say nothing more.
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Json;
}

export interface Ask {
  method: string;
  path: string;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  type?: string;
  accept?: string;
  headers?: Record<string, string>;
}

/** One request with its answer, or one watch with the events read from it. */
export interface Exchange {
  request: Omit<Ask, 'headers'> & { events?: number };
  response: { status: number; type?: string; warnings?: string[]; body: Json };
}

export interface WatchEvent {
  type: string;
  object: Json;
}

export interface ServerAddress {
  url: string;
  token?: string;
  caPath?: string;
}

const DEADLINE_MS = 10_000;

export class Client {
  /** Called with every exchange of `send` and `watch`. */
  recorder: ((exchange: Exchange) => void) | undefined;
  readonly #address: ServerAddress;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(address: ServerAddress) {
    this.#address = address;
    this.#agent = address.url.startsWith('https')
      ? new HttpsAgent({ keepAlive: true, ca: address.caPath && readFileSync(address.caPath) })
      : new HttpAgent({ keepAlive: true });
  }

  close(): void {
    this.#agent.destroy();
  }

  async send(ask: Ask): Promise<Answer> {
    const message = await this.#open(ask);
    const chunks: Buffer[] = [];
    for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body: Json = text.startsWith('{') ? JSON.parse(text) : text;
    const answer = { status: message.statusCode ?? 0, headers: message.headers, body };
    const { headers: _, ...request } = ask;
    this.recorder?.({ request, response: summary(answer) });
    return answer;
  }

  get = (path: string, accept?: string): Promise<Answer> =>
    this.send({ method: 'GET', path, ...(accept && { accept }) });
  post = (path: string, body: unknown): Promise<Answer> => this.send({ method: 'POST', path, body });
  put = (path: string, body: unknown): Promise<Answer> => this.send({ method: 'PUT', path, body });
  delete = (path: string, body?: unknown): Promise<Answer> =>
    this.send({ method: 'DELETE', path, ...(body !== undefined && { body }) });
  merge = (path: string, body: unknown): Promise<Answer> =>
    this.send({ method: 'PATCH', path, body, type: 'application/merge-patch+json' });
  jsonPatch = (path: string, body: unknown): Promise<Answer> =>
    this.send({ method: 'PATCH', path, body, type: 'application/json-patch+json' });
  strategic = (path: string, body: unknown): Promise<Answer> =>
    this.send({ method: 'PATCH', path, body, type: 'application/strategic-merge-patch+json' });
  apply = (path: string, body: unknown): Promise<Answer> =>
    this.send({ method: 'PATCH', path, body, type: 'application/apply-patch+yaml' });

  /** The first `count` events of a watch; fewer if it ends before. */
  async watch(path: string, count: number, accept?: string): Promise<WatchEvent[]> {
    const stream = await this.stream(path, accept);
    const events: WatchEvent[] = [];
    while (events.length < count) {
      const event = await stream.next();
      if (!event) break;
      events.push(event);
    }
    stream.close();
    this.recorder?.({
      request: { method: 'GET', path, events: count, ...(accept && { accept }) },
      response: { status: 200, body: events },
    });
    return events;
  }

  /** A watch to read from while other requests are made. Not recorded. */
  async stream(path: string, accept?: string): Promise<WatchStream> {
    const message = await this.#open({ method: 'GET', path, ...(accept && { accept }) });
    return new WatchStream(message);
  }

  #open(ask: Ask): Promise<IncomingMessage> {
    const { url, token } = this.#address;
    const request = url.startsWith('https') ? httpsRequest : httpRequest;
    const text = ask.body === undefined || typeof ask.body === 'string' ? ask.body : JSON.stringify(ask.body);
    return new Promise((resolve, reject) => {
      const req = request(
        url + ask.path,
        {
          method: ask.method,
          agent: this.#agent,
          headers: {
            'user-agent': 'conformance/1',
            accept: ask.accept ?? 'application/json',
            ...(token && { authorization: `Bearer ${token}` }),
            ...(text !== undefined && {
              'content-type': ask.type ?? 'application/json',
              'content-length': String(Buffer.byteLength(text)),
            }),
            ...ask.headers,
          },
        },
        resolve,
      );
      req.on('error', reject);
      req.end(text);
    });
  }
}

/** The lines of one watch, one by one. */
export class WatchStream {
  readonly status: number;
  readonly #message: IncomingMessage;
  readonly #lines: AsyncGenerator<string>;

  constructor(message: IncomingMessage) {
    this.status = message.statusCode ?? 0;
    this.#message = message;
    this.#lines = lines(message);
  }

  /** Undefined at the end of the watch. Throws if nothing comes for ten seconds. */
  async next(): Promise<WatchEvent | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no watch event came')), DEADLINE_MS);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      return done ? undefined : (JSON.parse(value) as WatchEvent);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#message.destroy();
  }
}

async function* lines(message: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  message.setEncoding('utf8');
  try {
    for await (const chunk of message as AsyncIterable<string>) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part.trim()) yield part;
    }
  } catch (error) {
    // Closed by the reader.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
  if (rest.trim()) yield rest;
}

const summary = ({ status, headers, body }: Answer): Exchange['response'] => ({
  status,
  type: (headers['content-type'] ?? '').split(';')[0] ?? '',
  ...(headers.warning && { warnings: [headers.warning].flat() }),
  body,
});
