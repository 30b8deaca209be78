/** Requests as raw as a test needs them. */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  json: () => { error: { code: string; message: string; param: string | null; type: string } } & Record<
    string,
    unknown
  >;
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
  agent?: Agent;
  localAddress?: string;
  /** Gets the request before it is sent. */
  onRequest?: (req: ClientRequest) => void;
}

export function call(url: string, options: CallOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = options.body === undefined ? 'GET' : 'POST', headers = {}, body, agent } = options;
    const req = request(url, { method, headers, agent: agent ?? new Agent() }, (res) => {
      read(res).then(resolve, reject);
    });
    req.on('error', reject);
    options.onRequest?.(req);
    req.end(body);
  });
}

export function callJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return call(url, { body: text, headers: { 'content-type': 'application/json', ...headers } });
}

export async function read(res: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    text,
    json: () => JSON.parse(text) as ReturnType<Answer['json']>,
  };
}

/** Sends bytes as they are and resolves to everything that comes back until the connection closes. */
export function exchangeBytes(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}
