/**
 * One simulated attempt: the wire and the deadlines of `sidecar/dispatch/upstream-call.ts`, on virtual time. It tells its
 * owner exactly once how it ended, and nothing after `cancel`.
 */
import { OutriderError } from '../../errors/table.ts';
import type { Admission } from '../../sidecar/dispatch/breakers.ts';
import type { Failure } from '../../sidecar/dispatch/failure.ts';
import type { Attempt } from '../../sidecar/exchange.ts';
import { classify, classifyTransport, type TransportEvent } from '../../sidecar/providers/failures.ts';
import { PROVIDER_TYPES } from '../../sidecar/providers/types.ts';
import type { Timer } from '../../sidecar/snapshot/clock.ts';
import type { TimeoutsBody } from '../../sidecar/snapshot/schema.ts';
import type { EventClock } from './event-clock.ts';
import type { Course, Moment, ScriptedTarget } from './script.ts';

/** From the request to the head of an error. */
const REFUSAL_MS = 5;
const STREAM_EVENT_BYTES = 5;

export interface CallOwner {
  readonly clock: EventClock;
  readonly stream: boolean;
  readonly timeouts: TimeoutsBody;
  /** The first token of a stream. */
  committed(call: SimulatedCall): void;
  /** `attempt.endedAt`, and `failure` where there is one, are set. */
  ended(call: SimulatedCall): void;
  succeeded(call: SimulatedCall): void;
  failed(call: SimulatedCall, failure: Failure): void;
}

export interface CallOptions {
  readonly attempt: Attempt;
  readonly admission: Admission;
  readonly target: ScriptedTarget;
  readonly moment: Omit<Moment, 'now' | 'inFlight'>;
  readonly outputTokens: number | undefined;
  /** When its share of the time before commit is over. */
  readonly commitBy: number;
  /** That time is shorter than its share, by what was learned of the target. */
  readonly learned: boolean;
}

/** Tokens that a simulated provider charges for; what an attempt's usage is settled by. */
export interface Billed {
  input: number;
  cacheRead: number;
  output: number;
  reasoning: number;
}

export class SimulatedCall {
  readonly attempt: Attempt;
  readonly admission: Admission;
  readonly secret = undefined;
  done = false;
  /** Undefined: no work was done. */
  billed: Billed | undefined = undefined;
  readonly #owner: CallOwner;
  readonly #options: CallOptions;
  readonly #timers: Timer[] = [];
  #progress: Timer | undefined = undefined;
  #leave: (() => void) | undefined = undefined;

  constructor(owner: CallOwner, options: CallOptions) {
    this.#owner = owner;
    this.#options = options;
    this.attempt = options.attempt;
    this.admission = options.admission;
  }

