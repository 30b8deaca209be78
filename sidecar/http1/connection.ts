/**
 * One connection to a provider: a request at a time, each for one user, who hears what becomes of it. Who has left, or was told of
 * an end, hears nothing more, and the connection does nothing more for it.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { headerValue } from './header-value.ts';
import { ONE_PIECE } from './one-piece.ts';
import { ownText } from './own-text.ts';
import { requestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseReader } from './response-reader.ts';

export interface ConnectionUser {
  /** TCP, and TLS where it is spoken, are set up; not told of a connection that was used before. */
  connected(): void;
  responded(head: ResponseHead): void;
  received(bytes: Buffer): void;
  ended(): void;
  /** The connection failed, or what came over it is no answer. */
  broken(error: Error): void;
  /** There is room for more of the body again, after a write that returned false. */
  drained?(): void;
}

export interface ConnectionOwner {
  /** Keeps it for the next request; false: it is not wanted. */
  keep(connection: Connection): boolean;
  closed(connection: Connection): void;
}

export interface Sending {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn; they tell how long the body is. */
  readonly headers: readonly string[];
  /** Undefined: it is written later. */
  readonly body: readonly Buffer[] | undefined;
}

const CRLF = '\r\n';

export class Connection {
  readonly socket: Socket;
  /** It carried a request before. */
  reused = false;
  /** Monotonic milliseconds. */
  idleSince = 0;
  usableUntil = 0;
  readonly #owner: ConnectionOwner;
  readonly #reader = new ResponseReader();
  readonly #secure: boolean;
  #user: ConnectionUser | undefined = undefined;
  #keepAlive = false;
  /** Everything of the request was handed to the socket. */
  #written = false;
  #chunked = false;
  #reading = false;
  #paused = false;
  #hint: string | undefined = undefined;
  /** How long the provider keeps it, by its `Keep-Alive`. */
  hintedMs = hintedMs(undefined);

