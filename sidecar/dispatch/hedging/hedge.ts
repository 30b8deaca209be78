/**
 * The hedge of one request: the clock that starts it, and once it runs the owner of its call. What comes of the call is
 * decided by the run of the request; only the deadlines are its own, since two calls are timed at once.
 */
import type { OutriderError } from '../../../errors/table.ts';
import type { ResponseHead } from '../../http1/response-head.ts';
import type { Clock, Timer } from '../../snapshot/clock.ts';
import type { TimeoutsBody } from '../../snapshot/schema.ts';
import type { CallOwner } from '../call-owner.ts';
import type { Deadline, Deadlines } from '../deadlines.ts';
import type { Failure } from '../failure.ts';
import type { Receiver } from '../receiver.ts';
import type { UpstreamCall } from '../upstream-call.ts';

const NEVER = Number.POSITIVE_INFINITY;

export class Hedge implements CallOwner, Deadline {
  deadline = NEVER;
  slot = -1;
  /** One per request: true once it was sent, or was found not to be possible. */
  used = false;
  /** It was decided on, and nothing has made it pointless yet. */
  wanted = false;
  /** What its translation had to drop, told to the caller only if it wins. */
  warnings: string[] = [];
  readonly #run: CallOwner;
  readonly #deadlines: Deadlines;
  #call: UpstreamCall | undefined = undefined;
  #timer: Timer | undefined = undefined;

  constructor(run: CallOwner, deadlines: Deadlines) {
    this.#run = run;
    this.#deadlines = deadlines;
  }

  /** It may still come to a second call. */
  get pending(): boolean {
    return this.#timer !== undefined || this.wanted;
  }

  /** Starts the clock anew. */
  arm(clock: Clock, afterMs: number, fire: () => void): void {
    this.disarm();
    this.#timer = clock.after(afterMs, () => {
      this.#timer = undefined;
      fire();
    });
  }

  disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Nothing is started any more. A call that runs is not touched. */
  callOff(): void {
    this.disarm();
    this.wanted = false;
  }

  begins(call: UpstreamCall): void {
    this.#call = call;
    this.#deadlines.add(this);
  }

  // As owner of its call

  get requestId(): string {
    return this.#run.requestId;
  }

  get timeouts(): TimeoutsBody {
    return this.#run.timeouts;
  }

  get requestBy(): number {
    return this.#run.requestBy;
  }

  now(): number {
    return this.#run.now();
  }

  receive(call: UpstreamCall, head: ResponseHead): Receiver {
    return this.#run.receive(call, head);
  }

  failed(call: UpstreamCall, failure: Failure): void {
    this.#run.failed(call, failure);
  }

  succeeded(call: UpstreamCall): void {
    this.#run.succeeded(call);
  }

  ended(call: UpstreamCall): void {
    this.#call = undefined;
    this.#deadlines.remove(this);
    this.#run.ended(call);
  }

  timedOut(call: UpstreamCall, error: OutriderError): void {
    this.#run.timedOut(call, error);
  }

  crashed(error: OutriderError): void {
    this.#run.crashed(error);
  }

  mayRepeatSent(): boolean {
    return this.#run.mayRepeatSent();
  }

  onDeadline(now: number): void {
    if (this.#call) this.#call.onDeadline(now);
    else this.deadline = NEVER;
  }
}
