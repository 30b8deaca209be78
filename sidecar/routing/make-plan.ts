/**
 * Filter, then rank: which targets of the rule can serve the request, and in which order they are tried.
 *
 * The order: tier by tier what surely fits, each tier by the rule's strategy; then further credentials of the same targets,
 * so that one dead key does not fail a request; then what may not fit. Where health leaves nothing, the ejected come as a
 * last resort, the one that recovers first in front. Filtering, ranking and the caller's reserving run in one turn.
 */
import { OutriderError } from '../../errors/table.ts';
import { chooseCredential, type PoolChoice, pinnedCredential } from './credential-pool.ts';
import { contextDetail, contextFit, unfit } from './fit.ts';
import { isPinned } from './kept.ts';
import type { Candidate, Consideration, HealthView, Plan, Reason, RequestFacts } from './plan.ts';
import type { RoutingState } from './state.ts';
import { STRATEGIES } from './strategies/strategies.ts';
import type { TableRoute, TableRule, TableTier } from './table.ts';
import { modelFacts, modelName, type TableTarget } from './target.ts';

/** Candidates a plan holds at most; a rule may attempt ten times at most. */
const MAX_CANDIDATES = 32;

type Ejected = Extract<PoolChoice, { state: 'Ejected' }> & { target: TableTarget };

/** What is gathered while the tiers are gone through. */
interface Draft {
  facts: RequestFacts;
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
  ejected: Ejected[];
  /** Fell only because even the least input does not fit. */
  tooLarge: { target: TableTarget; candidate: Candidate; window: number }[];
}

/** `now` is in milliseconds of the clock that `health` uses; `random` gives 0 <= value < 1. */
export function plan(
  rule: TableRule,
  facts: RequestFacts,
  health: HealthView,
  now: number,
  random: () => number,
  state: RoutingState,
): Plan {
  const draft: Draft = {
    facts,
    health,
    now,
    random,
    considered: [],
    fitting: [],
    alternates: [],
    tight: [],
    ejected: [],
    tooLarge: [],
  };
  if (isPinned(facts, rule.body)) planPinned(rule, draft);
  else for (const tier of rule.tiers) planTier(rule, tier, draft, state);
  const { fitting, alternates, tight } = draft;
  const room = Math.max(0, MAX_CANDIDATES - fitting.length - tight.length);
  const candidates =
    alternates.length + tight.length === 0 ? fitting : [...fitting, ...alternates.slice(0, room), ...tight];
  if (candidates.length > 0) noteOrder(candidates, draft);
  else if (draft.ejected.length > 0) lastResort(candidates, draft);
  else largestWindow(candidates, draft);
  return { rule: rule.body, candidates, considered: draft.considered, maxAttempts: attempts(rule, facts) };
}

/** Why the plan is empty, as the caller is told; undefined when it is not. */
export function refusal(
  route: TableRoute,
  plan: Plan,
  { dispensable }: Pick<RequestFacts, 'dispensable'>,
): OutriderError | undefined {
  if (plan.candidates.length > 0) return undefined;
  const fallen = plan.considered.filter(({ reason }) => reason !== 'NotPinned');
  const size =
    fallen.some(({ reason }) => SIZE_REASONS.has(reason)) &&
    !fallen.some(({ reason }) => PASSING_REASONS.has(reason));
  const reasons = fallen.map(({ target, detail }) => `${target}: ${detail}`).join('; ');
  const params = {
    rule: plan.rule.name,
    route: route.key,
    reasons: reasons.length > 1000 ? `${reasons.slice(0, 1000)}…` : reasons,
  };
  if (fallen.some(({ reason }) => reason === 'StateUnsupported')) {
    return new OutriderError('stateful_unsupported', {
      ...params,
      ...(dispensable !== undefined && { dispensable }),
    });
  }
  return new OutriderError(size ? 'request_too_large_for_targets' : 'no_target', params);
}

/** What the caller can change by asking for less. */
const SIZE_REASONS = new Set<Reason>(['ContextWindowExceeded', 'OutputTooLarge']);
/** What may be otherwise in a moment, with the request as it is. */
const PASSING_REASONS = new Set<Reason>(['ProviderInvalid', 'CredentialMissing', 'Ejected']);

/** The caller's own retries take the place of ours: an SDK's retries must not multiply them. */
function attempts(rule: TableRule, facts: RequestFacts): number {
  return Number(facts.header('x-stainless-retry-count')) > 0 ? 1 : rule.body.failover.maxAttempts;
}

