/**
 * One attempt on the wire: connection, request, response, deadlines. What the response means is the receiver's business,
 * what follows from it the owner's.
 */
import { OutriderError } from '../../errors/table.ts';
import { serviceTierOf } from '../dialects/service-tier.ts';
import type { Attempt } from '../exchange.ts';
import type { Connection, ConnectionUser } from '../http1/connection.ts';
import { headerValue } from '../http1/header-value.ts';
import { ownText } from '../http1/own-text.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { pieceArrived } from '../limits/large-pieces.ts';
import { classifyTransport, type TransportEvent } from '../providers/failures.ts';
import { asOutriderError } from '../server/answer.ts';
import type { Admission } from './breakers.ts';
import type { CallOptions, CallOwner } from './call-owner.ts';
import { judgeBreak } from './connection-break.ts';
import type { Failure } from './failure.ts';
import { endOverdue, timeOut } from './overdue.ts';
import type { Flow } from './pace/flow.ts';
import type { Listening } from './pace/hush.ts';
import type { Receiver } from './receiver.ts';
import { LISTEN_EVERY_MS } from './silence.ts';
import { Timeouts } from './timeouts.ts';
import type { UpstreamRequest } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SURELY_OPEN_MS = 4000;

export class UpstreamCall implements ConnectionUser {
  readonly owner: CallOwner;
  readonly attempt: Attempt;
  readonly upstream: Upstream;
  readonly request: UpstreamRequest;
  readonly admission: Admission;
  readonly secret: string | undefined;
  readonly impatient: boolean;
  /** How long it may take to commit, where that was learned; else 0. */
  readonly learnedMs: number;
  readonly firstTokenMs: number;
  readonly #flow: Flow | undefined;
  readonly #listening: Listening | undefined;
  /** The caller asked for a stream. */
  readonly stream: boolean;
  readonly #fresh: boolean;
  rawHeaders: readonly string[] = NO_HEADERS;
  done = false;
  /** There is room for more of a body that comes later. */
  drained: (() => void) | undefined = undefined;
  #receiver: Receiver | undefined = undefined;
  #connection: Connection | undefined = undefined;
  /** It was when the answer began, and a connection that has ended cannot be asked. */
  #sent = false;
  /** What the connection had carried before. */
  #bytesBefore = 0;
  readonly #times: Timeouts;

