/** One request on its way through its plan: attempts, failover, backoff and at most one hedge until one commits. */
import { OutriderError } from '../../errors/table.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Candidate, Ejection, Plan } from '../routing/plan.ts';
import { asOutriderError } from '../server/answer.ts';
import type { Timer } from '../snapshot/clock.ts';
import { Again } from './again.ts';
import { noRoom } from './attempt-gate.ts';
import { hasValue } from './auth/authorize.ts';
import { shareOfTime } from './commit-budget.ts';
import { mayFailOver, mayReplace, ownList } from './failover.ts';
import type { Failure } from './failure.ts';
import { answerHeaders, type Failed, mayTell, nothingToTry } from './give-up.ts';
import type { Hedge } from './hedging/hedge.ts';
import { isStream } from './is-stream.ts';
import { noteFailure, noteOwnList, noteStep } from './notes.ts';
import { type AttemptLimits, attemptLimits } from './pace/limits.ts';
import { hasLearned } from './pace/pace-book.ts';
import type { DispatchParts } from './parts.ts';
import { PASSED_OVER } from './passed-over.ts';
import { Race } from './race.ts';
import { BodyReceiver } from './receive-body.ts';
import { ErrorReceiver } from './receive-error.ts';
import { EventReceiver } from './receive-events.ts';
import type { Receiver } from './receiver.ts';
import type { Settled } from './relay.ts';
import { retryBudgetOf, spentDetail } from './retry-budget.ts';
import { opensIn } from './retry-hint.ts';
import {
  choose,
  couldTakeOver,
  hasFailedAt,
  judge,
  mayServe,
  type SelectionInput,
  type Tried,
  wasTried,
} from './selection.ts';
import type { SpendRefusal } from './spend-gate.ts';
import type { UpstreamCall } from './upstream-call.ts';

export class Run extends Race implements SelectionInput {
  /** Of the plan, or the list that the last failure has for itself. */
  candidates: readonly Candidate[];
  readonly tried: Tried[] = [];
  maxWaitMs = 0;
  #counted = 0;
  #again: Again | undefined = undefined;
  #timer: Timer | undefined = undefined;
  /** Why the first target that was passed over could not be asked. */
  #obstacle: OutriderError | undefined = undefined;
  /** A budget lets only what costs least be asked. */
  #cheapest = false;

  constructor(parts: DispatchParts, exchange: Exchange, plan: Plan, settled: Settled) {
    super(parts, exchange, plan, settled);
    this.candidates = plan.candidates;
  }

  start(): void {
    if (this.open()) this.#next(undefined);
  }

  // For selection

  ejection(candidate: Candidate): Ejection | undefined {
    const { breakers } = this.parts;
    return breakers.ejection(candidate, this.now(), this.replay === 'Free', this.callerOf(candidate));
  }

  hasKey(candidate: Candidate): boolean {
    const { credential } = candidate;
    return (
      credential === undefined || !hasValue(credential) || this.parts.keys.value(credential.id) !== undefined
    );
  }

  mayRepeatAt(providerId: string): boolean {
    const budget = retryBudgetOf(this.plan.rule.failover);
    if (budget === undefined) return true;
    return this.parts.retries.has(this.exchange.route ?? '', providerId, budget, this.now());
  }

  // For calls and receivers

  override hasAlternative(): boolean {
    if (this.isContested()) return true;
    return this.#counted < this.plan.maxAttempts && mayReplace(this.plan.rule.failover.on, this.replay);
  }

  mayRepeatSent(): boolean {
    return this.replay === 'Free';
  }

  receive(call: UpstreamCall, head: ResponseHead): Receiver {
    this.parts.gate?.heard(call.attempt, head.rawHeaders);
    const { status } = head;
    if (status < 200 || status > 299) return new ErrorReceiver(call, this.parts.clock.wall());
    // Nothing can be sent again from here on, so nothing is kept for it.
    if (!this.hasAlternative()) this.exchange.releaseBody(this.isSent(call));
    if (!isStream(head.rawHeaders, call.request.wire)) return new BodyReceiver(call, this);
    this.streamed = true;
    call.hold(this.plan.rule.holdMaxMs);
    return new EventReceiver(call, this);
  }

