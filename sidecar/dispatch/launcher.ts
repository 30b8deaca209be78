/**
 * Makes the attempts of a request: what one needs is gathered, put together, signed and sent. What follows from how an
 * attempt ends is decided in `run.ts`.
 */
import type { OutriderError } from '../../errors/table.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import { headerValue } from '../http1/header-value.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { SpendHold } from '../limits/budgets/hold.ts';
import { priorityOf } from '../routing/headroom.ts';
import { isPinned, replayOf } from '../routing/kept.ts';
import type { Candidate, Plan, ReplayClass } from '../routing/plan.ts';
import { Assembly, type Ready } from './assembly.ts';
import type { CallOwner } from './call-owner.ts';
import { callerKeyOf } from './caller-key.ts';
import { timeBeforeCommit } from './commit-budget.ts';
import type { Failure } from './failure.ts';
import type { Hedge } from './hedging/hedge.ts';
import { newAttempt } from './new-attempt.ts';
import type { AttemptLimits } from './pace/limits.ts';
import type { DispatchParts } from './parts.ts';
import { Preparation } from './preparation.ts';
import type { Receiver } from './receiver.ts';
import { Relay, type Settled } from './relay.ts';
import { isRefusal, type SpendRefusal } from './spend-gate.ts';
import { UpstreamCall } from './upstream-call.ts';

export abstract class Launcher extends Relay implements CallOwner {
  readonly pinned: boolean;
  passthroughProvider: string | undefined = undefined;
  protected readonly replay: ReplayClass;
  protected readonly commitDeadline: number;
  /** The caller's own timeout is shorter than the rule's: what it cuts short is no failure of the provider. */
  readonly #impatient: boolean;
  /** What tells the caller's own key apart, where a credential passes it on. */
  readonly #caller: string | undefined;
  /** The next call of the plan waits for what it needs. */
  protected preparing = false;
  readonly #preparation: Preparation;
  readonly #assembly: Assembly;
  /** Ends the wait for a lease. */
  #leaveQueue: (() => void) | undefined = undefined;

  constructor(parts: DispatchParts, exchange: Exchange, plan: Plan, settled: Settled) {
    super(parts, exchange, plan, settled);
    const { rawHeaders } = exchange.req;
    const { requestMs } = this.timeouts;
    const limit = timeBeforeCommit(requestMs, headerValue(rawHeaders, 'x-stainless-timeout'));
    this.#preparation = new Preparation(exchange, parts, this.held);
    this.#assembly = new Assembly(exchange, plan.rule, parts, this.#preparation);
    const { facts } = exchange;
    this.pinned = facts !== undefined && isPinned(facts, plan.rule);
    this.replay = facts === undefined ? 'Never' : replayOf(facts, plan.rule);
    this.commitDeadline = exchange.startedAt + limit;
    this.#impatient = limit < timeBeforeCommit(requestMs, undefined);
    const passes = plan.candidates.some((c) => c.credential?.type === 'Passthrough');
    this.#caller = passes ? callerKeyOf(rawHeaders) : undefined;
  }

  abstract receive(call: UpstreamCall, head: ResponseHead): Receiver;
  abstract failed(call: UpstreamCall, failure: Failure): void;
  abstract succeeded(call: UpstreamCall): void;
  abstract timedOut(call: UpstreamCall, error: OutriderError): void;
  abstract mayRepeatSent(): boolean;
  /** The attempt that was launched cannot be made, and was never begun. */
  protected abstract cannot(candidate: Candidate, thrown: unknown, hedge: Hedge | undefined): void;
  /** Limits leave no room for the attempt now. */
  protected abstract noRoom(candidate: Candidate, hedge: Hedge | undefined): void;
  /** No budget has room for the attempt. */
  protected abstract noMoney(candidate: Candidate, refusal: SpendRefusal, hedge: Hedge | undefined): void;
  /** What the attempt needs came too late. */
  protected abstract tooLate(hedge: Hedge | undefined): void;
  protected abstract limitsOf(candidate: Candidate, now: number, hedge: Hedge | undefined): AttemptLimits;
  protected abstract kindOf(candidate: Candidate, probe: boolean): Attempt['kind'];
  /** An attempt is on its way. */
  protected abstract begun(call: UpstreamCall, hedge: Hedge | undefined): void;

  /**
   * What an attempt needs and does not have yet is fetched first; meanwhile the caller may leave, another call may commit,
   * and time may run out. `secret`: instead of the current key.
   */
  protected launch(candidate: Candidate, secret: string | undefined, hedge?: Hedge): void {
    const pending = this.#preparation.gather(candidate);
    if (pending === undefined) {
      this.#send(candidate, secret, hedge);
      return;
    }
    if (hedge === undefined) this.preparing = true;
    void this.#sendAfter(pending, candidate, secret, hedge);
  }

