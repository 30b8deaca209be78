/**
 * The caller's side of one request: head, body with backpressure, the end of it, and the caller leaving. Everything ends
 * with the response's `close`, after which nothing of the request is left running.
 */
import type { ServerResponse } from 'node:http';
import { OutriderError } from '../../errors/table.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import type { Candidate, Plan } from '../routing/plan.ts';
import { endAnswer } from '../server/one-piece.ts';
import { outriderHeaders } from '../server/response-headers.ts';
import type { TimeoutsBody } from '../snapshot/schema.ts';
import type { Admission, AttemptEvidence } from './breakers.ts';
import { isSlow } from './call-rates.ts';
import type { Deadline } from './deadlines.ts';
import type { UpstreamAnswer } from './failure.ts';
import type { Outlet } from './outlet.ts';
import type { DispatchParts } from './parts.ts';
import { copyHeaders, withoutContent } from './response-head.ts';
import type { UpstreamCall } from './upstream-call.ts';

const NEVER = Number.POSITIVE_INFINITY;
const NO_HEADERS: ReadonlySet<string> = new Set();
const RELAY = Symbol('relay');
type Tagged = ServerResponse & { [RELAY]?: Relay | undefined };

export interface Settled {
  resolve(): void;
  reject(error: OutriderError): void;
}

export abstract class Relay implements Outlet, Deadline {
  deadline = NEVER;
  slot = -1;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly timeouts: TimeoutsBody;
  readonly requestId: string;
  readonly requestBy: number;
  readonly held: MemoryHold;
  protected readonly parts: DispatchParts;
  protected readonly res: Tagged;
  protected call: UpstreamCall | undefined = undefined;
  /** A second one beside it, or left of the two: the hedge. After commit only one of them lives. */
  protected rival: UpstreamCall | undefined = undefined;
  protected streamed = false;
  /** Headers handed on besides those of every answer. */
  protected extraHeaders: ReadonlySet<string> = NO_HEADERS;
  #over = false;
  #ended = false;
  #draining = false;
  #status = 0;
  #bytes = 0;
  #broken = false;
  #stalled = false;
  #errorCode: string | undefined = undefined;
  readonly #settled: Settled;

  constructor(parts: DispatchParts, exchange: Exchange, plan: Plan, settled: Settled) {
    this.parts = parts;
    this.exchange = exchange;
    this.plan = plan;
    this.timeouts = plan.rule.timeouts;
    this.requestId = exchange.id;
    this.requestBy = exchange.startedAt + plan.rule.timeouts.requestMs;
    this.res = exchange.res;
    this.held = parts.memory.open();
    this.#settled = settled;
  }

  /** Begins; false when the caller is gone already. */
  protected open(): boolean {
    if (this.res.destroyed || this.res.closed) {
      this.closed();
      return false;
    }
    this.res[RELAY] = this;
    this.res.on('close', onClose);
    this.parts.deadlines.add(this);
    return true;
  }

  get over(): boolean {
    return this.#over;
  }

  get written(): number {
    return this.#bytes;
  }

  now(): number {
    return this.parts.clock.monotonic();
  }

  /** The kernel has every byte of the one request that was made: no socket will read the body again. */
  protected isSent(call: UpstreamCall): boolean {
    return this.exchange.attempts.length === 1 && call.sent;
  }

  abstract hasAlternative(): boolean;
  /** Stops whatever would start another attempt. */
  protected abstract stop(): void;

  /** An attempt is about to be sent. */
  protected started(attempt: Attempt): void {
    this.exchange.attempts.push(attempt);
    for (const observer of this.parts.observers) observer.started?.(attempt, this.exchange);
  }

  ended({ attempt }: UpstreamCall): void {
    for (const observer of this.parts.observers) observer.ended?.(attempt, this.exchange);
  }

  commit(call: UpstreamCall, contentLength: number | undefined): void {
    const { exchange } = this;
    const now = this.now();
    this.#cancelOthers(call);
    call.commit(now);
    for (const observer of this.parts.observers) observer.committed?.(call.attempt, exchange);
    exchange.committedAt = now;
    exchange.releaseBody(this.isSent(call));
    // A body that is complete has its price; the head shows it.
    if (call.done) for (const attempt of exchange.attempts) exchange.settle(attempt);
    const headers = outriderHeaders(exchange);
    const { responseHeaders } = call.upstream.type;
    if (call.request.translation === undefined) {
      copyHeaders(call.rawHeaders, responseHeaders, headers, this.extraHeaders);
    } else {
      copyHeaders(call.rawHeaders, withoutContent(responseHeaders), headers);
      headers.push('content-type', this.streamed ? 'text/event-stream; charset=utf-8' : 'application/json');
    }
    if (contentLength !== undefined) headers.push('content-length', String(contentLength));
    this.#head(call.status, headers);
  }

  write(call: UpstreamCall, bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (!this.res.write(bytes)) this.#wait(call);
  }

  writeAll(call: UpstreamCall, bytes: readonly Buffer[]): void {
    // What is written in one turn leaves together. Corked by us, the head would go ahead of it in a call of its own.
    let room = true;
    for (const chunk of bytes) {
      this.#bytes += chunk.length;
      room = this.res.write(chunk);
    }
    if (!room) this.#wait(call);
  }

