/**
 * WebSockets to an explicit list of provider paths. Frames pass as they are; credentials are replaced in the handshake,
 * messages are counted, nothing is sent twice, and no socket outlives its maximum age or the process's drain.
 */
import type { Duplex } from 'node:stream';
import { OutriderError } from '../../errors/table.ts';
import type { Exchange } from '../exchange.ts';
import type { DispatchParts } from './parts.ts';
import { handshakeFault } from './websocket-handshake.ts';
import { WebSocketSession } from './websocket-session.ts';

export interface WebSocketOptions {
  /** Milliseconds after which a socket is closed, however busy. */
  readonly maxAgeMs?: number;
  /** Milliseconds between our close frame and the end of the connection. */
  readonly closeGraceMs?: number;
}

/** What OpenAI grants a realtime session; clients of it reconnect anyway. */
const MAX_AGE_MS = 3_600_000;
const CLOSE_GRACE_MS = 5000;
const VERSION_PATH = /^\/v1(?=\/|$)/;

export class WebSocketRelay {
  readonly #parts: DispatchParts;
  readonly #maxAgeMs: number;
  readonly #closeGraceMs: number;
  readonly #sessions = new Set<WebSocketSession>();
  #drained: (() => void) | undefined = undefined;

  constructor(parts: DispatchParts, options: WebSocketOptions = {}) {
    this.#parts = parts;
    this.#maxAgeMs = options.maxAgeMs ?? MAX_AGE_MS;
    this.#closeGraceMs = options.closeGraceMs ?? CLOSE_GRACE_MS;
  }

  /** Open sockets. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Connects `socket` with the target of the exchange's plan; `head` is what came behind the handshake. Resolves when the
   * socket is over, with the exchange's outcome set. Throws OutriderError only while nothing has been written; a refusal
   * of the provider is handed on through `exchange.res`.
   */
  async run(exchange: Exchange, socket: Duplex, head: Buffer): Promise<void> {
    const fault = handshakeFault(exchange.req);
    if (fault !== undefined) throw new OutriderError('websocket_handshake', { reason: fault });
    const [candidate] = exchange.plan?.candidates ?? [];
    if (!exchange.plan || !candidate) throw new OutriderError('internal_error', { id: exchange.id });
    const upstream = this.#parts.upstreams.of(candidate);
    const path = exchange.path.replace(VERSION_PATH, '');
    if (!upstream.type.webSocketPaths.includes(path)) {
      const hint = `sockets are served at ${upstream.type.webSocketPaths.map((p) => `/v1${p}`).join(', ')}`;
      throw new OutriderError('endpoint_not_found', { method: 'GET', path: exchange.path, hint });
    }
    await this.#parts.workloads.ready(candidate.credential);
    const session = new WebSocketSession({
      parts: this.#parts,
      exchange,
      plan: exchange.plan,
      candidate,
      upstream,
      path,
      socket,
      head,
      maxAgeMs: this.#maxAgeMs,
      closeGraceMs: this.#closeGraceMs,
    });
    this.#sessions.add(session);
    try {
      await session.run();
    } finally {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#drained?.();
    }
  }

  /** Tells every peer that we are going away; resolves when the last socket is closed. */
  drain(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
      for (const session of this.#sessions) session.close();
    });
  }
}
