/** One WebSocket from handshake to end. */
import { randomBytes } from 'node:crypto';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { OutriderError } from '../../errors/table.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import { classify, classifyTransport, type Verdict } from '../providers/failures.ts';
import { requirePermitted } from '../routing/constraints/data-policy.ts';
import type { Candidate, Plan } from '../routing/plan.ts';
import { roomFor } from './attempt-gate.ts';
import { authorize } from './auth/authorize.ts';
import type { Deadline } from './deadlines.ts';
import { newAttempt } from './new-attempt.ts';
import type { DispatchParts } from './parts.ts';
import { copyHeaders } from './response-head.ts';
import { moneyFor } from './spend-gate.ts';
import { shown } from './timeouts.ts';
import { buildHeaders } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';
import { closeFrame, GOING_AWAY } from './websocket-frames.ts';
import { handshakeHeaders, handshakePath, switchingHead } from './websocket-handshake.ts';
import { SocketPipe } from './websocket-pipe.ts';

export interface SessionOptions {
  readonly parts: DispatchParts;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly candidate: Candidate;
  readonly upstream: Upstream;
  /** Below the version path. */
  readonly path: string;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly maxAgeMs: number;
  readonly closeGraceMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/** A refusal explains itself within this; the rest is cut. */
const REFUSAL_LIMIT = 64 * 1024;
const EARLY_LIMIT = 64 * 1024;

export class WebSocketSession implements Deadline {
  deadline = NEVER;
  slot = -1;
  readonly #o: SessionOptions;
  readonly #attempt: Attempt;
  readonly #secret: string | undefined;
  readonly #request: ClientRequest;
  #phase: 'Handshake' | 'Open' | 'Closing' | 'Over' = 'Handshake';
  #upstream: Duplex | undefined = undefined;
  #up: SocketPipe | undefined = undefined;
  #down: SocketPipe | undefined = undefined;
  #stalledBy = NEVER;
  #endBy = NEVER;
  /** What the caller sent without waiting for the handshake. */
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  readonly #onEarly = (chunk: Buffer): void => this.#keep(chunk);
  readonly #onCallerGone = (): void => this.#callerGone();
  #settled: { resolve(): void; reject(error: OutriderError): void } | undefined = undefined;

