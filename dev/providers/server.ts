/**
 * A scripted provider: real HTTP and real SSE in the wire formats of several vendors, told apart by path, with every way
 * a vendor can misbehave.
 * Tests, the laptop cluster and the benches all talk to this one.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Behaviour, readBehaviour } from './behaviour.ts';
import {
  answer,
  completeBody,
  type Endpoint,
  errorBody,
  OPENAI_SHAPE,
  type ParsedRequest,
  streamEvents,
} from './openai-bodies.ts';
import { complete, failBeforeAnswer, pause, send, stream } from './responses.ts';
import type { Vendor, VendorRequest } from './vendor.ts';
import { VENDORS } from './vendors.ts';

/** One request as it arrived. */
interface SeenRequest {
  method: string;
  url: string;
  rawHeaders: string[];
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** Resolves when the exchange is over; true when the client left before the answer was complete. */
  closed: Promise<boolean>;
}

export interface ScriptedProviderOptions {
  port?: number;
  /** Address to listen on; loopback unless told. */
  host?: string;
  /** Behaviour of requests that `script` does not decide. May be replaced at any time. */
  behaviour?: Behaviour;
  /** Decides per request; undefined falls back to `behaviour`. */
  script?: (request: SeenRequest, index: number) => Behaviour | undefined | Promise<Behaviour | undefined>;
  /** Keys accepted; unset: any or none. */
  keys?: string[];
  models?: string[];
  tls?: { key: string; cert: string };
  /** Keep what arrives; off in benches. Default true. */
  record?: boolean;
}

export interface ScriptedProvider {
  /** Base URL with the version path, as `endpoint.url` takes it. */
  readonly url: string;
  readonly port: number;
  readonly requests: SeenRequest[];
  /** Requests seen since the start, recorded or not. */
  readonly count: number;
  /** Open sockets. */
  readonly connections: number;
  behaviour: Behaviour;
  script: ScriptedProviderOptions['script'];
  /** Refuses connections until `resume`: the port stays reserved for this provider. */
  refuse(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

const FIRST_PORT = 20_000;
const PORTS = 10_000;
const MAX_ATTEMPTS = 50;

/** One after the other from anywhere: the pools of a process's clients would take one that was used before for the same provider. */
let lastPort = Math.floor(Math.random() * PORTS);
function anotherPort(): number {
  lastPort = (lastPort + 1) % PORTS;
  return FIRST_PORT + lastPort;
}

const ENDPOINTS: Record<string, Endpoint> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completions',
  '/v1/embeddings': 'embeddings',
};

export async function startScriptedProvider(
  options: ScriptedProviderOptions = {},
): Promise<ScriptedProvider> {
  const provider = new Provider(options);
  await provider.listen(options.port ?? 0);
  return provider;
}

class Provider implements ScriptedProvider {
  readonly requests: SeenRequest[] = [];
  count = 0;
  behaviour: Behaviour;
  script: ScriptedProviderOptions['script'];
  port = 0;
  readonly #options: ScriptedProviderOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server;

