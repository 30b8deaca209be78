/** At most one second call beside a slow one, and what it means that one of them answers first. */
import type { Exchange } from '../exchange.ts';
import type { Candidate, Plan } from '../routing/plan.ts';
import type { Hedge } from './hedging/hedge.ts';
import { Launcher } from './launcher.ts';
import { isSilent, OUTRUN } from './pace/limits.ts';
import type { DispatchParts } from './parts.ts';
import type { Settled } from './relay.ts';
import type { UpstreamCall } from './upstream-call.ts';

export abstract class Race extends Launcher {
  /** Where the rule hedges and the request may be sent twice. */
  protected readonly hedge: Hedge | undefined;

  constructor(parts: DispatchParts, exchange: Exchange, plan: Plan, settled: Settled) {
    super(parts, exchange, plan, settled);
    const free = this.replay === 'Free' && !this.pinned;
    this.hedge = free && plan.rule.hedge ? parts.hedging.open(this, plan) : undefined;
  }

  /** Whether a candidate could serve the request, health aside. */
  protected abstract couldServe(candidate: Candidate): boolean;

  override commit(call: UpstreamCall, contentLength: number | undefined): void {
    const { hedge } = this;
    if (hedge) {
      hedge.callOff();
      this.stopGathering();
      // Both may have begun to answer, and not in the same way.
      this.streamed = call.attempt.chunkTimes !== undefined;
      if (call.attempt.kind === 'Hedge') this.exchange.warnings = hedge.warnings;
    }
    super.commit(call, contentLength);
    this.forgetRequest();
  }

  protected override begun(call: UpstreamCall, hedge: Hedge | undefined): void {
    const own = this.hedge;
    if (hedge) {
      hedge.wanted = false;
    } else if (own && !own.used && !call.done) {
      const { candidate } = call.attempt;
      const afterMs = this.parts.hedging.afterMs(this.plan.rule, candidate, call.stream, this.now());
      if (afterMs !== undefined) own.arm(this.parts.clock, afterMs, () => this.#startHedge());
    }
  }

  /** A target that stays silent while others answer would never be found out: its calls are cancelled before they fail. */
  protected override outrun(call: UpstreamCall): void {
    const { attempt, stream } = call;
    const now = this.now();
    if (!isSilent(attempt, this.parts.pace, stream, now)) return;
    attempt.stalled = true;
    const evidence = this.evidence(call, this.callerOf(attempt.candidate));
    this.parts.breakers.failure(evidence, OUTRUN, undefined, now);
  }

  /** Two calls run, or may. */
  protected isContested(): boolean {
    return (this.call !== undefined && this.rival !== undefined) || this.hedge?.pending === true;
  }

  /** Something of the request is on its way, or about to be. */
  protected isUnderWay(): boolean {
    return this.call !== undefined || this.rival !== undefined || this.preparing;
  }

  /** Nothing is known against it: neither a hedge nor another key is the time to find out whether a target has recovered. */
  protected isWell(candidate: Candidate): boolean {
    return this.parts.breakers.ejection(candidate, this.now(), false, this.callerOf(candidate)) === undefined;
  }

  /** The first call has taken long enough. */
  #startHedge(): void {
    const { call, parts, exchange, hedge, plan } = this;
    if (hedge === undefined || call === undefined || call.done || this.over) return;
    hedge.used = true;
    const arm = plan.arm?.arm.targets;
    const candidate = parts.hedging.choose(exchange, call.attempt.candidate, {
      candidates: plan.candidates,
      now: this.now(),
      // What one arm of an experiment is compared by must not come from another.
      mayServe: (c) => arm?.has(c.index) !== false && this.couldServe(c) && this.isWell(c),
    });
    if (candidate === undefined) return;
    hedge.wanted = true;
    this.launch(candidate, undefined, hedge);
  }
}