  start(): void {
    const { commitBy, target } = this.#options;
    const { attemptMs, connectMs } = this.#owner.timeouts;
    const now = this.#owner.clock.monotonic();
    this.#at(commitBy, () => {
      if (this.attempt.committedAt === undefined)
        this.#transport('Timeout', this.#options.learned ? 'learned' : 'commit');
    });
    this.#after(attemptMs, () => this.#transport('Timeout', 'attempt'));
    const takes = target.connectMs(this.#moment());
    if (takes > connectMs) this.#after(connectMs, () => this.#transport('Connect', 'timeout'));
    else this.#at(now + takes, () => this.#connected());
  }

  /** Closes the connection and says nothing to anyone but observers. */
  cancel(): void {
    if (this.done) return;
    this.attempt.cancelled = true;
    this.#finish();
  }

  /** Its owner will not wait any longer. */
  timeOut(code: string): void {
    this.#transport('Timeout', code);
  }

  #connected(): void {
    const { target, outputTokens } = this.#options;
    const course = target.course(this.#moment(), outputTokens);
    if (course.kind === 'Refused') {
      this.#transport('Connect', 'ECONNREFUSED');
      return;
    }
    this.attempt.sentAt = this.#owner.clock.monotonic();
    if (this.#owner.stream) this.#expect(this.#owner.timeouts.firstTokenMs, 'firstToken');
    if (course.kind === 'Blackhole') return;
    if (course.kind === 'Status') {
      this.#after(REFUSAL_MS, () => this.#answeredWith(course.status, course.retryAfterMs));
      return;
    }
    this.#leave = target.enter(() => this.#answer(course));
  }

  #answer(course: Course & { kind: 'Answers' }): void {
    const { firstTokenMs, tokenMs, output, ends } = course;
    const { cacheRead, reasoning } = course;
    const input = this.#options.moment.facts.inputTokens - cacheRead;
    this.billed = { input, cacheRead, output: 0, reasoning };
    if (ends?.after === 0) {
      if (ends.how === 'Dies') this.#after(firstTokenMs, () => this.#died());
      return;
    }
    this.#after(firstTokenMs, () => {
      this.#headers(200);
      if (this.#owner.stream) this.#first();
      if (ends !== undefined && ends.after < output) {
        this.#deliver(ends.after);
        if (ends.how === 'Dies') this.#after(ends.after * tokenMs, () => this.#died());
        return;
      }
      // Pieces follow each other faster than any deadline for them, or none would come at all.
      if (tokenMs < this.#owner.timeouts.interTokenMs) this.#progress?.cancel();
      this.#after((output - 1) * tokenMs, () => {
        this.#deliver(output);
        this.#succeed();
      });
    });
  }

  #first(): void {
    this.attempt.firstContentAt = this.#owner.clock.monotonic();
    this.#deliver(1);
    this.#owner.committed(this);
    this.#expect(this.#owner.timeouts.interTokenMs, 'interToken');
  }

  #deliver(tokens: number): void {
    if (this.billed) this.billed.output = tokens;
    this.attempt.outputBytes = tokens * STREAM_EVENT_BYTES;
  }

  #died(): void {
    if (this.attempt.headersAt === undefined) this.#headers(200);
    this.#transport('Broken', 'unfinished');
  }

  #headers(status: number): void {
    this.attempt.headersAt = this.#owner.clock.monotonic();
    this.attempt.httpStatus = status;
  }

  #answeredWith(status: number, retryAfterMs: number | undefined): void {
    this.#headers(status);
    const { candidate } = this.attempt;
    const verdict = classify(PROVIDER_TYPES[candidate.provider.type], status, undefined, false);
    const error = new OutriderError('upstream_failed', {
      target: candidate.target.name,
      reason: `it answered ${status}`,
    });
    this.#fail({ verdict, status, error, retryAfterMs });
  }

  #transport(event: TransportEvent, code: string): void {
    if (event === 'Connect') this.attempt.noWork = true;
    const error = new OutriderError(event === 'Timeout' ? 'upstream_timeout' : 'upstream_failed', {
      target: this.attempt.candidate.target.name,
      reason: code,
      timeout: code,
    });
    const verdict = classifyTransport(event, code);
    this.#fail({ verdict, status: this.attempt.httpStatus, error, retryAfterMs: undefined });
  }

  #succeed(): void {
    if (this.done) return;
    this.#finish();
    this.#owner.succeeded(this);
  }

  #fail(failure: Pick<Failure, 'verdict' | 'status' | 'error' | 'retryAfterMs'>): void {
    if (this.done) return;
    const { attempt } = this;
    const { verdict } = failure;
    attempt.failure = verdict.class;
    attempt.scope = verdict.scope;
    attempt.errorCode = verdict.code;
    this.#finish();
    this.#owner.failed(this, { ...failure, answer: undefined, counted: true, again: undefined });
  }

  #finish(): void {
    this.done = true;
    this.attempt.endedAt = this.#owner.clock.monotonic();
    for (const timer of this.#timers) timer.cancel();
    this.#progress?.cancel();
    this.#leave?.();
    this.#owner.ended(this);
  }

  #expect(ms: number, code: string): void {
    this.#progress?.cancel();
    this.#progress = this.#owner.clock.after(ms, () => this.#transport('Timeout', code));
  }

  #after(ms: number, task: () => void): void {
    this.#at(this.#owner.clock.monotonic() + ms, task);
  }

  #at(time: number, task: () => void): void {
    this.#timers.push(
      this.#owner.clock.at(time, () => {
        if (!this.done) task();
      }),
    );
  }

  #moment(): Moment {
    const { target, moment } = this.#options;
    const now = this.#owner.clock.monotonic();
    return { ...moment, now, inFlight: target.inFlight + 1 };
  }
}