  async #sendAfter(
    pending: Promise<void>,
    candidate: Candidate,
    secret: string | undefined,
    hedge: Hedge | undefined,
  ): Promise<void> {
    try {
      await pending;
      if (hedge === undefined) this.preparing = false;
    } catch (error) {
      if (hedge === undefined) this.preparing = false;
      if (this.#isWanted(hedge)) this.cannot(candidate, error, hedge);
      return;
    }
    if (!this.#isWanted(hedge)) return;
    if (this.now() < this.commitDeadline) this.#send(candidate, secret, hedge);
    else this.tooLate(hedge);
  }

  #send(candidate: Candidate, secret: string | undefined, hedge: Hedge | undefined): void {
    try {
      if (candidate.credential?.type === 'Passthrough') this.passthroughProvider = candidate.providerId;
      const ready = this.#assemble(candidate, secret, hedge);
      if (ready.signed === undefined) {
        this.#start(candidate, ready, hedge);
        return;
      }
      if (hedge === undefined) this.preparing = true;
      void this.#startSigned(candidate, ready, ready.signed, hedge);
    } catch (error) {
      this.cannot(candidate, error, hedge);
    }
  }

  /** Warnings are those of the call that answers; until it is known which, a hedge keeps its own to itself. */
  #assemble(candidate: Candidate, secret: string | undefined, hedge: Hedge | undefined): Ready {
    if (hedge === undefined) return this.#assembly.assemble(candidate, secret);
    const { exchange } = this;
    const kept = exchange.warnings;
    exchange.warnings = [...kept];
    try {
      const ready = this.#assembly.assemble(candidate, secret);
      hedge.warnings = exchange.warnings;
      return ready;
    } finally {
      exchange.warnings = kept;
    }
  }

  /** The caller may have left while the signer was loaded. */
  async #startSigned(
    candidate: Candidate,
    ready: Ready,
    signed: Promise<void>,
    hedge: Hedge | undefined,
  ): Promise<void> {
    try {
      await signed;
      if (hedge === undefined) this.preparing = false;
      if (this.#isWanted(hedge)) this.#start(candidate, ready, hedge);
    } catch (error) {
      if (hedge === undefined) this.preparing = false;
      if (this.#isWanted(hedge)) this.cannot(candidate, error, hedge);
    }
  }

  #start(candidate: Candidate, ready: Ready, hedge: Hedge | undefined): void {
    const now = this.now();
    const spend = this.parts.spend?.take(candidate, this.exchange, now);
    if (!isRefusal(spend)) this.#begin(candidate, ready, hedge, spend, now);
    else if (hedge !== undefined || !this.#awaitLease(candidate, ready, spend, now))
      this.noMoney(candidate, spend, hedge);
  }

  /** False: there is no use in waiting. */
  #awaitLease(candidate: Candidate, ready: Ready, refusal: SpendRefusal, since: number): boolean {
    const { exchange, parts, plan } = this;
    const deadline = Math.min(since + refusal.waitMs, this.commitDeadline);
    const waiter = {
      priority: priorityOf(plan.rule),
      deadline,
      again: (now: number) => this.#leased(candidate, ready, now, since),
      gaveUp: (last: SpendRefusal, now: number) => {
        this.#noteWait(now - since);
        if (this.#isWanted(undefined)) this.noMoney(candidate, last, undefined);
      },
    };
    const leave = parts.spend?.wait(refusal, waiter, since);
    if (leave === undefined) return false;
    this.preparing = true;
    this.#leaveQueue = leave;
    if (exchange.res.destroyed) leave();
    return true;
  }

  #leased(candidate: Candidate, ready: Ready, now: number, since: number): SpendRefusal | undefined {
    if (!this.#isWanted(undefined)) return undefined;
    const spend = this.parts.spend?.take(candidate, this.exchange, now);
    if (isRefusal(spend)) return spend;
    this.#noteWait(now - since);
    try {
      this.#begin(candidate, ready, undefined, spend, now);
    } catch (error) {
      this.cannot(candidate, error, undefined);
    }
    return undefined;
  }

  #noteWait(waitedMs: number): void {
    const { exchange } = this;
    this.preparing = false;
    this.#leaveQueue = undefined;
    if (exchange.budget) exchange.budget.waitedMs = waitedMs;
    exchange.steps.push({
      stage: 'dispatch',
      what: 'WaitedForLease',
      detail: `${Math.round(waitedMs)} ms for part of budget ${exchange.budget?.id ?? ''}`,
    });
  }

  #begin(
    candidate: Candidate,
    { upstream, way, request, secret }: Ready,
    hedge: Hedge | undefined,
    spend: SpendHold | undefined,
    now: number,
  ): void {
    const { exchange, parts } = this;
    const permit = parts.gate?.take(candidate, exchange, now);
    if (permit === 'Refused') {
      spend?.settle(0n, now);
      this.noRoom(candidate, hedge);
      return;
    }
    const free = this.replay === 'Free' && !this.pinned;
    const admission = parts.breakers.admit(candidate, now, free, this.callerOf(candidate));
    const kind = hedge === undefined ? this.kindOf(candidate, admission.kind === 'Probe') : 'Hedge';
    const attempt = newAttempt(candidate, kind, now, way);
    if (permit !== undefined && permit !== 'Free') attempt.permit = permit;
    if (spend !== undefined) attempt.spend = spend;
    if (request.askedTier !== undefined) attempt.askedTier = request.askedTier;
    this.started(attempt);
    const call = new UpstreamCall(hedge ?? this, {
      attempt,
      upstream,
      request,
      admission,
      secret,
      stream: exchange.envelope?.stream ?? false,
      impatient: this.#impatient,
      ...this.limitsOf(candidate, now, hedge),
    });
    if (hedge === undefined) this.call = call;
    else this.rival = call;
    hedge?.begins(call);
    call.start();
    this.begun(call, hedge);
  }

  /** Nobody has answered yet, and nothing has called it off. */
  #isWanted(hedge: Hedge | undefined): boolean {
    if (this.over || this.exchange.committedAt !== undefined) return false;
    return hedge === undefined || hedge.wanted;
  }

  /** Nothing is gathered for anybody any more. */
  protected stopGathering(): void {
    this.#preparation.abort();
    this.#leaveQueue?.();
    this.#leaveQueue = undefined;
  }

  /** No other attempt will be made: a long stream must not keep the prompt. */
  protected forgetRequest(): void {
    this.#preparation.forget();
  }

  protected callerOf(candidate: Candidate): string | undefined {
    return candidate.credential?.type === 'Passthrough' ? this.#caller : undefined;
  }
}
