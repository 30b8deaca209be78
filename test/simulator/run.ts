/**
 * One simulated request on its way through its plan. What it decides, it decides with the functions of
 * `sidecar/dispatch/run.ts`: `choose`, `mayFailOver`, `backoffMs`, `shareOfTime`, and breakers that are told the same.
 */
import { costInTier } from '../../sidecar/accounting/price.ts';
import { NO_USAGE } from '../../sidecar/accounting/usage.ts';
import { backoffMs } from '../../sidecar/dispatch/backoff.ts';
import { shareOfTime, timeBeforeCommit } from '../../sidecar/dispatch/commit-budget.ts';
import { mayFailOver } from '../../sidecar/dispatch/failover.ts';
import type { Failure } from '../../sidecar/dispatch/failure.ts';
import { newAttempt } from '../../sidecar/dispatch/new-attempt.ts';
import { choose, couldTakeOver, type SelectionInput, type Tried } from '../../sidecar/dispatch/selection.ts';
import type { Attempt, Exchange } from '../../sidecar/exchange.ts';
import { isPinned, replayOf } from '../../sidecar/routing/kept.ts';
import type { Candidate, Ejection, Plan, ReplayClass, RequestFacts } from '../../sidecar/routing/plan.ts';
import type { Timer } from '../../sidecar/snapshot/clock.ts';
import { pricesOf } from '../../sidecar/snapshot/prices.ts';
import type { TimeoutsBody } from '../../sidecar/snapshot/schema.ts';
import { type CallOwner, SimulatedCall } from './call.ts';
import type { EventClock } from './event-clock.ts';
import type { Simulator } from './simulator.ts';
import type { Served } from './timeline.ts';
import type { Asked } from './workload.ts';

export class SimulatedRun implements CallOwner, SelectionInput {
  readonly clock: EventClock;
  readonly asked: Asked;
  readonly facts: RequestFacts;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly stream: boolean;
  readonly timeouts: TimeoutsBody;
  readonly candidates: readonly Candidate[];
  readonly tried: Tried[] = [];
  readonly pinned: boolean;
  readonly passthroughProvider = undefined;
  maxWaitMs = 0;
  over = false;
  /** Attempts under way: more than one only where a plugin launched them. */
  readonly calls = new Set<SimulatedCall>();
  readonly #simulator: Simulator;
  readonly #replay: ReplayClass;
  readonly #commitDeadline: number;
  readonly #timers: Timer[] = [];
  readonly #billed = new Map<Attempt, SimulatedCall>();
  #committed: SimulatedCall | undefined = undefined;
  #counted = 0;
  #errorCode: string | undefined = undefined;
  #latencyMs: number | undefined = undefined;

  constructor(simulator: Simulator, asked: Asked, exchange: Exchange, facts: RequestFacts, plan: Plan) {
    this.#simulator = simulator;
    this.clock = simulator.clock;
    this.asked = asked;
    this.exchange = exchange;
    this.facts = facts;
    this.plan = plan;
    this.stream = facts.stream;
    this.timeouts = plan.rule.timeouts;
    this.candidates = plan.candidates;
    this.pinned = isPinned(facts, plan.rule);
    this.#replay = replayOf(facts, plan.rule);
    this.#commitDeadline = exchange.startedAt + timeBeforeCommit(this.timeouts.requestMs, undefined);
    exchange.settle = (attempt) => this.#settle(attempt);
  }