function planTier(rule: TableRule, tier: TableTier, draft: Draft, state: RoutingState): void {
  const fitting: Candidate[] = [];
  const tight: Candidate[] = [];
  for (const target of tier.targets) consider(target, draft, fitting, tight);
  const strategy = STRATEGIES[rule.body.strategy.type];
  const { facts, now, random } = draft;
  const context = { rule: rule.body, facts, now, random, state };
  if (fitting.length > 0) strategy.order(fitting, { ...context, key: tier.key });
  if (tight.length > 0) strategy.order(tight, { ...context, key: tier.tightKey });
  draft.fitting.push(...fitting);
  draft.tight.push(...tight);
}

function consider(target: TableTarget, draft: Draft, fitting: Candidate[], tight: Candidate[]): void {
  const { facts, health, now, random } = draft;
  const model = modelFacts(target, facts);
  const fallen = unfit(target, model, facts);
  if (fallen) return fall(target, draft, fallen.reason, fallen.detail);
  if (target.body.weight === 0) return fall(target, draft, 'ZeroWeight', 'weight 0 takes no traffic');
  const choice = chooseCredential(target, facts, health, now, random);
  if (choice.state === 'Missing') return fall(target, draft, 'CredentialMissing', choice.detail);
  const fit = contextFit(model, facts);
  if (fit === 'TooLarge') {
    draft.tooLarge.push({ target, candidate: choice.candidate, window: model?.contextWindow ?? 0 });
    return fall(target, draft, 'ContextWindowExceeded', contextDetail(model, facts));
  }
  if (choice.state === 'Ejected') {
    draft.ejected.push({ ...choice, target });
    return fall(target, draft, 'Ejected', choice.detail);
  }
  const detail = fit === 'Tight' ? contextDetail(model, facts) : target.share;
  // Selected and OtherPriority are told apart once the order is known.
  note(target, draft, true, fit === 'Tight' ? 'ContextWindowTight' : 'Alternate', detail);
  (fit === 'Tight' ? tight : fitting).push(choice.candidate);
  if (fit === 'Fits') draft.alternates.push(...choice.alternates);
}

/** One target and credential by configuration; health has no say, or the next request of a conversation would go elsewhere. */
function planPinned(rule: TableRule, draft: Draft): void {
  const { facts, health } = draft;
  const pinned = rule.stateful;
  for (const tier of rule.tiers) {
    for (const target of tier.targets) {
      if (target !== pinned) {
        const detail = `the request is stateful or passed through: it goes to ${pinned.body.name}`;
        fall(target, draft, 'NotPinned', detail);
      }
    }
  }
  const model = modelFacts(pinned, facts);
  const fallen = unfit(pinned, model, facts);
  if (fallen) return fall(pinned, draft, fallen.reason, fallen.detail);
  const choice = pinnedCredential(pinned, facts, health);
  if (choice.state === 'Missing') return fall(pinned, draft, 'CredentialMissing', choice.detail);
  note(pinned, draft, true, 'Alternate', 'the stateful target of the rule');
  draft.fitting.push(choice.candidate);
}

function fall(target: TableTarget, draft: Draft, reason: Reason, detail: string): void {
  note(target, draft, false, reason, detail);
}

function note(target: TableTarget, draft: Draft, kept: boolean, reason: Reason, detail: string): void {
  draft.considered[target.index] = {
    target: target.body.name,
    provider: target.body.provider,
    model: modelName(target, draft.facts),
    kept,
    reason,
    detail,
  };
}

function noteOrder(candidates: readonly Candidate[], { considered }: Draft): void {
  const first = candidates[0] as Candidate;
  for (const candidate of candidates) {
    if (candidate !== first && candidate.target.priority === first.target.priority) continue;
    const entry = considered[candidate.index];
    if (entry?.reason !== 'Alternate') continue;
    entry.reason = candidate === first ? 'Selected' : 'OtherPriority';
  }
}

/** Everything that fits is ejected: waiting would fail the request for sure, trying may not. */
function lastResort(candidates: Candidate[], { ejected, considered }: Draft): void {
  ejected.sort((a, b) => a.until - b.until || a.target.body.priority - b.target.body.priority);
  for (const { candidate, target } of ejected) {
    candidates.push(candidate);
    const entry = considered[target.index];
    if (entry) {
      entry.kept = true;
      entry.reason = 'LastResort';
    }
  }
}

/** Estimates alone must not refuse a request: where they emptied the list, the largest window is tried. */
function largestWindow(candidates: Candidate[], { tooLarge, considered }: Draft): void {
  let largest: Draft['tooLarge'][number] | undefined;
  for (const one of tooLarge) if (!largest || one.window > largest.window) largest = one;
  if (!largest) return;
  candidates.push(largest.candidate);
  const entry = considered[largest.target.index];
  if (entry) {
    entry.kept = true;
    entry.reason = 'ContextWindowTight';
    entry.detail += '; the largest window there is, and the input is only estimated';
  }
}
