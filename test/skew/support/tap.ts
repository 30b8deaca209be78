/** Stands between a sidecar and its operator and writes down what they say. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { TestAuthority } from '../../operator/sync/support/certificates.ts';
import type { Conversation, Exchange } from './release.ts';

/** Others carry identity, or are the business of HTTP. */
const SAID = ['accept', 'accept-encoding', 'x-outrider-protocol'];
const ANSWERED = ['content-type', 'content-encoding', 'cache-control', 'x-outrider-protocol'];

export class Tap {
  readonly steps: Conversation['steps'] = [{ stream: '', exchanges: [] }];
  readonly #server: https.Server;
  readonly #agent: https.Agent;
  readonly #operatorPort: number;

  private constructor(server: https.Server, ca: string, operatorPort: number) {
    this.#server = server;
    this.#operatorPort = operatorPort;
    this.#agent = new https.Agent({ ca });
    server.on('request', (req: IncomingMessage, res: ServerResponse) => this.#pass(req, res));
  }

  static async start(authority: TestAuthority, operatorPort: number): Promise<Tap> {
    const tap = new Tap(https.createServer(await authority.issue('127.0.0.1')), authority.ca, operatorPort);
    await new Promise<void>((resolve) => tap.#server.listen(0, '127.0.0.1', resolve));
    return tap;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What follows belongs to the next step. */
  next(): void {
    this.steps.push({ stream: '', exchanges: [] });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #pass(req: IncomingMessage, res: ServerResponse): void {
    // Whether a stream is bare is agreed on hop by hop.
    const { connection: _, upgrade: __, ...headers } = req.headers;
    const { method = '', url = '' } = req;
    const onward = https.request(
      { host: '127.0.0.1', port: this.#operatorPort, agent: this.#agent, method, path: url, headers },
      (answer) => {
        res.writeHead(answer.statusCode ?? 0, answer.headers);
        res.flushHeaders();
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => {
          res.write(chunk);
          if (url === '/v1/stream') (this.steps.at(-1) as { stream: string }).stream += chunk.toString();
          else chunks.push(chunk);
        });
        answer.on('error', () => res.destroy());
        answer.on('end', () => {
          if (url !== '/v1/stream') this.#note(req, asked, answer, Buffer.concat(chunks));
          res.end();
        });
      },
    );
    let asked = '';
    req.on('data', (chunk: Buffer) => {
      asked += chunk.toString();
      onward.write(chunk);
    });
    req.on('end', () => onward.end());
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
  }

  #note(req: IncomingMessage, asked: string, answer: IncomingMessage, body: Buffer): void {
    const text = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const exchange: Exchange = {
      method: req.method ?? '',
      path: req.url ?? '',
      headers: some(req.headers, SAID),
      ...(asked !== '' && { request: JSON.parse(asked) as unknown }),
      status: answer.statusCode ?? 0,
      answerHeaders: some(answer.headers, ANSWERED),
      body: JSON.parse(text.toString()) as unknown,
    };
    this.steps.at(-1)?.exchanges.push(exchange);
  }
}

function some(headers: IncomingMessage['headers'], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])));
}
