/**
 * Connections to one endpoint with one set of TLS settings, kept for the next request. No limit on their number: a pool that queues
 * is a pool that starves streams in silence; admission is decided elsewhere.
 */
import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { type SecureContext, connect as secureConnect } from 'node:tls';
import { Connection, type ConnectionOwner } from './connection.ts';
import { trustingAlso } from './trust.ts';

export interface EndpointSettings {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly caBundle: string | undefined;
  /** Milliseconds an idle connection is kept. */
  readonly idleMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const MAX_IDLE = 256;
const SWEEP_MS = 1000;
const KEEP_ALIVE_PROBE_MS = 1000;

/**
 * What comes is read here and taken out before anything else is read, so that one serves all connections: a buffer of its own for
 * each read is allocated at this size, and made small again, for every few bytes.
 */
const ARRIVALS = Buffer.allocUnsafeSlow(64 * 1024);

export class EndpointPool implements ConnectionOwner {
  readonly #settings: EndpointSettings;
  /** The newest last. */
  readonly #idle: Connection[] = [];
  /** Whose answer has just ended. More may have arrived with it: nobody gets one before that was looked at. */
  #resting: Connection[] = [];
  #retired = false;
  #sweeper: NodeJS.Timeout | undefined = undefined;
  #secureContext: SecureContext | undefined = undefined;
  /** Of TLS, to set up the next connection in one round trip less. */
  #session: Buffer | undefined = undefined;

  constructor(settings: EndpointSettings) {
    this.#settings = settings;
  }

  /** How long the connection that a request would get has been idle; 0 where it would get a new one. */
  get idleMs(): number {
    const newest = this.#newest();
    return newest === undefined ? 0 : this.#settings.now() - newest.idleSince;
  }

  /** The connection used last, if its time is not over, or else a new one. */
  take(): Connection {
    const newest = this.#newest();
    if (newest === undefined) return this.fresh();
    // When the time of the newest is over, so is that of all others.
    if (this.#settings.now() >= newest.usableUntil) {
      this.dropIdle();
      return this.fresh();
    }
    this.#idle.pop();
    newest.socket.ref();
    return newest;
  }

  fresh(): Connection {
    const socket = this.dial((bytes) => connection.read(bytes));
    const connection = new Connection(socket, this.#settings.tls, this);
    return connection;
  }

  /** A connection that is not of the pool. `read`: hears what comes, in place of the socket's own events. */
  dial(read?: (bytes: Buffer) => void): Socket {
    const { tls, host, port, caBundle } = this.#settings;
    const options: TcpNetConnectOpts = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    };
    if (read !== undefined) {
      options.onread = {
        buffer: ARRIVALS,
        callback: (length) => {
          read(ARRIVALS.subarray(0, length));
          return true;
        },
      };
    }
    if (!tls) return connect(options);
    if (caBundle !== undefined) {
      // Left to itself, Node reads all authorities anew for every connection, and each connection keeps its own copy.
      this.#secureContext ??= trustingAlso(caBundle);
    }
    const socket = secureConnect({
      ...options,
      servername: isIP(host) ? '' : host,
      ...(this.#secureContext && { secureContext: this.#secureContext }),
      ...(this.#session && { session: this.#session }),
    });
    socket.on('session', (session) => (this.#session = session));
    socket.on('close', (failed) => {
      if (failed) this.#session = undefined;
    });
    return socket;
  }

  keep(connection: Connection): boolean {
    const idleMs = Math.min(this.#settings.idleMs, connection.hintedMs);
    if (this.#retired || idleMs <= 0 || this.#idle.length + this.#resting.length >= MAX_IDLE) return false;
    connection.socket.unref();
    connection.idleSince = this.#settings.now();
    connection.usableUntil = connection.idleSince + idleMs;
    // All that was there to be read has been by then.
    if (this.#resting.push(connection) === 1) setImmediate(() => this.#rested());
    return true;
  }

  #rested(): void {
    const rested = this.#resting;
    this.#resting = [];
    for (const connection of rested) {
      if (this.#retired) connection.socket.destroy();
      else if (!connection.socket.destroyed) this.#idle.push(connection);
    }
    if (this.#idle.length > 0) this.#sweeper ??= setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }

  closed(connection: Connection): void {
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Closes idle connections: one of them turned out to be dead, and the others are as old. */
  dropIdle(): void {
    for (const { socket } of this.#idle.splice(0)) socket.destroy();
  }

  /** Closes idle connections now and running ones when their request ends. Requests under way are not disturbed. */
  retire(): void {
    this.#retired = true;
    this.dropIdle();
    clearTimeout(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Those that were closed are here until the socket says so. */
  #newest(): Connection | undefined {
    while (this.#idle.at(-1)?.socket.destroyed) this.#idle.pop();
    return this.#idle.at(-1);
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const now = this.#settings.now();
    for (const { socket, usableUntil } of this.#idle) if (now >= usableUntil) socket.destroy();
    if (this.#idle.length > 0) this.#sweeper = setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }
}
