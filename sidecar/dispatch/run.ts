/** One request on its way through its plan: attempts, failover and backoff until one commits. */
import type { IncomingMessage } from 'node:http';
import { type ErrorCode, OutriderError } from '../../errors/table.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import type { Retry } from '../providers/failures.ts';
import { isPinned, replayOf } from '../routing/kept.ts';
import type { Candidate, Ejection, Plan, ReplayClass } from '../routing/plan.ts';
import { asOutriderError } from '../server/answer.ts';
import type { Timer } from '../snapshot/clock.ts';
import { Assembly, type Ready } from './assembly.ts';
import { hasValue } from './auth/authorize.ts';
import { backoffMs } from './backoff.ts';
import type { CallOwner } from './call-owner.ts';
import { callerKeyOf } from './caller-key.ts';
import { shareOfTime, timeBeforeCommit } from './commit-budget.ts';
import { mayFailOver, mayReplace } from './failover.ts';
import type { Failure } from './failure.ts';
import { headerValue } from './header-value.ts';
import { isStream } from './is-stream.ts';
import { newAttempt } from './new-attempt.ts';
import { noteFailure } from './notes.ts';
import type { DispatchParts } from './parts.ts';
import { Preparation } from './preparation.ts';
import { BodyReceiver } from './receive-body.ts';
import { ErrorReceiver } from './receive-error.ts';
import { EventReceiver } from './receive-events.ts';
import type { Receiver } from './receiver.ts';
import { Relay, type Settled } from './relay.ts';
import { opensIn, retryHeaders } from './retry-hint.ts';
import { type Choice, choose, type SelectionInput, type Tried } from './selection.ts';
import { UpstreamCall } from './upstream-call.ts';

/** Tries on top of `maxAttempts`, where something of ours was in the way. */
const MAX_EXTRA = 3;
/** What keeps a request from one target and not from the next, as the explanation calls it, and what must differ there. */
const NOT_TRANSLATABLE = { what: 'NotTranslatable', retry: 'OtherTarget' } as const;
const PASSED_OVER: Partial<Record<ErrorCode, { what: string; retry: Retry }>> = {
  request_not_translatable: NOT_TRANSLATABLE,
  media_unavailable: NOT_TRANSLATABLE,
  credential_unavailable: { what: 'CredentialMissing', retry: 'OtherCredential' },
};

export class Run extends Relay implements CallOwner, SelectionInput {
  readonly candidates: readonly Candidate[];
  readonly tried: Tried[] = [];
  readonly pinned: boolean;
  passthroughProvider: string | undefined = undefined;
  maxWaitMs = 0;
  readonly #replay: ReplayClass;
  readonly #commitDeadline: number;
  /** The caller's own timeout is shorter than the rule's: what it cuts short is no failure of the provider. */
  readonly #impatient: boolean;
  /** What tells the caller's own key apart, where a credential passes it on. */
  readonly #caller: string | undefined;
  #keysTried: string[] | undefined = undefined;
  #counted = 0;
  #extra = 0;
  #timer: Timer | undefined = undefined;
  readonly #preparation: Preparation;
  readonly #assembly: Assembly;
  /** Why the first target that was passed over could not be asked. */
  #obstacle: OutriderError | undefined = undefined;

  constructor(parts: DispatchParts, exchange: Exchange, plan: Plan, settled: Settled) {
    super(parts, exchange, plan, settled);
    const { rawHeaders } = exchange.req;
    const { requestMs } = this.timeouts;
    const limit = timeBeforeCommit(requestMs, headerValue(rawHeaders, 'x-stainless-timeout'));
    this.candidates = plan.candidates;
    this.#preparation = new Preparation(exchange, parts, this.held);
    this.#assembly = new Assembly(exchange, plan.rule, parts, this.#preparation);
    const { facts } = exchange;
    this.pinned = facts !== undefined && isPinned(facts, plan.rule);
    this.#replay = facts === undefined ? 'Never' : replayOf(facts, plan.rule);
    this.#commitDeadline = exchange.startedAt + limit;
    this.#impatient = limit < timeBeforeCommit(requestMs, undefined);
    const passes = plan.candidates.some((c) => c.credential?.type === 'Passthrough');
    this.#caller = passes ? callerKeyOf(rawHeaders) : undefined;
  }

  start(): void {
    if (this.open()) this.#next(undefined);
  }

  // For selection

  ejection(candidate: Candidate): Ejection | undefined {
    const { breakers } = this.parts;
    return breakers.ejection(candidate, this.now(), this.#replay === 'Free', this.#callerOf(candidate));
  }

  hasKey(candidate: Candidate): boolean {
    const { credential } = candidate;
    return (
      credential === undefined || !hasValue(credential) || this.parts.keys.value(credential.id) !== undefined
    );
  }

  // For calls and receivers

  override hasAlternative(): boolean {
    return this.#counted < this.plan.maxAttempts && mayReplace(this.plan.rule.failover.on, this.#replay);
  }

  mayRepeatSent(): boolean {
    return this.#replay === 'Free';
  }

  receive(call: UpstreamCall, response: IncomingMessage): Receiver {
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) return new ErrorReceiver(call, this.parts.clock.wall());
    // Nothing can be sent again from here on, so nothing is kept for it.
    if (!this.hasAlternative()) this.exchange.releaseBody(this.isSent(call));
    if (!isStream(response, call.request.wire)) return new BodyReceiver(call, this);
    this.streamed = true;
    call.hold(this.plan.rule.holdMaxMs);
    return new EventReceiver(call, this);
  }