  /** Throws OutriderError where the key has not arrived. */
  constructor(options: SessionOptions) {
    const { parts, exchange, plan, candidate, upstream, path } = options;
    this.#o = options;
    requirePermitted(candidate, plan.rule, exchange.facts);
    const authorization = authorize(exchange.req.rawHeaders, candidate, upstream.type, undefined, parts);
    const headers = buildHeaders(exchange, candidate, upstream, plan.rule, {
      authorization,
      callerKey: candidate.credential?.type === 'Passthrough',
      keepIdempotency: false,
    });
    headers.push(...handshakeHeaders(exchange.req, upstream.type));
    this.#secret = authorization.secret;
    this.#attempt = newAttempt(candidate, 'First', parts.clock.monotonic(), undefined);
    this.#request = http.request({
      createConnection: () => upstream.pool.dial(),
      method: 'GET',
      path: handshakePath(exchange, candidate, upstream, path),
      headers,
    });
  }

  run(): Promise<void> {
    const { exchange, parts, plan, socket, candidate } = this.#o;
    try {
      moneyFor(parts.spend, candidate, exchange, this.#now());
      const permit = roomFor(parts.gate, candidate, exchange, this.#now());
      if (permit) this.#attempt.permit = permit;
    } catch (error) {
      this.#request.on('error', () => {}).destroy();
      return Promise.reject(error);
    }
    exchange.attempts.push(this.#attempt);
    for (const observer of parts.observers) observer.started?.(this.#attempt, exchange);
    return new Promise((resolve, reject) => {
      this.#settled = { resolve, reject };
      this.deadline =
        this.#attempt.startedAt + Math.min(plan.rule.timeouts.attemptMs, plan.rule.timeouts.connectMs * 2);
      parts.deadlines.add(this);
      socket.on('error', this.#onCallerGone);
      socket.on('close', this.#onCallerGone);
      // Only a socket that is read tells when its other end goes away.
      socket.on('data', this.#onEarly);
      socket.on('end', this.#onCallerGone);
      this.#request.on('upgrade', (answer, upstream, head) => this.#opened(answer, upstream, head));
      this.#request.on('response', (answer) => this.#refused(answer));
      this.#request.on('error', (error) => this.#unreachable(error));
      this.#request.end();
    });
  }

  /** Says goodbye to both sides, between two frames, and gives them a moment to answer. */
  close(): void {
    if (this.#phase === 'Handshake') {
      this.#giveUp('Connect', 'draining', new OutriderError('draining', {}, 1000));
      return;
    }
    if (this.#phase !== 'Open') return;
    this.#phase = 'Closing';
    this.#endBy = this.#now() + this.#o.closeGraceMs;
    this.#schedule();
    this.#down?.endWith(closeFrame(GOING_AWAY, undefined));
    this.#up?.endWith(closeFrame(GOING_AWAY, randomBytes(4)));
  }

  onDeadline(now: number): void {
    if (this.#phase === 'Handshake') {
      const target = this.#o.candidate.target.name;
      const timeout = `handshake ${shown(now - this.#attempt.startedAt)}`;
      this.#giveUp('Timeout', 'handshake', new OutriderError('upstream_timeout', { target, timeout }));
    } else if (now >= this.#stalledBy || this.#phase === 'Closing') {
      this.#end();
    } else {
      this.close();
    }
  }

  #opened(answer: IncomingMessage, upstream: Duplex, head: Buffer): void {
    if (this.#phase !== 'Handshake') {
      upstream.destroy();
      return;
    }
    const { exchange, socket, maxAgeMs, plan } = this.#o;
    const now = this.#now();
    this.#phase = 'Open';
    this.#upstream = upstream;
    Object.assign(this.#attempt, { headersAt: now, sentAt: now, committedAt: now, httpStatus: 101 });
    exchange.committedAt = now;
    exchange.releaseBody();
    this.#endBy = now + maxAgeMs;
    this.#schedule();
    upstream.on('error', () => this.#end());
    upstream.on('close', () => this.#end());
    const stall = (paused: boolean): void => {
      this.#stalledBy = paused ? this.#now() + plan.rule.timeouts.clientStallMs : NEVER;
      this.#schedule();
    };
    socket.off('data', this.#onEarly);
    socket.off('end', this.#onCallerGone);
    socket.write(switchingHead(exchange, answer));
    this.#down = new SocketPipe(upstream, socket, stall);
    this.#up = new SocketPipe(socket, upstream, () => {});
    this.#down.start(head);
    this.#up.start(Buffer.concat([this.#o.head, ...this.#early]));
    const { parts } = this.#o;
    parts.breakers.success(this.#evidence(), now);
  }

  #keep(chunk: Buffer): void {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > EARLY_LIMIT) this.#o.socket.pause();
  }

  /** The provider answered with something else than 101: its words are for the caller. */
  #refused(answer: IncomingMessage): void {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = (): void => {
      if (this.#phase === 'Handshake') this.#handRefusalOn(answer, Buffer.concat(chunks));
    };
    answer.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= REFUSAL_LIMIT) chunks.push(chunk);
      else this.#request.destroy();
    });
    answer.on('end', done);
    answer.on('error', done);
  }

  #handRefusalOn(answer: IncomingMessage, body: Buffer): void {
    const { exchange, upstream, candidate, parts } = this.#o;
    const status = answer.statusCode ?? 502;
    const verdict = classify(upstream.type, status, exchange.dialect.readError(body), false);
    Object.assign(this.#attempt, { headersAt: this.#now(), httpStatus: status, noWork: true });
    this.#blame(verdict);
    if (verdict.class === 'Unauthorized') {
      parts.breakers.failure(this.#evidence(), verdict, undefined, this.#now());
    }
    const secret = this.#secret;
    if (status < 400 || (secret !== undefined && body.includes(secret))) {
      const reason = `it answered the handshake with status ${status}`;
      this.#reject(new OutriderError('upstream_failed', { target: candidate.target.name, reason }));
      return;
    }
    const headers: string[] = ['connection', 'close', 'content-length', String(body.length)];
    copyHeaders(answer.rawHeaders, upstream.type.responseHeaders, headers);
    this.#over();
    exchange.res.writeHead(status, headers);
    exchange.res.end(body, () => this.#o.socket.end());
    this.#outcome(status, { bytes: body.length });
    this.#settled?.resolve();
  }

  #unreachable(error: Error): void {
    if (this.#phase !== 'Handshake') return;
    const target = this.#o.candidate.target.name;
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    this.#giveUp('Connect', code, new OutriderError('upstream_connect', { target }));
  }

  #giveUp(event: 'Connect' | 'Timeout', code: string, error: OutriderError): void {
    const verdict = classifyTransport(event, code);
    this.#attempt.noWork = event === 'Connect';
    this.#blame(verdict);
    if (code !== 'draining') {
      this.#o.parts.breakers.failure(this.#evidence(), verdict, undefined, this.#now());
    }
    this.#reject(error);
  }

  #callerGone(): void {
    if (this.#phase === 'Handshake') {
      this.#attempt.cancelled = true;
      this.#over();
      this.#request.destroy();
      this.#o.socket.destroy();
      this.#outcome(499, { cancelled: true });
      this.#settled?.resolve();
    } else {
      this.#end();
    }
  }

  /** One side is gone, or time is up: so is the other side. */
  #end(): void {
    if (this.#phase === 'Over') return;
    const { socket, exchange } = this.#o;
    const [up, down] = [this.#up?.meter, this.#down?.meter];
    const planned = this.#phase === 'Closing' || up?.closed === true || down?.closed === true;
    const callerLeft = !planned && socket.destroyed;
    const stalled = this.#stalledBy <= this.#now();
    if (callerLeft || stalled) this.#attempt.cancelled = true;
    const broken = !planned && !callerLeft && !stalled;
    if (broken) {
      const verdict = classifyTransport('Broken', 'no_close_frame');
      this.#blame(verdict);
      this.#o.parts.breakers.failure(this.#evidence(), verdict, undefined, this.#now());
    }
    this.#over();
    this.#attempt.outputBytes = down?.bytes ?? 0;
    this.#attempt.rawUsage = {
      messages_up: up?.messages ?? 0,
      bytes_up: up?.bytes ?? 0,
      messages_down: down?.messages ?? 0,
      bytes_down: down?.bytes ?? 0,
    };
    exchange.steps.push({
      stage: 'dispatch',
      what: 'WebSocketEnded',
      detail: `${up?.messages ?? 0} messages (${up?.bytes ?? 0} bytes) up, ${down?.messages ?? 0} (${down?.bytes ?? 0} bytes) down`,
    });
    this.#finish(socket);
    if (this.#upstream) this.#finish(this.#upstream);
    const errorCode = stalled ? 'client_stalled' : broken ? 'upstream_stream_broken' : undefined;
    this.#outcome(101, {
      bytes: down?.bytes ?? 0,
      cancelled: callerLeft,
      broken: broken || stalled,
      errorCode,
    });
    this.#settled?.resolve();
  }

  /** What was written last, such as a close frame, still goes out, if the other side takes it in time. */
  #finish(side: Duplex): void {
    if (side.destroyed) return;
    const timer = this.#o.parts.clock.after(this.#o.closeGraceMs, () => side.destroy());
    side.once('close', () => timer.cancel());
    side.end(() => side.destroy());
  }

  #reject(error: OutriderError): void {
    this.#over();
    this.#request.destroy();
    this.#settled?.reject(error);
  }

  #over(): void {
    this.#phase = 'Over';
    const { exchange, parts } = this.#o;
    this.#attempt.endedAt = this.#now();
    for (const observer of parts.observers) observer.ended?.(this.#attempt, exchange);
    parts.deadlines.remove(this);
  }

  #outcome(
    status: number,
    more: { bytes?: number; cancelled?: boolean; broken?: boolean; errorCode?: string | undefined },
  ): void {
    this.#o.exchange.outcome = {
      status,
      endedAt: this.#now(),
      errorCode: more.errorCode,
      broken: more.broken ?? false,
      cancelled: more.cancelled ?? false,
      streamed: status === 101,
      responseBytes: more.bytes ?? 0,
    };
  }

  #blame(verdict: Verdict): void {
    this.#attempt.failure = verdict.class;
    this.#attempt.scope = verdict.scope;
    this.#attempt.errorCode = verdict.code;
  }

  #evidence() {
    return {
      candidate: this.#o.candidate,
      caller: undefined,
      secret: this.#secret,
      admission: { kind: 'Go' } as const,
      startedAt: this.#attempt.startedAt,
      answered: this.#attempt.headersAt !== undefined,
    };
  }

  #schedule(): void {
    this.deadline = Math.min(this.#endBy, this.#stalledBy);
  }

  #now(): number {
    return this.#o.parts.clock.monotonic();
  }
}
