/** A caller-facing server with nothing in it but dispatch: every request follows the plan the test sets. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { OutriderError } from '../../../errors/table.ts';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';
import { ANTHROPIC_MESSAGES } from '../../../sidecar/dialects/anthropic/dialects.ts';
import type { Dialect } from '../../../sidecar/dialects/dialect.ts';
import {
  OPENAI_CHAT,
  OPENAI_COMPLETIONS,
  OPENAI_EMBEDDINGS,
  OPENAI_RAW,
} from '../../../sidecar/dialects/openai/dialects.ts';
import { Dispatcher, type DispatcherOptions } from '../../../sidecar/dispatch/dispatcher.ts';
import { type WebSocketOptions, WebSocketRelay } from '../../../sidecar/dispatch/websocket.ts';
import type { Exchange } from '../../../sidecar/exchange.ts';
import { MemoryBudget } from '../../../sidecar/limits/memory-budget.ts';
import type { Candidate, Plan, ReplayClass, RequestFacts } from '../../../sidecar/routing/plan.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import type { ProviderBody, RuleBody, TargetBody } from '../../../sidecar/snapshot/schema.ts';

interface TargetSpec {
  url: string;
  /** Name of target and provider; unset: t0, t1 ... */
  name?: string;
  /** Provider the target belongs to; unset: one of its own. */
  provider?: string;
  model?: string;
  /** The rule names the model, so it replaces the caller's. */
  named?: boolean;
  /** Unset: an open server. */
  key?: string;
  credential?: 'APIKey' | 'Passthrough';
  credentialName?: string;
  patch?: Partial<TargetBody['patch']>;
  body?: Partial<ProviderBody>;
}

export interface FrontOptions {
  targets: TargetSpec[];
  rule?: Partial<Omit<RuleBody, 'timeouts'>>;
  timeouts?: Partial<RuleBody['timeouts']>;
  maxAttempts?: number;
  replay?: ReplayClass;
  pinned?: boolean;
  dispatcher?: Partial<DispatcherOptions>;
  memoryLimit?: number;
  sockets?: WebSocketOptions;
  /** Bytes of an unread body that are read before dispatch. */
  peek?: number;
}

export interface Front {
  readonly port: number;
  readonly url: string;
  readonly dispatcher: Dispatcher;
  readonly sockets: WebSocketRelay;
  readonly memory: MemoryBudget;
  readonly credentials: CredentialStore;
  readonly candidates: Candidate[];
  /** All exchanges that began. */
  readonly running: Exchange[];
  /** Finished exchanges, in order of their end. */
  readonly exchanges: Exchange[];
  options: FrontOptions;
  /** Resolves with the n-th finished exchange, from 0. */
  finished(n?: number): Promise<Exchange>;
  close(): Promise<void>;
}

const DIALECTS: Record<string, Dialect> = {
  '/v1/chat/completions': OPENAI_CHAT,
  '/v1/completions': OPENAI_COMPLETIONS,
  '/v1/embeddings': OPENAI_EMBEDDINGS,
  '/v1/messages': ANTHROPIC_MESSAGES,
};

const ALL_FAILURES: RuleBody['failover']['on'] = [
  'Connect',
  'Timeout',
  'RateLimited',
  'ServerError',
  'StreamError',
  'Unauthorized',
  'QuotaExhausted',
  'ModelNotFound',
];