  succeeded(call: UpstreamCall): void {
    this.call = undefined;
    const { candidate } = call.attempt;
    const { breakers } = this.parts;
    if (!breakers.watches(candidate.providerId)) return;
    breakers.success(this.evidence(call, this.#callerOf(candidate)), this.now());
  }

  timedOut(call: UpstreamCall, error: OutriderError): void {
    if (error.code === 'client_stalled') this.dropStalled(error);
    else call.failTransport('Timeout', 'request', error, { counted: false });
  }

  failed(call: UpstreamCall, failure: Failure): void {
    this.call = undefined;
    const { candidate } = call.attempt;
    const { breakers } = this.parts;
    const committed = call.committed;
    const again = committed ? undefined : this.#againWith(call, failure);
    const evidence = this.evidence(call, this.#callerOf(candidate));
    if (failure.counted && again === undefined) {
      // "Come back now" is no reason to stay away.
      const retryAfterMs = failure.retryAfterMs === 0 ? undefined : failure.retryAfterMs;
      breakers.failure(evidence, failure.verdict, retryAfterMs, this.now());
    } else {
      breakers.abandon(evidence);
    }
    if (this.over) return;
    noteFailure(this.exchange, call.attempt, failure);
    if (committed) {
      this.breakOff(failure.error, call.breakOff());
    } else if (again) {
      this.#extra++;
      this.#launch({ candidate, waitMs: 0, lastResort: true }, again.secret);
    } else {
      this.tried.push(this.#judge(candidate, failure));
      const { on } = this.plan.rule.failover;
      if (mayFailOver(failure, on, this.#replay)) this.#next(failure);
      // What we must not repeat, the caller's SDK must not either; what the rule leaves to the caller stays its own.
      else this.#giveUp(failure, failure.verdict.class !== 'Caller' && on.includes(failure.verdict.class));
    }
  }

  override commit(call: UpstreamCall, contentLength: number | undefined): void {
    super.commit(call, contentLength);
    this.#preparation.forget();
  }

  protected override stop(): void {
    this.#preparation.abort();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Whether the same target is tried again at once, and with which key; a bounded number of times. */
  #againWith(call: UpstreamCall, failure: Failure): { secret: string | undefined } | undefined {
    if (this.#extra >= MAX_EXTRA) return undefined;
    const { candidate } = call.attempt;
    if (failure.again === 'StaleSocket') return { secret: call.secret };
    if (failure.again === 'WithoutUsage') {
      this.parts.usage.refused(candidate);
      return { secret: call.secret };
    }
    // Keys rotate while requests are under way; a 401 is proof that nothing was done with the old one.
    if (failure.status !== 401 || call.secret === undefined || candidate.credential === undefined) {
      return undefined;
    }
    const secret = this.parts.keys.alternative(candidate.credential.id, call.secret);
    this.#keysTried ??= [];
    this.#keysTried.push(call.secret);
    return secret === undefined || this.#keysTried.includes(secret) ? undefined : { secret };
  }

  #judge(candidate: Candidate, failure: Failure): Tried {
    const { scope, retry } = failure.verdict;
    const before = this.tried.filter((t) => t.candidate.providerId === candidate.providerId).length;
    const wait = backoffMs(this.plan.rule.failover.backoff, before + 1, this.parts.random());
    const notBefore = this.now() + Math.max(wait, failure.retryAfterMs ?? 0);
    return { candidate, scope, retry, notBefore };
  }

  #next(failure: Failure | undefined): void {
    const remaining = this.#commitDeadline - this.now();
    const first = this.exchange.attempts.length === 0;
    this.maxWaitMs = first ? 0 : Math.min(remaining, this.plan.rule.failover.backoff.maxMs);
    const choice = this.#counted < this.plan.maxAttempts && remaining > 0 ? choose(this) : undefined;
    if (choice === undefined) {
      this.#giveUp(failure, true);
    } else if (choice.waitMs > 0) {
      this.#timer = this.parts.clock.after(choice.waitMs, () => {
        this.#timer = undefined;
        this.#next(failure);
      });
    } else {
      this.#counted++;
      this.#launch(choice, undefined);
    }
  }

  /** What an attempt needs and does not have yet is fetched first; meanwhile the caller may leave, and time may run out. */
  #launch(choice: Choice, secret: string | undefined): void {
    const pending = this.#preparation.gather(choice.candidate);
    if (pending === undefined) {
      this.#send(choice.candidate, secret);
      return;
    }
    void this.#sendAfter(pending, choice.candidate, secret);
  }

  async #sendAfter(pending: Promise<void>, candidate: Candidate, secret: string | undefined): Promise<void> {
    try {
      await pending;
    } catch (error) {
      if (!this.over) this.#cannot(candidate, error);
      return;
    }
    if (this.over) return;
    if (this.now() < this.#commitDeadline) this.#send(candidate, secret);
    else this.#giveUp(undefined, true);
  }

  /** The request cannot be put to this target; another may well serve it. */
  #cannot(candidate: Candidate, thrown: unknown): void {
    const error = asOutriderError(thrown, this.requestId);
    const passed = PASSED_OVER[error.code];
    if (passed === undefined) {
      this.crashed(error);
      return;
    }
    const { what, retry } = passed;
    const detail = `target ${candidate.target.name}: ${error.message}`;
    this.exchange.steps.push({ stage: 'dispatch', what, detail });
    this.#obstacle ??= error;
    this.#counted--;
    this.tried.push({ candidate, scope: 'None', retry, notBefore: 0 });
    this.#next(undefined);
  }

  #send(candidate: Candidate, secret: string | undefined): void {
    try {
      if (candidate.credential?.type === 'Passthrough') this.passthroughProvider = candidate.providerId;
      const ready = this.#assembly.assemble(candidate, secret);
      if (ready.signed === undefined) this.#start(candidate, ready);
      else void this.#startSigned(candidate, ready, ready.signed);
    } catch (error) {
      this.#cannot(candidate, error);
    }
  }

