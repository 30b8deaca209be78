/**
 * Ranking by what was measured, for strategies of which less is better. Among those that are about as good as the best, two
 * are drawn and the one with less under way is taken, so that requests do not all run to one target. Rarely another one is
 * tried; what nothing is known of is tried early, and what was lately seen better than believed is tried again at once.
 */
import type { Decayed } from '../observed/decayed.ts';
import type { TargetMemory } from '../observed/target-memory.ts';
import type { Candidate } from '../plan.ts';
import type { StrategyContext } from './strategy.ts';
import { WEIGHTED } from './weighted.ts';

/** How one number is had of a candidate. Less is better; undefined: not known. */
export interface Measure {
  expected(candidate: Candidate, context: StrategyContext): number | undefined;
  /** The observations behind it, and whether one is being made now. */
  history(memory: TargetMemory, context: StrategyContext): { times: Decayed; asking: boolean } | undefined;
}

/** Within so much of the best a difference may be chance, or be gone with the next request. */
const NEAR = 1.25;
/** A surprise that nobody followed up is none any more. */
const SURPRISE_MS = 5000;

/** Orders in place. Rules have at most 32 targets, so positions in a rule can index a table. */
const expected = new Float64Array(256);

export function rankByMeasure(candidates: Candidate[], context: StrategyContext, measure: Measure): void {
  if (candidates.length < 2) return;
  let known = 0;
  for (const candidate of candidates) {
    const value = measure.expected(candidate, context);
    if (value !== undefined) known++;
    expected[candidate.index] = value ?? Number.POSITIVE_INFINITY;
  }
  // What is not known keeps its place in a draw by weight, which is also all there is at the start.
  if (known < candidates.length) WEIGHTED.order(candidates, context);
  if (known === 0) return;
  candidates.sort((a, b) => of(a) - of(b) || 0);
  preferLessBusy(candidates, context);
  const tried = exploring(candidates, known, context, measure);
  if (tried > 0) candidates.unshift(...candidates.splice(tried, 1));
}

const of = ({ index }: Candidate): number => expected[index] as number;

function preferLessBusy(candidates: Candidate[], { random, state }: StrategyContext): void {
  const limit = of(candidates[0] as Candidate) * NEAR;
  let near = 1;
  while (near < candidates.length && of(candidates[near] as Candidate) <= limit) near++;
  if (near === 1) return;
  const one = Math.floor(random() * near);
  const step = 1 + Math.floor(random() * (near - 1));
  const two = (one + step) % near;
  const load = (at: number): number => {
    const candidate = candidates[at] as Candidate;
    return (of(candidate) * (state.observed.inFlight(candidate) + 1)) / candidate.target.weight;
  };
  const taken = load(one) <= load(two) ? one : two;
  if (taken > 0) candidates.unshift(...candidates.splice(taken, 1));
}

/** Position of the one to try instead of the first; 0: none. */
function exploring(
  candidates: readonly Candidate[],
  known: number,
  context: StrategyContext,
  measure: Measure,
): number {
  const { state, now, key } = context;
  const { observed, exploration } = state;
  const due = exploration.isDue(key, candidates.length - 1, now);
  const best = of(candidates[0] as Candidate);
  let stalest = 0;
  let oldest = Number.POSITIVE_INFINITY;
  for (let at = 1; at < candidates.length; at++) {
    const candidate = candidates[at] as Candidate;
    const memory = observed.of(candidate);
    if (at >= known) {
      if (memory === undefined || exploration.mayAskUnknown(memory.startedAt, now)) return at;
      continue;
    }
    const history = memory && measure.history(memory, context);
    if (history === undefined) {
      // Known by what others found alone: the first to be looked at when it is time.
      if (due && oldest > Number.NEGATIVE_INFINITY) [oldest, stalest] = [Number.NEGATIVE_INFINITY, at];
      continue;
    }
    if (history.asking) continue;
    const { falling, at: seenAt } = history.times;
    if (falling !== undefined && falling < best && now - seenAt < SURPRISE_MS) return at;
    if (due && seenAt < oldest) {
      oldest = seenAt;
      stalest = at;
    }
  }
  if (stalest > 0) exploration.took(key, now);
  return stalest;
}
