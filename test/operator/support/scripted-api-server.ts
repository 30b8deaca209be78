/**
 * An HTTP server that answers list and watch calls exactly as a test tells it, faults included. Every call waits in
 * `calls` until the test answers it.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../../crds/common.ts';
import { until } from './manual-clock.ts';

export class Call {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly url: URL;
  readonly body: string;
  closed = false;

  constructor(request: http.IncomingMessage, response: http.ServerResponse, body: string) {
    this.request = request;
    this.response = response;
    this.url = new URL(request.url ?? '/', 'http://server');
    this.body = body;
    response.on('close', () => {
      this.closed = true;
    });
  }

  get query(): URLSearchParams {
    return this.url.searchParams;
  }

  get isWatch(): boolean {
    return this.query.get('watch') === 'true';
  }

  json(status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): void {
    this.response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.response.end(JSON.stringify(body));
  }

  fail(code: number, reason: string, message = reason, headers: http.OutgoingHttpHeaders = {}): void {
    this.json(code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, headers);
  }

  list(resourceVersion: string, items: object[], next?: string): void {
    this.json(200, {
      kind: 'List',
      metadata: { resourceVersion, ...(next ? { continue: next } : {}) },
      items,
    });
  }

  /** Opens the stream of a watch. */
  open(): this {
    this.response.writeHead(200, { 'content-type': 'application/json' });
    this.response.flushHeaders();
    return this;
  }

  event(type: string, object: object): this {
    return this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(resourceVersion: string, initialEnd = false): this {
    const annotations = initialEnd ? { 'k8s.io/initial-events-end': 'true' } : {};
    return this.event('BOOKMARK', { metadata: { resourceVersion, annotations } });
  }

  raw(text: string): this {
    this.response.write(text);
    return this;
  }

  end(): void {
    this.response.end();
  }

  /** The connection goes away without an HTTP ending. */
  reset(): void {
    this.request.socket.resetAndDestroy();
  }
}

export class ScriptedApiServer {
  readonly calls: Call[] = [];
  /** Every call ever received. */
  readonly log: Call[] = [];
  readonly #server: http.Server;
  #port = 0;

  constructor() {
    this.#server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const call = new Call(request, response, Buffer.concat(chunks).toString());
        this.calls.push(call);
        this.log.push(call);
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(this.#port, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  /** Takes the next unanswered call. */
  async next(what = 'the next call'): Promise<Call> {
    await until(() => this.calls.length > 0, what);
    return this.calls.shift() as Call;
  }
}

let version = 100;

/** A route as the API server would send it; every call makes a new version. */
export function anObject(name: string, extra: object = {}): KubeObject {
  version += 1;
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      generation: 1,
      resourceVersion: String(version),
    },
    ...extra,
  };
}