export async function startFront(options: FrontOptions): Promise<Front> {
  const memory = new MemoryBudget(options.memoryLimit);
  const credentials = new CredentialStore();
  const made = options.targets.map(candidateOf);
  credentials.apply({
    version: '1',
    credentials: options.targets.flatMap((spec, i) => {
      const id = made[i]?.credential?.id;
      return id !== undefined && spec.key !== undefined ? [{ id, value: spec.key }] : [];
    }),
  });
  const dispatcher = new Dispatcher({ credentials, memory, tickMs: 5, ...options.dispatcher });
  const exchanges: Exchange[] = [];
  const waiting: { n: number; resolve: (exchange: Exchange) => void }[] = [];
  let count = 0;

  const front: Front = {
    port: 0,
    url: '',
    dispatcher,
    sockets: new WebSocketRelay(dispatcher.parts, options.sockets),
    memory,
    credentials,
    candidates: made,
    running: [],
    exchanges,
    options,
    finished(n = 0) {
      const done = exchanges[n];
      return done ? Promise.resolve(done) : new Promise((resolve) => waiting.push({ n, resolve }));
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      dispatcher.close();
    },
  };

  const server = http.createServer((req, res) => {
    const id = `r${count++}`;
    void serve(front, id, req, res, (exchange) => {
      exchanges.push(exchange);
      for (const w of waiting) if (exchanges[w.n]) w.resolve(exchanges[w.n] as Exchange);
    });
  });
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    void upgrade(front, `u${count++}`, req, socket, head).then((exchange) => {
      exchanges.push(exchange);
      for (const w of waiting) if (exchanges[w.n]) w.resolve(exchanges[w.n] as Exchange);
      return exchange;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(front, { port, url: `http://127.0.0.1:${port}` });
}

async function serve(
  front: Front,
  id: string,
  req: IncomingMessage,
  res: ServerResponse,
  done: (exchange: Exchange) => void,
): Promise<void> {
  const [path = '', query = ''] = (req.url ?? '').split('?');
  const dialect = DIALECTS[path] ?? OPENAI_RAW;
  const exchange = exchangeOf(front, id, req, res, path, query, dialect);
  front.running.push(exchange);
  try {
    if (dialect !== OPENAI_RAW) {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      exchange.envelope = dialect.readRequest(Buffer.concat(chunks));
    } else {
      req.pause();
      if (front.options.peek !== undefined) exchange.head = await peek(req, front.options.peek);
    }
    await front.dispatcher.run(exchange);
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    const { status, headers, body } = dialect.renderError(error);
    exchange.outcome = {
      status,
      endedAt: performance.now(),
      errorCode: error.code,
      broken: false,
      cancelled: false,
      streamed: false,
      responseBytes: body.length,
    };
    res.writeHead(status, headers.flat());
    res.end(body);
  }
  done(exchange);
}

async function upgrade(
  front: Front,
  id: string,
  req: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<Exchange> {
  const res = new http.ServerResponse(req);
  res.assignSocket(socket);
  const [path = '', query = ''] = (req.url ?? '').split('?');
  const exchange = exchangeOf(front, id, req, res, path, query, OPENAI_RAW);
  try {
    await front.sockets.run(exchange, socket, head);
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    const { status, body } = OPENAI_RAW.renderError(error);
    res.writeHead(status, { connection: 'close', 'content-length': body.length });
    res.end(body, () => socket.end());
  }
  return exchange;
}

function exchangeOf(
  front: Front,
  id: string,
  req: IncomingMessage,
  res: ServerResponse,
  path: string,
  query: string,
  dialect: Dialect,
): Exchange {
  const { options, candidates } = front;
  const plan: Plan = {
    rule: ruleOf(options, candidates),
    candidates,
    considered: [],
    maxAttempts: options.maxAttempts ?? Math.min(3, candidates.length),
  };
  const exchange: Exchange = {
    id,
    req,
    res,
    startedAt: (options.dispatcher?.clock ?? systemClock).monotonic(),
    startedWall: Date.now(),
    method: req.method ?? '',
    path,
    query,
    allowedOrigin: undefined,
    dialect,
    envelope: undefined,
    head: undefined,
    facts: {
      replay: options.replay ?? 'Free',
      pinned: options.pinned ?? dialect === OPENAI_RAW,
    } as RequestFacts,
    route: 'shop/assistant',
    modelPattern: '*',
    steps: [],
    plan,
    attempts: [],
    committedAt: undefined,
    warnings: [],
    outcome: undefined,
    releaseBody() {
      if (exchange.envelope) exchange.envelope.body = Buffer.alloc(0);
    },
    settle: (attempt) =>
      (attempt.settlement ??= { usage: NO_USAGE, source: 'Estimated', costNanoUsd: 1_000_000n }),
  };
  return exchange;
}

function ruleOf(options: FrontOptions, candidates: Candidate[]): RuleBody {
  return {
    name: 'all',
    matches: [],
    strategy: { type: 'Weighted' },
    targets: candidates.map((c) => c.target),
    failover: { on: ALL_FAILURES, maxAttempts: 3, backoff: { baseMs: 5, maxMs: 20 } },
    holdMaxMs: 5000,
    passthrough: [],
    statefulTarget: 0,
    forwardHeaders: [],
    ...options.rule,
    timeouts: {
      connectMs: 3000,
      firstTokenMs: 5000,
      interTokenMs: 5000,
      attemptMs: 20_000,
      requestMs: 30_000,
      clientStallMs: 5000,
      ...options.timeouts,
    },
  };
}

function candidateOf(spec: TargetSpec, index: number): Candidate {
  const name = spec.name ?? `t${index}`;
  const provider = spec.provider ?? name;
  const credentialName = spec.credentialName ?? 'main';
  const type = spec.credential ?? (spec.key === undefined ? undefined : 'APIKey');
  const credential = type && {
    name: credentialName,
    id: `shop/${provider}/${credentialName}`,
    type,
    weight: 1,
  };
  const body: ProviderBody = {
    namespace: 'shop',
    name: provider,
    type: 'OpenAICompatible',
    url: spec.url,
    headers: [],
    credentials: credential ? [credential] : [],
    models: [],
    openModels: true,
    streamUsage: 'OnRequest',
    passive: { consecutiveErrors: 5, ejectionMs: 5000, maxEjectionMs: 120_000 },
    ...spec.body,
  };
  return {
    index,
    target: {
      name,
      provider: `provider/shop/${provider}`,
      ...(spec.named && spec.model ? { model: spec.model } : {}),
      weight: 1,
      priority: 0,
      patch: { set: [], default: [], remove: [], headers: [], ...spec.patch },
    },
    providerId: `provider/shop/${provider}`,
    provider: body,
    credential,
    upstreamModel: spec.model ?? 'scripted',
    model: undefined,
  };
}

async function peek(req: IncomingMessage, bytes: number): Promise<NonNullable<Exchange['head']>> {
  await new Promise((resolve) => req.once('readable', resolve));
  const chunk = req.read(bytes) as Buffer;
  return { chunks: [chunk], length: chunk.length, complete: false };
}
