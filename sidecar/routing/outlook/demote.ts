/** Puts what something speaks against behind the rest, once the strategy has ordered a tier. Takes nothing away and adds nothing. */
import type { RuleBody } from '../../snapshot/schema.ts';
import type { Candidate, Consideration } from '../plan.ts';
import type { Doubt, OutlookView } from './outlook.ts';

/** Strategies that go by how fast targets are: what is slow is theirs to judge. */
const STEERS: ReadonlySet<string> = new Set([
  'Latency',
  'Throughput',
  'LeastRequests',
  'Hybrid',
  'Adaptive',
  'Layered',
]);

export interface DemoteContext {
  readonly rule: RuleBody;
  readonly outlook: OutlookView;
  readonly now: number;
  /** 0 <= value < 1. */
  readonly random: () => number;
  /** By position in the rule: the entry of a target says what was held against it. */
  readonly considered: readonly (Consideration | undefined)[];
}

/**
 * `candidates` of one tier, in the order of its strategy, are reordered in place; those that go behind the whole rule are
 * taken out and given back, in their order.
 */
export function demote(candidates: Candidate[], context: DemoteContext): Candidate[] {
  const { rule, outlook, now, random, considered } = context;
  const steers = STEERS.has(rule.strategy.type);
  const clouded = outlook.clouded(now);
  const front: Candidate[] = [];
  const behindTier: Candidate[] = [];
  const behindRule: Candidate[] = [];
  for (const candidate of candidates) {
    const doubt =
      (candidate.target.spillover && outlook.full(candidate, now)) ??
      (clouded ? outlook.doubt(candidate, steers, now) : undefined);
    if (!doubt) {
      front.push(candidate);
      continue;
    }
    const moves = doubt.share >= 1 || random() < doubt.share;
    remark(considered[candidate.index], doubt, moves);
    if (!moves) front.push(candidate);
    else (doubt.behind === 'Rule' ? behindRule : behindTier).push(candidate);
  }
  candidates.splice(0, candidates.length, ...front, ...behindTier);
  return behindRule;
}

/** Targets in this pod's own region before the others, each in the order they have. */
export function nearestFirst(
  front: Candidate[],
  { outlook, considered }: Pick<DemoteContext, 'outlook' | 'considered'>,
): void {
  const { region } = outlook;
  if (region === undefined) return;
  const isNear = ({ provider }: Candidate): boolean => provider.region === region;
  if (!front.some(isNear)) return;
  front.sort((a, b) => Number(isNear(b)) - Number(isNear(a)));
  for (const candidate of front) {
    const entry = considered[candidate.index];
    if (!entry || isNear(candidate)) continue;
    entry.detail += `; in ${candidate.provider.region ?? 'an unknown region'}, targets in ${region} come first`;
  }
}

function remark(entry: Consideration | undefined, { reason, detail }: Doubt, moves: boolean): void {
  if (!entry) return;
  if (moves) entry.reason = reason;
  entry.detail += `; ${detail}`;
}