  constructor(options: ScriptedProviderOptions) {
    this.#options = options;
    this.behaviour = options.behaviour ?? {};
    this.script = options.script;
    this.#server = this.#create();
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}/v1`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  #create(): Server {
    const handler = (req: IncomingMessage, res: ServerResponse): void => {
      this.#handle(req, res).catch(() => res.destroy());
    };
    const server = this.#options.tls ? createTlsServer(this.#options.tls, handler) : createServer(handler);
    server.keepAliveTimeout = 120_000;
    server.on(this.#options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    return server;
  }

  /** Port 0: a free one outside the range the system hands out, so that nobody is given it while it refuses. */
  async listen(port: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#bind(port || anotherPort());
        break;
      } catch (error) {
        const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (!taken || port !== 0 || attempt === MAX_ATTEMPTS) throw error;
      }
    }
    this.port = (this.#server.address() as AddressInfo).port;
  }

  #bind(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.#options.host ?? '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async resume(): Promise<void> {
    this.#server = this.#create();
    await this.listen(this.port);
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse();
  }

  /** `GET` and `PUT /v1/_behaviour`: misbehaviour by hand, while it runs. */
  #control(res: ServerResponse, { method, body }: SeenRequest): void {
    try {
      if (method === 'PUT') this.behaviour = readBehaviour(body);
      send(res, 200, `${JSON.stringify(this.behaviour)}\n`);
    } catch (error) {
      send(
        res,
        400,
        errorBody(error instanceof Error ? error.message : String(error), 'invalid_request_error', null),
      );
    }
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const closed = new Promise<boolean>((resolve) => res.on('close', () => resolve(!res.writableFinished)));
    const seen: SeenRequest = {
      method: req.method ?? '',
      url: req.url ?? '',
      rawHeaders: req.rawHeaders,
      headers: req.headers,
      body,
      closed,
    };
    const index = this.count++;
    if (this.#options.record !== false) this.requests.push(seen);
    const path = seen.url.split('?')[0] ?? '';
    if (path === '/v1/_behaviour') return this.#control(res, seen);
    const behaviour = (await this.script?.(seen, index)) ?? this.behaviour;
    const endpoint = ENDPOINTS[path];
    if (behaviour.latencyMs) await pause(behaviour.latencyMs);
    if (res.destroyed) return;
    const foreign = { method: seen.method, path, headers: seen.headers, body };
    const vendor = VENDORS.find((one) => one.serves(foreign));
    if (vendor) return this.#answerAs(vendor, foreign, res, behaviour);
    if (this.#options.keys && !this.#options.keys.includes(bearer(req))) {
      return send(
        res,
        401,
        errorBody('Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'),
      );
    }
    if (failBeforeAnswer(res, behaviour, OPENAI_SHAPE)) return;
    if (path === '/v1/models')
      return send(res, 200, modelList(this.#options.models ?? ['scripted-large', 'scripted-small']));
    if (!endpoint) {
      if (body.length > 0)
        return send(res, 200, JSON.stringify({ object: 'echo', path, bytes: body.length }));
      return send(
        res,
        404,
        errorBody(`Unknown request URL: ${seen.method} ${path}.`, 'invalid_request_error', 'unknown_url'),
      );
    }
    let request: ParsedRequest;
    try {
      request = JSON.parse(body.toString('utf8')) as ParsedRequest;
    } catch {
      return send(
        res,
        400,
        errorBody('We could not parse the JSON body of your request.', 'invalid_request_error', null),
      );
    }
    if (behaviour.streamUsage === 'RejectOption' && request.stream_options) {
      return send(
        res,
        400,
        errorBody('Unrecognized request argument supplied: stream_options', 'invalid_request_error', null),
      );
    }
    const a = answer(request, body, behaviour);
    const headers = { 'x-request-id': `req_${a.id.slice(-16)}`, 'openai-processing-ms': '5' };
    if (request.stream === true && endpoint !== 'embeddings') {
      const events = streamEvents(endpoint, request, a, behaviour.streamUsage ?? 'OnRequest');
      return stream(res, events, behaviour, headers, OPENAI_SHAPE);
    }
    await complete(res, completeBody(endpoint, request, a), behaviour, headers);
  }

  async #answerAs(
    vendor: Vendor,
    request: VendorRequest,
    res: ServerResponse,
    behaviour: Behaviour,
  ): Promise<void> {
    if (this.#options.keys && !this.#options.keys.includes(vendor.key(request.headers))) {
      return send(res, 401, vendor.unauthorized);
    }
    if (failBeforeAnswer(res, behaviour, vendor.shape)) return;
    const answered = vendor.answer(request, behaviour);
    switch (answered.kind) {
      case 'Refused':
        return send(res, answered.status, answered.body, answered.headers);
      case 'Whole':
        return complete(res, answered.body, behaviour, answered.headers);
      case 'Stream':
        return stream(res, answered.events, behaviour, answered.headers, vendor.shape);
    }
  }
}

function modelList(models: string[]): string {
  return JSON.stringify({
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 1_780_000_000, owned_by: 'scripted' })),
  });
}

function bearer(req: IncomingMessage): string {
  return (req.headers.authorization ?? '').replace(/^Bearer /, '');
}
