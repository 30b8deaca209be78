/** What this pod remembers between requests, for ranking. Outlives configurations; what is in it bounds itself. */

import { WarmMap } from './affinity/warm-map.ts';
import { CanarySteps } from './experiment/canary-steps.ts';
import { type HeadroomView, NO_LIMITS } from './headroom.ts';
import { AdaptiveMemory } from './learning/adaptive-memory.ts';
import { QualityMemory } from './learning/quality.ts';
import { Exploration } from './observed/exploration.ts';
import { Observed } from './observed/observed.ts';
import { CLEAR, type OutlookView } from './outlook/outlook.ts';
import type { RatesView } from './rates-view.ts';
import type { SpendView } from './spend-view.ts';
import { References } from './strategies/reference.ts';
import { RoundRobinState } from './strategies/round-robin.ts';

export interface RoutingState {
  readonly roundRobin: RoundRobinState;
  /** Limits of providers, and what is left of them. */
  readonly headroom: HeadroomView;
  /** Where prompts are cached. */
  readonly warm: WarmMap;
  /** How far canaries have come. */
  readonly canaries: CanarySteps;
  /** What feedback says of models. */
  readonly quality: QualityMemory;
  /** What adaptive rules have learned. */
  readonly adaptive: AdaptiveMemory;
  /** What costs and latencies are multiples of. */
  readonly references: References;
  /** What targets lately did. */
  readonly observed: Observed;
  /** When which rule last tried what it would not choose. */
  readonly exploration: Exploration;
  /** What speaks against targets that may be tried. */
  readonly outlook: OutlookView;
  /** What budgets have left; absent where nothing is sent. */
  readonly spend?: SpendView;
  /** What limits of rates have left; absent where nothing is sent. */
  readonly rates?: RatesView;
}

export function routingState(headroom: HeadroomView = NO_LIMITS): RoutingState {
  return {
    roundRobin: new RoundRobinState(),
    headroom,
    warm: new WarmMap(),
    canaries: new CanarySteps(),
    quality: new QualityMemory(),
    adaptive: new AdaptiveMemory(),
    references: new References(),
    observed: new Observed(),
    exploration: new Exploration(),
    outlook: CLEAR,
  };
}

/** The same to read, for a question that must change nothing: turns are taken elsewhere. */
export function withoutTurns(state: RoutingState): RoutingState {
  return {
    ...state,
    roundRobin: new RoundRobinState(),
    exploration: new Exploration(false),
    adaptive: state.adaptive.toRead(),
    references: state.references.toRead(),
    outlook: state.outlook.toRead?.() ?? state.outlook,
  };
}