  succeeded(call: UpstreamCall): void {
    this.drop(call);
    const { candidate } = call.attempt;
    const { breakers } = this.parts;
    if (!breakers.watches(candidate.providerId)) return;
    breakers.success(this.evidence(call, this.callerOf(candidate)), this.now());
  }

  timedOut(call: UpstreamCall, error: OutriderError): void {
    if (error.code === 'client_stalled') this.dropStalled(error);
    else call.failTransport('Timeout', 'request', error, { counted: false });
  }

  failed(call: UpstreamCall, failure: Failure): void {
    this.drop(call);
    const { attempt, committed } = call;
    const { candidate } = attempt;
    const again = committed ? undefined : (this.#again ??= new Again()).with(call, failure, this.parts);
    this.#tellBreakers(call, failure, again !== undefined);
    if (this.over) return;
    noteFailure(this.exchange, attempt, failure);
    const hedge = attempt.kind === 'Hedge' ? this.hedge : undefined;
    if (committed) {
      this.breakOff(failure.error, call.breakOff());
    } else if (again) {
      this.launch(candidate, again.secret, hedge);
    } else {
      this.tried.push(judge(this.tried, candidate, failure, this.plan.rule, this.now(), this.parts.random()));
      const other = this.#otherKey(candidate, failure);
      if (other === undefined) {
        this.#follow({ failure, call }, hedge);
      } else {
        this.#again?.use();
        this.launch(other, undefined, hedge);
      }
    }
  }

  // For attempts that are made

  protected override cannot(candidate: Candidate, thrown: unknown, hedge: Hedge | undefined): void {
    const error = asOutriderError(thrown, this.requestId);
    const passed = PASSED_OVER[error.code];
    if (passed === undefined) {
      this.crashed(error);
      return;
    }
    const { what, retry } = passed;
    noteStep(this.exchange, what, `target ${candidate.target.name}: ${error.message}`);
    this.#passOver({ candidate, scope: 'None', retry, notBefore: 0 }, error, hedge);
  }

  protected override noRoom(candidate: Candidate, hedge: Hedge | undefined): void {
    const { name } = candidate.target;
    noteStep(this.exchange, 'RateHeadroom', `target ${name}: its limits leave no room now`);
    const error = noRoom(candidate, this.exchange);
    this.#passOver({ candidate, scope: 'None', retry: 'Same', notBefore: 0, refused: true }, error, hedge);
  }

  protected override noMoney(candidate: Candidate, refusal: SpendRefusal, hedge: Hedge | undefined): void {
    noteStep(this.exchange, 'Budget', `target ${candidate.target.name}: ${refusal.detail}`);
    const tried: Tried = { candidate, scope: 'None', retry: 'Same', notBefore: 0, refused: true };
    if (hedge || refusal.leads === 'Next') {
      this.#passOver(tried, refusal.error, hedge);
      return;
    }
    const downgrades = refusal.leads === 'Cheapest' && !this.#cheapest;
    if (downgrades) this.#askCheapest();
    this.#obstacle = refusal.error;
    if (downgrades) this.#passOver(tried, refusal.error, undefined);
    else if (this.rival === undefined) this.#giveUp(undefined, true);
  }

  /** A budget is used up for what the rule would rather ask. */
  #askCheapest(): void {
    const { exchange, parts, plan } = this;
    this.#cheapest = true;
    const priced = [...plan.candidates, ...(plan.fallbacks ?? [])].flatMap((candidate) => {
      const cost = parts.spend?.costOf(candidate, exchange);
      return cost === undefined ? [] : [{ candidate, cost }];
    });
    const [least] = priced.map(({ cost }) => cost).sort((a, b) => Number(a - b));
    this.candidates = priced.flatMap(({ candidate, cost }) => (cost === least ? [candidate] : []));
    const names = [...new Set(this.candidates.map(({ target }) => target.name))].join(', ');
    noteStep(exchange, 'Downgraded', `only what costs least is asked: ${names}`);
    if (exchange.budget) exchange.budget.what = 'Cheapest';
  }