  start(): void {
    this.#timers.push(
      this.clock.after(this.timeouts.requestMs, () => this.#giveUp('request_timeout')),
      this.clock.after(this.asked.leavesAfterMs ?? Number.POSITIVE_INFINITY, () => this.#end('Left')),
    );
    this.next();
  }

  now(): number {
    return this.clock.monotonic();
  }

  ejection(candidate: Candidate): Ejection | undefined {
    return this.#simulator.breakers.ejection(candidate, this.now(), this.#replay === 'Free');
  }

  hasKey(): boolean {
    return true;
  }

  /** The next candidate, now or after its wait; the end where there is none. */
  next(): void {
    const remaining = this.#commitDeadline - this.now();
    this.maxWaitMs =
      this.exchange.attempts.length === 0 ? 0 : Math.min(remaining, this.plan.rule.failover.backoff.maxMs);
    const choice = this.#counted < this.plan.maxAttempts && remaining > 0 ? choose(this) : undefined;
    if (choice === undefined) {
      this.#giveUp(this.#errorCode ?? 'no_target');
    } else if (choice.waitMs > 0) {
      this.#timers.push(this.clock.after(choice.waitMs, () => !this.over && this.next()));
    } else if (this.#simulator.admits(this, choice.candidate)) {
      this.#counted++;
      this.launch(choice.candidate);
    } else {
      this.pass(choice.candidate);
      this.next();
    }
  }

  /** Goes on without a candidate that may not be asked: it counts as no attempt. */
  pass(candidate: Candidate): void {
    this.tried.push({ candidate, scope: 'None', retry: 'OtherTarget', notBefore: 0 });
  }

  /** Starts an attempt. While others are under way the first to commit wins, and the rest are cancelled. */
  launch(candidate: Candidate): SimulatedCall {
    const { exchange } = this;
    const { breakers, random } = this.#simulator;
    const now = this.now();
    const free = this.#replay === 'Free' && !this.pinned;
    const admission = breakers.admit(candidate, now, free, undefined);
    const attempt = newAttempt(candidate, this.#kind(candidate, admission.kind === 'Probe'), now, undefined);
    exchange.attempts.push(attempt);
    const possible = this.#attemptsPossible(candidate);
    const shareMs = shareOfTime(this.#commitDeadline - now, possible);
    const timeMs = this.#simulator.timeFor(this, candidate, shareMs, possible <= 1);
    const call = new SimulatedCall(this, {
      attempt,
      admission,
      target: this.#simulator.targetOf(candidate),
      moment: { facts: this.facts, credential: candidate.credential?.id ?? '', random },
      outputTokens: this.asked.outputTokens,
      commitBy: now + timeMs,
      learned: timeMs < shareMs,
    });
    this.#billed.set(attempt, call);
    this.calls.add(call);
    for (const observer of this.#simulator.observers) observer.started?.(attempt, exchange);
    call.start();
    this.#simulator.started(this, call);
    return call;
  }

  // What calls tell

  committed(call: SimulatedCall): void {
    this.#win(call);
    const now = this.now();
    call.attempt.committedAt = now;
    this.exchange.committedAt = now;
    this.#latencyMs = now - this.exchange.startedAt;
    for (const observer of this.#simulator.observers) observer.committed?.(call.attempt, this.exchange);
  }

  ended({ attempt }: SimulatedCall): void {
    for (const observer of this.#simulator.observers) observer.ended?.(attempt, this.exchange);
  }

  succeeded(call: SimulatedCall): void {
    this.calls.delete(call);
    this.#simulator.breakers.success(this.#evidence(call), this.now());
    if (this.#committed === undefined) this.committed(call);
    this.#end('Served');
  }

  failed(call: SimulatedCall, failure: Failure): void {
    this.calls.delete(call);
    const { candidate } = call.attempt;
    const retryAfterMs = failure.retryAfterMs === 0 ? undefined : failure.retryAfterMs;
    this.#simulator.breakers.failure(this.#evidence(call), failure.verdict, retryAfterMs, this.now());
    if (this.over) return;
    this.#errorCode = failure.error.code;
    if (this.#committed === call) {
      this.#end('Broken');
      return;
    }
    this.tried.push(this.#judge(candidate, failure));
    // Another attempt may still bring the answer.
    if (this.calls.size > 0) return;
    if (mayFailOver(failure, this.plan.rule.failover.on, this.#replay)) this.next();
    else this.#giveUp(failure.error.code);
  }

  #win(winner: SimulatedCall): void {
    this.#committed = winner;
    for (const call of this.calls) if (call !== winner) this.#cancel(call);
  }

  #cancel(call: SimulatedCall): void {
    this.calls.delete(call);
    call.cancel();
    this.#simulator.breakers.abandon(call);
  }

  #judge(candidate: Candidate, { verdict, retryAfterMs }: Failure): Tried {
    const before = this.tried.filter((t) => t.candidate.providerId === candidate.providerId).length;
    const wait = backoffMs(this.plan.rule.failover.backoff, before + 1, this.#simulator.random());
    const notBefore = this.now() + Math.max(wait, retryAfterMs ?? 0);
    return { candidate, scope: verdict.scope, retry: verdict.retry, notBefore };
  }

  #kind(candidate: Candidate, probe: boolean): Attempt['kind'] {
    const previous = this.exchange.attempts.at(-1);
    if (probe) return 'Probe';
    if (previous === undefined) return 'First';
    return previous.candidate.target === candidate.target ? 'Retry' : 'Failover';
  }

  couldLeave(candidate: Candidate): boolean {
    return this.#attemptsPossible(candidate, couldTakeOver) > 1;
  }

  #attemptsPossible(candidate: Candidate, could: typeof couldTakeOver = () => true): number {
    const left = this.plan.maxAttempts - this.#counted;
    if (left <= 0 || this.#replay !== 'Free' || !this.plan.rule.failover.on.includes('Timeout')) return 1;
    let others = 0;
    for (const other of this.candidates) {
      if (other === candidate || this.tried.some((t) => t.candidate === other)) continue;
      if (could(other, candidate, this) && this.ejection(other) === undefined) others++;
    }
    return 1 + Math.min(left, others);
  }

  #evidence(call: SimulatedCall) {
    const { attempt, admission, secret } = call;
    const { candidate, startedAt, headersAt } = attempt;
    return { candidate, caller: undefined, secret, admission, startedAt, answered: headersAt !== undefined };
  }

  #settle(attempt: Attempt) {
    if (attempt.settlement) return attempt.settlement;
    const billed = this.#billed.get(attempt)?.billed;
    const prices = pricesOf(attempt.candidate.model);
    if (billed === undefined) {
      attempt.settlement = { usage: NO_USAGE, source: 'None', costNanoUsd: 0n };
    } else {
      const usage = { ...NO_USAGE, ...billed };
      const cost = prices && costInTier(usage, prices, undefined, undefined);
      const whole = attempt.failure === undefined && !attempt.cancelled;
      attempt.settlement = {
        usage,
        source: whole ? 'Provider' : 'Estimated',
        ...(cost !== undefined && { costNanoUsd: cost }),
      };
    }
    return attempt.settlement;
  }

  #giveUp(errorCode: string): void {
    this.#errorCode = errorCode;
    const outcome = this.exchange.attempts.length === 0 ? 'Refused' : 'Failed';
    this.#end(this.#committed === undefined ? outcome : 'Broken');
  }

  #end(outcome: Served['outcome']): void {
    if (this.over) return;
    this.over = true;
    for (const timer of this.#timers) timer.cancel();
    for (const call of this.calls) this.#cancel(call);
    const { exchange } = this;
    const endedAt = this.now();
    const served = outcome === 'Served';
    exchange.outcome = {
      status: this.#committed ? 200 : outcome === 'Left' ? 499 : 503,
      endedAt,
      errorCode: served || outcome === 'Left' ? undefined : this.#errorCode,
      broken: outcome === 'Broken',
      cancelled: outcome === 'Left',
      streamed: this.stream,
      responseBytes: 0,
    };
    for (const attempt of exchange.attempts) exchange.settle(attempt);
    for (const observer of this.#simulator.exchangeObservers) observer.completed(exchange);
    const winner = this.#committed?.attempt.candidate;
    this.#simulator.record({
      asked: this.asked,
      at: exchange.startedAt,
      endedAt,
      target: winner?.target.name,
      credential: winner?.credential?.name,
      attempts: exchange.attempts,
      plan: this.plan,
      latencyMs: this.#latencyMs,
      totalMs: endedAt - exchange.startedAt,
      costNanoUsd: exchange.attempts.reduce((sum, a) => sum + (a.settlement?.costNanoUsd ?? 0n), 0n),
      outcome,
      errorCode: exchange.outcome.errorCode,
    });
  }
}
