/**
 * Keep-alive connections to one endpoint with one set of TLS settings. No limit on sockets: a pool that queues is a pool
 * that starves streams in silence; admission is decided elsewhere.
 *
 * What node:http's agent does per request to tell endpoints apart and to time idle sockets is done once or not at all
 * here: there is one endpoint, and idle sockets carry the time until which they may be used.
 */
import http, { type ClientRequest } from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { headerValue } from './header-value.ts';

export interface EndpointSettings {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly caBundle: string | undefined;
  /** Milliseconds an idle connection is kept; 0: connections are used once. */
  readonly idleMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const NAME = 'endpoint';
const MAX_IDLE = 256;
const SWEEP_MS = 1000;
/** We must close before the provider does, and our close takes a moment to arrive. */
const HINT_MARGIN_MS = 1000;
const IDLE_SINCE = Symbol('idle since');
const USABLE_UNTIL = Symbol('usable until');
/** Of node:http, as agents of others use it. */
type Taker = ClientRequest & { onSocket(socket: Socket): void };
interface Requests {
  addRequest(request: ClientRequest, options: object): void;
}
type Idle = Duplex & {
  [IDLE_SINCE]?: number;
  [USABLE_UNTIL]?: number;
  _httpMessage?: { res?: http.IncomingMessage } | null;
};

export class EndpointAgent {
  readonly agent: http.Agent;
  /** The connection that the request just created was given, if it is an old one. */
  reused: Socket | undefined = undefined;
  readonly #keepMs: number;
  readonly #now: () => number;
  #sweeper: NodeJS.Timeout | undefined = undefined;

  constructor(settings: EndpointSettings) {
    const { tls, host, port, caBundle, idleMs } = settings;
    const options: https.AgentOptions = {
      keepAlive: idleMs > 0,
      maxFreeSockets: MAX_IDLE,
      scheduling: 'lifo',
    };
    const agent = tls ? new https.Agent(options) : new http.Agent(options);
    this.agent = agent;
    this.#keepMs = idleMs;
    this.#now = settings.now;
    // The agent's options are copied for every request, so they hold what a connection needs and nothing else.
    const own = (agent as unknown as { options: Record<string, unknown> }).options;
    for (const name of ['keepAlive', 'maxFreeSockets', 'scheduling']) delete own[name];
    Object.assign(own, { host, port, servername: isIP(host) ? '' : host });
    if (tls && caBundle !== undefined) trustAlso(agent as https.Agent, caBundle);
    const add = (agent as unknown as Requests).addRequest.bind(agent);
    Object.assign(agent, {
      getName: () => NAME,
      keepSocketAlive: (socket: Idle) => this.#keep(socket),
      addRequest: (request: Taker, options: object) => {
        if (!this.#giveIdle(request)) add(request, options);
      },
    });
  }

  /**
   * What the agent does where it has an idle connection, without merging the options of a connection that is not made, and without
   * a new async id for one that is not new.
   */
  #giveIdle(request: Taker): boolean {
    const { agent } = this;
    const socket = this.#newest();
    if (socket === undefined) return false;
    agent.freeSockets[NAME]?.pop();
    this.reused = socket;
    agent.reuseSocket(socket, request);
    request.onSocket(socket);
    const { sockets } = agent as { sockets: NodeJS.Dict<Socket[]> };
    (sockets[NAME] ??= []).push(socket);
    return true;
  }

  /** The connection that a request would get. The agent has those that were just closed until it hears of it. */
  #newest(): (Socket & Idle) | undefined {
    const idle = this.agent.freeSockets[NAME];
    while (idle?.at(-1)?.destroyed) idle.pop();
    return idle?.at(-1);
  }

  /** How long the connection that a request would get has been idle; 0 where it would get a new one. */
  get idleMs(): number {
    const newest = this.#newest();
    return newest === undefined ? 0 : this.#now() - (newest[IDLE_SINCE] ?? 0);
  }

  /** To be called before each request: sockets whose time is over are not handed out. */
  dropExpired(): void {
    this.reused = undefined;
    const newest = this.#newest();
    // The newest is handed out first; when its time is over, so is that of all others.
    if (newest !== undefined && isExpired(newest, this.#now())) this.dropIdle();
  }

  /** Closes idle connections: one of them turned out to be dead, and the others are as old. */
  dropIdle(): void {
    for (const socket of this.agent.freeSockets[NAME] ?? []) socket.destroy();
  }

  /** Closes idle connections now and running ones when their request ends. Requests under way are not disturbed. */
  retire(): void {
    this.agent.maxFreeSockets = 0;
    this.dropIdle();
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
  }

  #keep(socket: Idle): boolean {
    const idleMs = Math.min(this.#keepMs, hintedMs(socket._httpMessage?.res));
    if (idleMs <= 0) return false;
    (socket as Socket).setKeepAlive(true, 1000);
    (socket as Socket).unref();
    const now = this.#now();
    socket[IDLE_SINCE] = now;
    socket[USABLE_UNTIL] = now + idleMs;
    this.#sweeper ??= setTimeout(() => this.#sweep(), SWEEP_MS).unref();
    return true;
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const idle = this.agent.freeSockets[NAME];
    if (idle === undefined || idle.length === 0) return;
    const now = this.#now();
    for (const socket of idle) if (isExpired(socket, now)) socket.destroy();
    this.#sweeper = setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }
}

/**
 * Trusts `caBundle` besides the usual authorities. Left to itself, Node reads all of them anew for every connection, and
 * each connection keeps its own copy; one context serves them all, and is made with the first.
 */
function trustAlso(agent: https.Agent, caBundle: string): void {
  const connect = agent.createConnection.bind(agent);
  let secureContext: SecureContext | undefined;
  agent.createConnection = (options, done) => {
    secureContext ??= createSecureContext({ ca: [...rootCertificates, caBundle] });
    return connect({ ...options, secureContext } as typeof options, done);
  };
}

function isExpired(socket: Idle, now: number): boolean {
  return now >= (socket[USABLE_UNTIL] ?? 0);
}

/** `Keep-Alive: timeout=5` announces when the server closes. */
function hintedMs(response: http.IncomingMessage | undefined): number {
  const hint = response && headerValue(response.rawHeaders, 'keep-alive');
  if (hint === undefined) return Number.POSITIVE_INFINITY;
  // A server says the same with every answer.
  if (hint !== lastHint) {
    const seconds = /\btimeout=(\d{1,9})/.exec(hint)?.[1];
    lastHinted = seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000 - HINT_MARGIN_MS;
    lastHint = hint;
  }
  return lastHinted;
}

let lastHint: string | undefined;
let lastHinted = Number.POSITIVE_INFINITY;