  /** The socket hands what comes to `read`. */
  constructor(socket: Socket, secure: boolean, owner: ConnectionOwner) {
    this.socket = socket;
    this.#secure = secure;
    this.#owner = owner;
    socket.once(secure ? 'secureConnect' : 'connect', () => this.#user?.connected());
    socket.on('drain', () => this.#user?.drained?.());
    socket.on('end', () => this.#ended());
    socket.on('error', (error) => this.#broke(error));
    socket.on('close', () => {
      this.#owner.closed(this);
      this.#broke(undefined);
    });
  }

  get open(): boolean {
    const { socket } = this;
    return (
      !socket.connecting &&
      !(this.#secure && (socket as TLSSocket & { secureConnecting: boolean }).secureConnecting)
    );
  }

  /** From here on `user` hears of it. */
  begin(user: ConnectionUser, keepAlive: boolean): void {
    this.#user = user;
    this.#keepAlive = keepAlive;
    this.#written = false;
  }

  /** Throws TypeError where head or path cannot be sent; nothing was sent then. */
  send({ method, path, headers, body }: Sending): void {
    const { socket } = this;
    const head = requestHead(method, path, headers, this.#keepAlive);
    this.#reader.expect(method);
    this.#written = body !== undefined;
    if (body === undefined) {
      this.#chunked = headerValue(headers, 'transfer-encoding') !== undefined;
      socket.write(head, 'latin1');
      return;
    }
    const [first] = body;
    if (first === undefined) {
      socket.write(head, 'latin1');
    } else if (body.length === 1 && first.length <= ONE_PIECE) {
      socket.write(head + first.toString('latin1'), 'latin1');
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      for (const piece of body) socket.write(piece);
      socket.uncork();
    }
  }

  /** A piece of a body that comes later; false: `drained` tells when there is room for more. */
  write(user: ConnectionUser, piece: Buffer): boolean {
    if (user !== this.#user || piece.length === 0) return true;
    const { socket } = this;
    if (!this.#chunked) return socket.write(piece);
    socket.cork();
    socket.write(piece.length.toString(16) + CRLF, 'latin1');
    socket.write(piece);
    const room = socket.write(CRLF, 'latin1');
    socket.uncork();
    return room;
  }

  /** The body that came later is whole. */
  finish(user: ConnectionUser): void {
    if (user !== this.#user) return;
    if (this.#chunked) this.socket.write('0\r\n\r\n', 'latin1');
    this.#written = true;
  }

  /** The kernel has every byte of the request. */
  isSent(user: ConnectionUser): boolean {
    return user === this.#user && this.#isFlushed();
  }

  #isFlushed(): boolean {
    return this.#written && this.open && this.socket.writableLength === 0;
  }

  /** Nothing is read until `resume`. What came already is told all the same, but not that it is the end. */
  pause(user: ConnectionUser): void {
    if (user !== this.#user) return;
    this.#paused = true;
    this.socket.pause();
  }

  resume(user: ConnectionUser): void {
    if (user !== this.#user || !this.#paused) return;
    this.#paused = false;
    this.socket.resume();
    if (!this.#reading) this.#settle();
  }

  /** The answer is not wanted any more. A connection on which it is whole can go on. */
  leave(user: ConnectionUser): void {
    if (user !== this.#user) return;
    this.#user = undefined;
    if (!this.#reading) this.#release();
  }

  /** Takes what came. */
  read(bytes: Buffer): void {
    const reader = this.#reader;
    // A provider has nothing to say to a connection that is not in use.
    if (reader.done) {
      reader.surplus = true;
      this.socket.destroy();
      return;
    }
    reader.read(bytes);
    const { head, body } = reader;
    reader.forget();
    this.#reading = true;
    try {
      this.#tell(head, body);
    } finally {
      this.#reading = false;
    }
    this.#settle();
  }

  #tell(head: ResponseHead | undefined, body: Buffer | undefined): void {
    if (head !== undefined) {
      this.#noteHint(head.hint);
      if (!head.keepAlive) this.#keepAlive = false;
      this.#user?.responded(head);
    }
    if (body !== undefined) this.#user?.received(body);
  }

  #noteHint(hint: string | undefined): void {
    // A provider says the same with every answer.
    if (hint === this.#hint) return;
    // What is kept would keep the head.
    this.#hint = hint && ownText(hint);
    this.hintedMs = hintedMs(hint);
  }

  #settle(): void {
    const { error, done } = this.#reader;
    if (this.#user === undefined) {
      this.#release();
    } else if (error !== undefined) {
      this.#broke(error);
    } else if (done && !this.#paused) {
      const user = this.#user;
      this.#user = undefined;
      this.#release();
      user.ended();
    }
  }

  /** Nobody is served now: it goes back, or is closed where request or answer are not whole. */
  #release(): void {
    const { socket } = this;
    if (this.#paused) {
      this.#paused = false;
      socket.resume();
    }
    const { done, surplus, error } = this.#reader;
    const whole = done && !surplus && error === undefined && this.#isFlushed();
    if (!whole || socket.destroyed) {
      socket.destroy();
      return;
    }
    this.reused = true;
    if (!this.#keepAlive || !this.#owner.keep(this)) socket.destroySoon();
  }

  /** The provider says no more. */
  #ended(): void {
    const whole = this.#reader.close();
    this.#keepAlive = false;
    if (this.#user === undefined) this.socket.destroy();
    else if (whole) this.#settle();
    else this.#broke(undefined);
  }

  #broke(error: Error | undefined): void {
    const user = this.#user;
    // An answer that is whole is told once its user reads on.
    if (user === undefined || (this.#reader.done && this.#reader.error === undefined)) return;
    this.#user = undefined;
    this.socket.destroy();
    user.broken(error ?? Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
  }
}

/** We must close before the provider does, and our close takes a moment to arrive. */
const HINT_MARGIN_MS = 1000;

/** `Keep-Alive: timeout=5` announces when the provider closes. */
function hintedMs(hint: string | undefined): number {
  const seconds = hint && /\btimeout=(\d{1,9})/.exec(hint)?.[1];
  return seconds ? Number(seconds) * 1000 - HINT_MARGIN_MS : Number.POSITIVE_INFINITY;
}
