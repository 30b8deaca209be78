/** A plan in the making: what is known so far of the targets of a rule, and where each of them stands. */
import type { RuleBody } from '../snapshot/schema.ts';
import type { PlannedAffinity } from './affinity/steer.ts';
import type { Relaxable } from './constraints/no-target.ts';
import type { PoolChoice } from './credential-pool.ts';
import type { PlannedArm } from './experiment/arms.ts';
import type { Candidate, Consideration, HealthView, Reason, RequestFacts, Step } from './plan.ts';
import type { RoutingState } from './state.ts';
import type { Drawn } from './strategies/strategy.ts';
import { modelName, type TableTarget } from './target.ts';

type Ejected = Extract<PoolChoice, { state: 'Ejected' }> & { target: TableTarget };

export type Relaxed = Relaxable & { target: TableTarget };

/** What is gathered while the tiers are gone through. */
export interface Draft {
  rule: RuleBody;
  facts: RequestFacts;
  state: RoutingState;
  health: HealthView;
  now: number;
  random: () => number;
  /** By position in the rule. */
  considered: Consideration[];
  /** Surely or likely fit, healthy, in order. */
  fitting: Candidate[];
  alternates: Candidate[];
  /** May not fit; in order. */
  tight: Candidate[];
  /** Something speaks against them: behind all that fit. */
  behind: Candidate[] | undefined;
  ejected: Ejected[];
  /** When the first of those that are healthy but used up has headroom again. */
  freeAt: number;
  /** Fell by a ceiling of the rule, be they healthy or not. */
  above: Relaxed[];
  /** Fell only because even the least input does not fit. */
  tooLarge: { target: TableTarget; candidate: Candidate; window: number }[];
  arm: PlannedArm | undefined;
  /** The targets of the arm have been gone through: those outside it come behind. */
  outside: boolean;
  affinity: PlannedAffinity | undefined;
  /** How the first choice was drawn, where the strategy learns from that. */
  drawn: Drawn | undefined;
  steps: Step[] | undefined;
  /** Only failures whose list names them go there. */
  fallbacks: Candidate[] | undefined;
}

export function fall(target: TableTarget, draft: Draft, reason: Reason, detail: string): void {
  note(target, draft, false, reason, detail);
}

export function note(target: TableTarget, draft: Draft, kept: boolean, reason: Reason, detail: string): void {
  draft.considered[target.index] = {
    target: target.body.name,
    provider: target.body.provider,
    model: modelName(target, draft.facts),
    kept,
    reason,
    detail,
  };
}