  flushHead(): void {
    this.res.flushHeaders();
  }

  end(bytes?: Buffer): void {
    this.#ended = true;
    if (bytes) {
      this.#bytes += bytes.length;
      endAnswer(this.res, bytes);
    } else {
      this.res.end();
    }
    // The provider is done; what is left is for the caller to read.
    this.deadline = this.now() + this.timeouts.clientStallMs;
  }

  /** Hands on a provider's answer as it is, or as near as its status allows. */
  protected answerWith(answer: UpstreamAnswer, allowed: ReadonlySet<string>, more: readonly string[]): void {
    const { exchange } = this;
    for (const attempt of exchange.attempts) exchange.settle(attempt);
    exchange.releaseBody();
    const headers = outriderHeaders(exchange);
    copyHeaders(answer.rawHeaders, allowed, headers);
    headers.push(...more, 'content-length', String(answer.body.length));
    this.#head(answer.status, headers);
    this.end(answer.body);
  }

  /** The answer is ours: nothing was written, so the pipeline can still say anything. */
  protected refuse(error: OutriderError): void {
    if (this.#over) return;
    this.#release();
    this.#settled.reject(error);
  }

  /** A committed answer cannot be completed. `wellFormed`: the caller can still be told in its own format. */
  protected breakOff(error: OutriderError, wellFormed: boolean): void {
    this.#broken = true;
    this.#errorCode = error.code;
    if (wellFormed) this.end(this.exchange.dialect.renderStreamError(error));
    else this.res.destroy();
  }

  /** The caller does not read: it is let go, and the provider has done nothing wrong. */
  protected dropStalled(error: OutriderError): void {
    this.#stalled = true;
    this.#errorCode = error.code;
    this.cancelCalls();
    this.res.destroy();
  }

  /** Something of ours went wrong where no attempt can be blamed. */
  crashed(error: OutriderError): void {
    this.cancelCalls();
    if (this.res.headersSent) this.breakOff(error, false);
    else this.refuse(error);
  }

  onDeadline(now: number): void {
    if (this.call) {
      this.call.onDeadline(now);
    } else if (this.#ended) {
      const timeout = `${this.timeouts.clientStallMs}ms`;
      this.dropStalled(new OutriderError('client_stalled', { timeout }));
    } else {
      this.deadline = NEVER;
    }
  }

  /** The response is over: written whole, broken off by us, or left by the caller. */
  closed(): void {
    if (this.#over) return;
    const { exchange, res } = this;
    const whole = this.#ended && res.writableFinished;
    const cancelled = !whole && !this.#broken && !this.#stalled;
    this.cancelCalls();
    this.#release();
    exchange.outcome = {
      status: this.#status === 0 ? 499 : this.#status,
      endedAt: this.now(),
      errorCode: this.#errorCode,
      broken: this.#broken || this.#stalled,
      cancelled,
      streamed: this.streamed,
      responseBytes: this.#bytes,
    };
    this.#settled.resolve();
  }

  resumeCall(): void {
    (this.call ?? this.rival)?.resume();
  }

  protected evidence(
    call: { attempt: Attempt; admission: Admission; secret: string | undefined },
    caller: string | undefined,
  ): AttemptEvidence {
    const candidate: Candidate = call.attempt.candidate;
    return {
      candidate,
      caller,
      secret: call.secret,
      admission: call.admission,
      startedAt: call.attempt.startedAt,
      answered: call.attempt.headersAt !== undefined,
      slow: isSlow(call.attempt),
    };
  }

  /** The call is over. */
  protected drop(call: UpstreamCall): void {
    if (this.call === call) this.call = undefined;
    else if (this.rival === call) this.rival = undefined;
  }

  /** Stops everything that runs or would start. */
  protected cancelCalls(): void {
    this.stop();
    const { call, rival } = this;
    if (call) this.#cancel(call);
    if (rival) this.#cancel(rival);
  }

  /** The first to commit wins: nothing of another one may reach the caller. */
  #cancelOthers(winner: UpstreamCall): void {
    const { call, rival } = this;
    if (call !== undefined && call !== winner) this.#lose(call);
    if (rival !== undefined && rival !== winner) this.#lose(rival);
  }

  #lose(call: UpstreamCall): void {
    this.outrun(call);
    this.#cancel(call);
  }

  /** Another call answers first: whether that says something of this one's target. */
  protected outrun(_call: UpstreamCall): void {
    // Only who starts two calls can tell.
  }

  /** Closes the upstream connection at once; its attempt counts as cancelled, not as failed. */
  #cancel(call: UpstreamCall): void {
    this.drop(call);
    call.attempt.cancelled = true;
    call.cancel();
    this.parts.breakers.abandon(call);
  }

  #head(status: number, headers: string[]): void {
    this.#status = status;
    this.res.writeHead(status, headers);
  }

  #wait(call: UpstreamCall): void {
    if (call.done) return;
    if (!this.#draining) {
      this.#draining = true;
      this.res.on('drain', onDrain);
    }
    call.pause();
  }

  #release(): void {
    this.#over = true;
    this.res[RELAY] = undefined;
    this.parts.deadlines.remove(this);
    this.held.release();
  }
}

function onClose(this: Tagged): void {
  this[RELAY]?.closed();
}

function onDrain(this: Tagged): void {
  this[RELAY]?.resumeCall();
}