  constructor(owner: CallOwner, options: CallOptions) {
    this.owner = owner;
    this.attempt = options.attempt;
    this.upstream = options.upstream;
    this.request = options.request;
    this.admission = options.admission;
    this.secret = options.secret;
    this.impatient = options.impatient;
    this.stream = options.stream;
    this.#fresh = options.fresh ?? false;
    this.learnedMs = options.learnedMs ?? 0;
    this.firstTokenMs = options.firstTokenMs ?? owner.timeouts.firstTokenMs;
    this.#flow = options.flow;
    this.#listening = options.listening;
    const { startedAt } = options.attempt;
    this.#times = new Timeouts(owner.timeouts, options.stream, startedAt, owner.requestBy, options.commitBy);
    if (this.#listening) this.#times.watch(this.#listening.nextAt);
  }

  /** Throws TypeError for what cannot be sent, such as a header value with control characters. */
  start(): void {
    const { upstream, request, owner } = this;
    const { pool } = upstream;
    const reusing = this.#mayReuse();
    const connection = reusing ? pool.take() : pool.fresh();
    this.#connection = connection;
    this.#bytesBefore = connection.socket.bytesWritten;
    connection.begin(this, reusing);
    try {
      connection.send(request);
    } catch (error) {
      connection.leave(this);
      throw error;
    }
    // A long stream must not keep the prompt that started it.
    request.body = undefined;
    if (connection.open) this.connected();
    else owner.deadline = this.#times.next;
  }

  /** A piece of a body that comes later; false: `drained` is called when there is room for more. */
  write(piece: Buffer): boolean {
    return this.#connection?.write(this, piece) ?? true;
  }

  /** The body that came later is whole. */
  finish(): void {
    this.#connection?.finish(this);
  }

  /** The kernel has every byte of it. */
  get sent(): boolean {
    return this.#sent || this.#connection?.isSent(this) === true;
  }

  /**
   * Common servers close connections that were idle for five seconds without saying so. A request that is free to be
   * repeated is then sent again; another one must not meet such a connection.
   */
  #mayReuse(): boolean {
    if (this.#fresh) return false;
    return this.owner.mayRepeatSent() || this.upstream.pool.idleMs < SURELY_OPEN_MS;
  }

  get status(): number {
    return this.attempt.httpStatus ?? 0;
  }

  get committed(): boolean {
    return this.attempt.committedAt !== undefined;
  }

  /** The response goes to the caller from now on. */
  commit(now: number): void {
    this.attempt.committedAt = now;
    this.#times.commit();
    this.#reschedule();
  }

  /** Content came. */
  progress(): void {
    const now = this.owner.now();
    this.attempt.firstContentAt ??= now;
    this.attempt.chunkTimes?.chunk(now);
    this.#times.progress(now);
    this.owner.deadline = this.#times.next;
  }

  lastEvent(): void {
    this.#times.lastEvent(this.owner.now());
    this.#reschedule();
  }

  hold(ms: number): void {
    this.#times.hold(this.owner.now(), ms);
    this.#reschedule();
  }

  /** The receiver is asked now and then, from here to the last event, whether the caller hears anything. */
  listen(): void {
    this.#times.listen(this.owner.now(), LISTEN_EVERY_MS);
    this.#reschedule();
  }

  /** The caller does not keep up: nothing more is read. */
  pause(): void {
    if (this.#times.paused || this.done) return;
    this.#connection?.pause(this);
    this.#flow?.holdUp();
    this.#times.pause(this.owner.now());
    this.#reschedule();
  }

  resume(): void {
    if (!this.#times.paused || this.done) return;
    this.#times.resume(this.owner.now());
    this.#reschedule();
    this.#connection?.resume(this);
  }

  /** Closes the connection at once and says nothing to anyone. */
  cancel(): void {
    if (this.done) return;
    if (!this.#times.connected || this.#isUnsent()) this.attempt.noWork = true;
    this.#finish();
    this.#connection?.leave(this);
  }

  /** The answer is whole. A provider that said its last word but does not end loses its connection. */
  succeed(): void {
    if (this.done) return;
    this.#finish();
    this.#connection?.leave(this);
    this.owner.succeeded(this);
  }

  /** The attempt has failed. Whatever is left of the response is not wanted. */
  fail(failure: Failure): void {
    if (this.done) return;
    const { attempt } = this;
    attempt.failure = failure.verdict.class;
    attempt.scope = failure.verdict.scope;
    attempt.errorCode = failure.verdict.code;
    this.#finish();
    this.#connection?.leave(this);
    this.owner.failed(this, failure);
  }

  /** Ends a committed response after a failure. */
  breakOff(): boolean {
    return this.#receiver?.breakOff() ?? false;
  }

  failTransport(
    event: TransportEvent,
    code: string,
    error: OutriderError,
    more: Partial<Failure> = {},
  ): void {
    if (event === 'Connect') this.attempt.noWork = true;
    this.fail({
      verdict: classifyTransport(event, code),
      status: this.attempt.httpStatus,
      answer: undefined,
      error,
      retryAfterMs: undefined,
      counted: true,
      again: undefined,
      ...more,
    });
  }

  onDeadline(now: number): void {
    if (this.done) return;
    const due = this.#times.due(now);
    switch (due) {
      case 'Linger':
        this.ended();
        break;
      case 'Hold':
        this.#times.holdOver();
        this.#receiver?.holdOver();
        break;
      case 'Rate':
        if (this.#flow) this.#checkRate(this.#flow, now);
        break;
      case 'Silence':
        if (this.#listening) this.#checkSilence(this.#listening, now);
        break;
      case 'Listen':
        this.#times.listen(now, LISTEN_EVERY_MS);
        // A caller that does not read has things to hear already.
        if (!this.#times.paused) this.#receiver?.listen?.(now);
        break;
      default:
        endOverdue(this, due);
    }
    this.#reschedule();
  }

  connected(): void {
    if (this.done) return;
    const now = this.owner.now();
    this.attempt.sentAt = now;
    this.#times.connect(now, this.firstTokenMs);
    this.#reschedule();
  }

  responded(head: ResponseHead): void {
    if (this.done) return;
    const { attempt } = this;
    const { type } = this.upstream;
    const { rawHeaders } = head;
    this.rawHeaders = rawHeaders;
    this.#sent = this.sent;
    attempt.headersAt = this.owner.now();
    attempt.httpStatus = head.status;
    const id = headerValue(rawHeaders, type.requestIdHeader);
    if (id !== undefined) attempt.upstreamRequestId = ownText(id);
    if (type.serviceTierHeader !== undefined)
      attempt.serviceTier = serviceTierOf(headerValue(rawHeaders, type.serviceTierHeader));
    try {
      this.#receiver = this.owner.receive(this, head);
    } catch (error) {
      this.#ourFault(error);
    }
  }

  received(chunk: Buffer): void {
    if (this.done) return;
    pieceArrived(chunk.length);
    const flow = this.#flow;
    // What a stream says before its first content says nothing of its rate.
    if (flow && (!this.stream || this.attempt.firstContentAt !== undefined)) this.#watch(flow, chunk.length);
    try {
      this.#receiver?.chunk(chunk);
    } catch (error) {
      this.#ourFault(error);
    }
  }

  ended(): void {
    if (this.done) return;
    try {
      this.#receiver?.end();
    } catch (error) {
      this.#ourFault(error);
    }
  }

  /** The connection failed, or what came over it is no answer. */
  broken(error: Error): void {
    if (this.done) return;
    const unsent = this.#isUnsent();
    if (unsent) this.attempt.noWork = true;
    const found = judgeBreak({
      code: codeOf(error),
      target: this.attempt.candidate.target.name,
      connected: this.#times.connected,
      answered: this.attempt.headersAt !== undefined,
      reused: this.#connection?.reused === true,
      mayRepeat: unsent || this.owner.mayRepeatSent(),
    });
    if (found.stale) this.upstream.pool.dropIdle();
    this.failTransport(found.event, found.code, found.error, {
      counted: !found.stale,
      again: found.stale ? 'StaleSocket' : undefined,
    });
  }

  #watch(flow: Flow, bytes: number): void {
    const now = this.owner.now();
    if (!flow.begun && flow.watches) {
      this.#times.rate(now, flow.windowMs);
      this.#reschedule();
    }
    flow.came(bytes, now);
  }

  /** Too little has come for too long: another attempt may do better, unless the answer is with the caller already. */
  #checkRate(flow: Flow, now: number): void {
    const stalled = flow.check(now);
    this.#times.rate(now, flow.windowMs);
    if (!stalled) return;
    this.attempt.stalled = true;
    if (!this.committed && this.owner.mayRepeatSent() && !flow.last) timeOut(this, 'throughput', flow.said);
  }

  #checkSilence(listening: Listening, now: number): void {
    if (listening.look(now)) timeOut(this, 'silence', listening.said);
    else this.#times.watch(listening.nextAt);
  }

  /** Not a byte of the request has left: nobody can have worked on it. */
  #isUnsent(): boolean {
    return this.#connection?.socket.bytesWritten === this.#bytesBefore;
  }

  /** A defect of ours costs this request, and neither the process nor the provider's good name. */
  #ourFault(thrown: unknown): void {
    const error = asOutriderError(thrown, this.owner.requestId);
    if (this.done) {
      this.owner.crashed(error);
      return;
    }
    this.failTransport('Malformed', error.code, error, { counted: false });
  }

  #reschedule(): void {
    if (!this.done) this.owner.deadline = this.#times.next;
  }

  #finish(): void {
    this.done = true;
    this.#receiver?.note();
    this.attempt.endedAt = this.owner.now();
    if (this.#flow && this.attempt.failure === undefined && !this.attempt.cancelled) {
      this.#flow.whole(this.attempt.endedAt);
    }
    this.owner.ended(this);
    this.owner.deadline = NEVER;
  }
}

const NO_HEADERS: readonly string[] = [];

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : 'error';
}