  /** The caller may have left while the signer was loaded. */
  async #startSigned(candidate: Candidate, ready: Ready, signed: Promise<void>): Promise<void> {
    try {
      await signed;
      if (!this.over) this.#start(candidate, ready);
    } catch (error) {
      if (!this.over) this.#cannot(candidate, error);
    }
  }

  #start(candidate: Candidate, { upstream, way, request, secret }: Ready): void {
    const { exchange, parts } = this;
    const now = this.now();
    const free = this.#replay === 'Free' && !this.pinned;
    const admission = parts.breakers.admit(candidate, now, free, this.#callerOf(candidate));
    const attempt = newAttempt(candidate, this.#kind(candidate, admission.kind === 'Probe'), now, way);
    this.started(attempt);
    this.call = new UpstreamCall(this, {
      attempt,
      upstream,
      request,
      admission,
      secret,
      stream: exchange.envelope?.stream ?? false,
      commitBy: now + shareOfTime(this.#commitDeadline - now, this.#attemptsPossible(candidate)),
      impatient: this.#impatient,
    });
    this.call.start();
  }

  #kind(candidate: Candidate, probe: boolean): Attempt['kind'] {
    const previous = this.exchange.attempts.at(-1);
    if (probe) return 'Probe';
    if (previous === undefined) return 'First';
    return previous.candidate.target === candidate.target ? 'Retry' : 'Failover';
  }

  /** This attempt and those that could follow it if it ran out of time. */
  #attemptsPossible(candidate: Candidate): number {
    const left = this.plan.maxAttempts - this.#counted;
    if (left <= 0 || this.#replay !== 'Free' || !this.plan.rule.failover.on.includes('Timeout')) return 1;
    let others = 0;
    for (const other of this.candidates) {
      if (other === candidate || this.tried.some((t) => t.candidate === other)) continue;
      if (this.hasKey(other) && this.ejection(other) === undefined) others++;
    }
    return 1 + Math.min(left, others);
  }

  /** `exhausted`: it was ours to try again, and we are done with it. */
  #giveUp(failure: Failure | undefined, exhausted: boolean): void {
    if (failure === undefined) {
      this.refuse(this.#nothingToTry());
      return;
    }
    const wait = opensIn(this.candidates, (c) => this.ejection(c), this.now());
    const { answer, error } = failure;
    const attempt = this.exchange.attempts.at(-1);
    if (answer === undefined || attempt === undefined || this.#assembly.tellsKey(answer.body)) {
      error.retryAfterMs = wait;
      this.refuse(error);
      return;
    }
    const { responseHeaders } = this.parts.upstreams.of(attempt.candidate).type;
    if (!exhausted) {
      this.answerWith(answer, responseHeaders, []);
      return;
    }
    const allowed = new Set(responseHeaders);
    if (wait !== undefined) for (const name of ['retry-after', 'retry-after-ms']) allowed.delete(name);
    this.answerWith(answer, allowed, retryHeaders(wait));
  }

  #nothingToTry(): OutriderError {
    if (this.#obstacle !== undefined) return this.#obstacle;
    const missing = this.candidates.find((c) => !this.hasKey(c));
    if (missing?.credential) {
      return new OutriderError('credential_unavailable', { credential: missing.credential.id });
    }
    const timeout = `${this.timeouts.requestMs}ms`;
    if (this.now() >= this.#commitDeadline) return new OutriderError('request_timeout', { timeout });
    return new OutriderError('no_target', {
      rule: this.plan.rule.name,
      route: this.exchange.route ?? '',
      reasons: 'the plan is empty',
    });
  }

  #callerOf(candidate: Candidate): string | undefined {
    return candidate.credential?.type === 'Passthrough' ? this.#caller : undefined;
  }
}