  #passOver(tried: Tried, why: OutriderError, hedge: Hedge | undefined): void {
    this.tried.push(tried);
    if (hedge) {
      hedge.callOff();
      return;
    }
    this.#obstacle ??= why;
    this.#counted--;
    if (this.rival === undefined) this.#next(undefined);
  }

  protected override tooLate(hedge: Hedge | undefined): void {
    if (hedge) hedge.callOff();
    else if (this.rival === undefined) this.#giveUp(undefined, true);
  }

  protected override couldServe(candidate: Candidate): boolean {
    return mayServe(candidate, this);
  }

  protected override limitsOf(candidate: Candidate, now: number, hedge: Hedge | undefined): AttemptLimits {
    const { rule } = this.plan;
    const possible = this.#attemptsPossible(candidate);
    const shareMs = shareOfTime(this.commitDeadline - now, possible);
    if (!hasLearned(rule)) return { commitBy: now + shareMs };
    const { breakers, pace } = this.parts;
    return attemptLimits(rule, pace, candidate, {
      stream: this.exchange.envelope?.stream ?? false,
      now,
      shareMs,
      last: possible <= 1,
      // A hedge is beside a call that waits already: the clocks of the first are enough.
      mayLeave: () => hedge === undefined && this.#attemptsPossible(candidate, couldTakeOver) > 1,
      silent: (why, at) => breakers.trip(candidate, why, at),
    });
  }

  protected override kindOf(candidate: Candidate, probe: boolean): Attempt['kind'] {
    const previous = this.exchange.attempts.at(-1);
    if (this.exchange.internal?.purpose === 'Mirror') return 'Mirror';
    if (probe) return 'Probe';
    if (previous === undefined) return 'First';
    return previous.candidate.target === candidate.target ? 'Retry' : 'Failover';
  }

  protected override stop(): void {
    this.hedge?.callOff();
    this.stopGathering();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tellBreakers(call: UpstreamCall, failure: Failure, again: boolean): void {
    const { breakers } = this.parts;
    const evidence = this.evidence(call, this.callerOf(call.attempt.candidate));
    if (!failure.counted || again) {
      breakers.abandon(evidence);
      return;
    }
    // "Come back now" is no reason to stay away.
    const retryAfterMs = failure.retryAfterMs === 0 ? undefined : failure.retryAfterMs;
    breakers.failure(evidence, failure.verdict, retryAfterMs, this.now());
  }

  /** A key of ours that is dead or used up costs nobody an attempt while the target has another one that is well. */
  #otherKey(failed: Candidate, failure: Failure): Candidate | undefined {
    const { scope } = failure.verdict;
    if (scope !== 'Credential' && scope !== 'CredentialModel') return undefined;
    if (!(this.#again ??= new Again()).isLeft || this.isUnderWay()) return undefined;
    if (this.pinned || !mayFailOver(failure, this.plan.rule.failover.on, this.replay)) return undefined;
    return this.plan.candidates.find(
      (c) => c.target === failed.target && mayServe(c, this) && this.isWell(c) && !wasTried(c, this.tried),
    );
  }

  /** An attempt is over and nobody has answered. */
  #follow(failed: Failed, hedge: Hedge | undefined): void {
    const { failure } = failed;
    const { on } = this.plan.rule.failover;
    const { class: kind } = failure.verdict;
    const final = !mayFailOver(failure, on, this.replay);
    // What fails beside another call fails quietly, unless the first call was told that the request itself is at fault.
    const ofRequest = final && hedge === undefined && OF_THE_REQUEST.has(kind);
    if (this.isUnderWay() && !ofRequest) return;
    this.hedge?.callOff();
    // What we must not repeat, the caller's SDK must not either; what the rule leaves to the caller stays its own.
    if (final) this.#giveUp(failed, kind !== 'Caller' && on.includes(kind));
    else this.#goOn(failed);
  }

  #goOn(failed: Failed): void {
    const { rule } = this.plan;
    const kind = failed.failure.verdict.class;
    const own = rule.failover.to ? ownList(rule.failover.to, kind, this.plan) : undefined;
    if (own) noteOwnList(this.exchange, kind, own);
    this.candidates = own ?? this.plan.candidates;
    this.#next(failed);
  }

  #next(failed: Failed | undefined): void {
    const remaining = this.commitDeadline - this.now();
    const first = this.exchange.attempts.length === 0;
    this.maxWaitMs = first ? 0 : Math.min(remaining, this.plan.rule.failover.backoff.maxMs);
    const choice = this.#counted < this.plan.maxAttempts && remaining > 0 ? choose(this) : undefined;
    if (choice === undefined) {
      if (failed) this.#noteBudget(failed.call.attempt.candidate.providerId);
      this.#giveUp(failed, true);
    } else if (choice.waitMs > 0) {
      this.#timer = this.parts.clock.after(choice.waitMs, () => {
        this.#timer = undefined;
        this.#next(failed);
      });
    } else {
      this.#counted++;
      this.#pay(choice.candidate.providerId);
      this.launch(choice.candidate, undefined);
    }
  }

  /** Further attempts at one provider are bounded by the requests that come to it. */
  #pay(providerId: string): void {
    const budget = retryBudgetOf(this.plan.rule.failover);
    if (budget === undefined) return;
    const { retries } = this.parts;
    const route = this.exchange.route ?? '';
    if (hasFailedAt(providerId, this.tried)) retries.spend(route, providerId, budget, this.now());
    else retries.earn(route, providerId, budget, this.now());
  }

  #noteBudget(providerId: string): void {
    const budget = retryBudgetOf(this.plan.rule.failover);
    if (budget === undefined || this.mayRepeatAt(providerId)) return;
    noteStep(this.exchange, 'RetryBudgetSpent', spentDetail(providerId, budget));
  }

  /** This attempt and those that could follow it if it ran out of time. */
  #attemptsPossible(candidate: Candidate, could: typeof couldTakeOver = hasOwnKey): number {
    const left = this.plan.maxAttempts - this.#counted;
    if (left <= 0 || this.replay !== 'Free' || !this.plan.rule.failover.on.includes('Timeout')) return 1;
    let others = 0;
    for (const other of this.candidates) {
      if (other === candidate || this.tried.some((t) => t.candidate === other)) continue;
      if (could(other, candidate, this) && this.ejection(other) === undefined) others++;
    }
    return 1 + Math.min(left, others);
  }

  /** `exhausted`: it was ours to try again, and we are done with it. */
  #giveUp(failed: Failed | undefined, exhausted: boolean): void {
    this.cancelCalls();
    const { candidates } = this.plan;
    if (failed === undefined) {
      const late = this.now() >= this.commitDeadline;
      const { exchange } = this;
      const { requestMs } = this.timeouts;
      const hasKey = (c: Candidate) => this.hasKey(c);
      this.refuse(this.#obstacle ?? nothingToTry({ candidates, exchange, requestMs, late, hasKey }));
      return;
    }
    const { failure, call } = failed;
    const wait = opensIn(candidates, (c) => this.ejection(c), this.now());
    if (failure.answer === undefined || !mayTell(failed)) {
      failure.error.retryAfterMs = wait;
      this.refuse(failure.error);
      return;
    }
    const { responseHeaders } = this.parts.upstreams.of(call.attempt.candidate).type;
    const { allowed, more } = answerHeaders(responseHeaders, exhausted, wait);
    this.answerWith(failure.answer, allowed, more);
  }
}

const hasOwnKey: typeof couldTakeOver = (candidate, _, run) => run.hasKey(candidate);

/** Judgements of what was asked, not of who was asked. */
const OF_THE_REQUEST: ReadonlySet<Failure['verdict']['class']> = new Set([
  'Caller',
  'ContextWindow',
  'ContentFilter',
]);
