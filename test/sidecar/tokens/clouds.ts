/** The token services of three clouds on one loopback port, told apart by Host; strict about what they are sent. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpIO } from '../../../sidecar/tokens/http-io.ts';
import type { TokenIO } from '../../../sidecar/tokens/token-io.ts';

export interface Asked {
  method: string;
  host: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  form: URLSearchParams;
}

export type Answer = { status?: number; body: string };

export class Clouds {
  readonly asked: Asked[] = [];
  answer: (asked: Asked) => Answer = () => ({ status: 500, body: '' });
  readonly #server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    req.on('end', () => {
      const asked = {
        method: req.method ?? '',
        host: req.headers.host ?? '',
        path: req.url ?? '',
        headers: req.headers,
        body,
        form: new URLSearchParams(body),
      };
      this.asked.push(asked);
      const { status = 200, body: text } = this.answer(asked);
      res.writeHead(status).end(text);
    });
  });

  static async start(): Promise<Clouds> {
    const clouds = new Clouds();
    await new Promise<void>((resolve) => {
      clouds.#server.listen(0, '127.0.0.1', resolve);
    });
    return clouds;
  }

  io(options: {
    now: number;
    env?: Record<string, string>;
    files?: Record<string, string>;
    hosts?: string[];
  }): TokenIO {
    const { port } = this.#server.address() as AddressInfo;
    return httpIO({
      now: () => options.now,
      env: options.env ?? {},
      hosts: options.hosts ?? [],
      route: (url) => new URL(`http://127.0.0.1:${port}${url.pathname}${url.search}`),
      readFile: (path) => {
        const text = options.files?.[path];
        return text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(text);
      },
    });
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

export const stsAnswer = (
  action: string,
  expiration: string,
): string => `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${action}Result>
    <Credentials>
      <AccessKeyId>ASIASESSION</AccessKeyId>
      <SecretAccessKey>session/secret+key</SecretAccessKey>
      <SessionToken>session-token==</SessionToken>
      <Expiration>${expiration}</Expiration>
    </Credentials>
  </${action}Result>
</${action}Response>`;
