/** A caller that shows everything: status, headers, every chunk as it came, and how it ended. */
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { until } from '../../support/until.ts';

export { until };

export interface Asked {
  readonly request: ClientRequest;
  /** Resolves at the response head. */
  readonly head: Promise<IncomingMessage>;
  readonly answer: Promise<Answer>;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  text: string;
  chunks: Buffer[];
  /** The connection broke before the answer was complete. */
  broken: boolean;
}

export interface AskOptions {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer | undefined;
  agent?: http.Agent;
}

const CHAT = { model: 'asked', messages: [{ role: 'user', content: 'hello' }] };

export function ask(port: number, options: AskOptions = {}): Asked {
  const method = options.method ?? 'POST';
  const body = options.body ?? (method === 'POST' ? JSON.stringify(CHAT) : undefined);
  const request = http.request({
    host: '127.0.0.1',
    port,
    method,
    path: options.path ?? '/v1/chat/completions',
    agent: options.agent ?? false,
    headers: {
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...options.headers,
    },
  });
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  head.catch(() => {});
  const answer = head.then(collect);
  answer.catch(() => {});
  request.end(body);
  return { request, head, answer };
}

export function collect(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const done = (broken: boolean): void => {
      const body = Buffer.concat(chunks);
      const { statusCode, headers } = response;
      resolve({ status: statusCode ?? 0, headers, body, text: body.toString(), chunks, broken });
    };
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => done(!response.complete));
    response.on('error', () => done(true));
  });
}

export const chat = (port: number, more: object = {}, headers: Record<string, string> = {}): Asked =>
  ask(port, { body: JSON.stringify({ ...CHAT, ...more }), headers });

export const stream = (port: number, more: object = {}, headers: Record<string, string> = {}): Asked =>
  chat(port, { stream: true, ...more }, headers);

/** Waits until a count has not moved for as long as a stream that flows would never pause. */
export async function standsStill(count: () => number, what: string): Promise<void> {
  let value = count();
  let since = performance.now();
  // Time alone says nothing on a busy machine: the loop that moves the bytes must have had its turns as well.
  let turns = 0;
  await until(() => {
    const now = performance.now();
    turns++;
    if (count() !== value) {
      since = now;
      turns = 0;
    }
    value = count();
    return value > 0 && turns > 40 && now - since > 250;
  }, what);
}
