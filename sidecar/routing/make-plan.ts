/**
 * Filter, then rank: which targets of the rule can serve the request, and in which order they are tried.
 *
 * The order: tier by tier what surely fits, each tier by the rule's strategy; then further credentials of the same targets,
 * so that one dead key does not fail a request; then what may not fit. Where health leaves nothing, the ejected come as a
 * last resort, the one that recovers first in front. Filtering, ranking and the caller's reserving run in one turn.
 */
import { OutriderError } from '../../errors/table.ts';
import { formatUsd } from '../accounting/usd.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { affinityOf, noKey, type PlannedAffinity, steer } from './affinity/steer.ts';
import { aboveCeiling } from './constraints/ceilings.ts';
import { barred } from './constraints/data-policy.ts';
import { cheapestFirst, type Relaxable, ruleOrder } from './constraints/no-target.ts';
import { chooseCredential, type PoolChoice, pinnedCredential } from './credential-pool.ts';
import { armStep, chooseArm, type PlannedArm } from './experiment/arms.ts';
import { listedFor, reserveDetail } from './fallbacks.ts';
import { contextDetail, contextFit, unfit } from './fit.ts';
import { freeAt, NEVER } from './free-at.ts';
import { isPinned } from './kept.ts';
import { contextWords } from './learning/contexts.ts';
import { costOf } from './measures.ts';
import { demote, nearestFirst } from './outlook/demote.ts';
import type { Candidate, Consideration, HealthView, Plan, Reason, RequestFacts, Step } from './plan.ts';
import type { RoutingState } from './state.ts';
import { STRATEGIES } from './strategies/strategies.ts';
import type { Drawn, StrategyContext } from './strategies/strategy.ts';
import type { TableRoute, TableRule, TableTier } from './table.ts';
import { type Fallen, modelFacts, modelName, type TableTarget } from './target.ts';

/** Candidates a plan holds at most; a rule may attempt ten times at most. */
const MAX_CANDIDATES = 32;

type Ejected = Extract<PoolChoice, { state: 'Ejected' }> & { target: TableTarget };

type Relaxed = Relaxable & { target: TableTarget };

/** What is gathered while the tiers are gone through. */
interface Draft {
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
    rule: rule.body,
    facts,
    state,
    health,
    now,
    random,
    considered: [],
    fitting: [],
    alternates: [],
    tight: [],
    behind: undefined,
    ejected: [],
    freeAt: NEVER,
    above: [],
    tooLarge: [],
    arm: undefined,
    outside: false,
    affinity: undefined,
    drawn: undefined,
    steps: undefined,
    fallbacks: undefined,
  };
  if (isPinned(facts, rule.body)) planPinned(rule, draft);
  else planTiers(rule, draft, state);
  const { fitting, alternates, tight, steps, arm, affinity } = draft;
  if (draft.behind) fitting.push(...draft.behind);
  const room = Math.max(0, MAX_CANDIDATES - fitting.length - tight.length);
  const candidates =
    alternates.length + tight.length === 0 ? fitting : [...fitting, ...alternates.slice(0, room), ...tight];
  const made: Plan = {
    rule: rule.body,
    candidates,
    considered: draft.considered,
    maxAttempts: attempts(rule, facts),
  };
  if (candidates.length > 0) noteOrder(candidates, draft);
  else if (rule.body.onNoTarget && draft.above.length > 0) relax(rule.body.onNoTarget, candidates, draft);
  else if (freeAt(draft) !== NEVER) made.freeInMs = freeAt(draft) - now;
  else if (draft.ejected.length > 0) lastResort(candidates, draft);
  else largestWindow(candidates, draft);
  if (draft.fallbacks) made.fallbacks = draft.fallbacks;
  if (steps) made.steps = steps;
  if (arm) made.arm = arm;
  if (affinity) made.affinity = affinity;
  if (draft.drawn && candidates[0]?.target.name === draft.drawn.target) made.drawn = draft.drawn;
  return made;
}

/** Why the plan is empty, as the caller is told; undefined when it is not. */
export function refusal(
  route: TableRoute,
  plan: Plan,
  { dispensable }: Pick<RequestFacts, 'dispensable'>,
): OutriderError | undefined {
  if (plan.candidates.length > 0) return undefined;
  const fallen = plan.considered.filter(({ reason }) => reason !== 'NotPinned' && reason !== 'OtherArm');
  const size =
    fallen.some(({ reason }) => SIZE_REASONS.has(reason)) &&
    !fallen.some(({ reason }) => PASSING_REASONS.has(reason));
  const reasons = fallen.map(({ target, detail }) => `${target}: ${detail}`).join('; ');
  const params = {
    rule: plan.rule.name,
    route: route.key,
    reasons: reasons.length > 1000 ? `${reasons.slice(0, 1000)}…` : reasons,
  };
  if (plan.freeInMs !== undefined)
    return new OutriderError('rate_limited', params, Math.max(1, plan.freeInMs));
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

function planTiers(rule: TableRule, draft: Draft, state: RoutingState): void {
  const { experiment } = rule;
  const { affinity } = rule.body;
  if (affinity) {
    draft.affinity = affinityOf(affinity, draft.facts);
    if (!draft.affinity) draft.steps = [noKey(affinity)];
  }
  if (experiment) {
    draft.arm = chooseArm(experiment, state.canaries.percent(experiment), draft.facts, draft.random);
    (draft.steps ??= []).push(armStep(draft.arm));
  }
  for (const tier of rule.tiers) planTier(rule, tier, draft, state);
  if (experiment?.body.onArmExhausted !== 'Leave') return;
  // Everything of the arm comes before anything outside it.
  draft.fitting.push(...(draft.behind ?? []), ...draft.alternates.splice(0), ...draft.tight.splice(0));
  draft.behind = undefined;
  draft.outside = true;
  for (const tier of rule.tiers) planTier(rule, tier, draft, state);
}

function planTier(rule: TableRule, tier: TableTier, draft: Draft, state: RoutingState): void {
  const fitting: Candidate[] = [];
  const tight: Candidate[] = [];
  const others = draft.alternates.length;
  for (const target of tier.targets) consider(target, draft, fitting, tight);
  const strategy = STRATEGIES[rule.body.strategy.type];
  const { facts, now, random } = draft;
  const context = { rule: rule.body, facts, now, random, state };
  const first = draft.fitting.length === 0;
  if (fitting.length > 0) {
    const ordering: StrategyContext = { ...context, key: tier.key };
    strategy.order(fitting, ordering);
    if (ordering.drawn && first) noteDrawn(ordering.drawn, draft);
  }
  if (tight.length > 0) strategy.order(tight, { ...context, key: tier.tightKey });
  const { outlook } = state;
  const { considered } = draft;
  if (rule.body.locality && fitting.length > 1) nearestFirst(fitting, { outlook, considered });
  // The first choice alone: what is behind it is the strategy's.
  if (draft.affinity && fitting.length > 0 && draft.fitting.length === 0) {
    const alternates = draft.alternates.splice(others);
    (draft.steps ??= []).push(steer(draft.affinity, fitting, alternates, context));
    draft.alternates.push(...alternates);
  }
  if (fitting.length > 0 && (tier.spills || outlook.clouded(now))) {
    const behind = demote(fitting, { rule: rule.body, outlook, now, random, considered });
    if (behind.length > 0) (draft.behind ??= []).push(...behind);
  }
  draft.fitting.push(...fitting);
  draft.tight.push(...tight);
}

function noteDrawn(drawn: Drawn, draft: Draft): void {
  const { target, propensity, context } = drawn;
  draft.drawn = drawn;
  const detail = `${target} was drawn, as it is with a chance of ${(propensity * 100).toFixed(1)} % (${contextWords(context)})`;
  (draft.steps ??= []).push({ stage: 'plan', what: 'Adaptive', detail });
}

function consider(target: TableTarget, draft: Draft, fitting: Candidate[], tight: Candidate[]): void {
  const { facts, arm } = draft;
  if (arm && arm.arm.targets.has(target.index) === draft.outside) {
    if (!draft.outside) fall(target, draft, 'OtherArm', arm.arm.others);
    return;
  }
  const model = modelFacts(target, facts);
  const fallen = unfit(target, model, facts) ?? barredBy(target, draft);
  if (fallen) return fall(target, draft, fallen.reason, fallen.detail);
  const { weight } = target.body;
  const listed = draft.rule.failover.to && listedFor(target, draft.rule);
  if (weight === 0 && !listed?.length) return fall(target, draft, 'ZeroWeight', 'weight 0 takes no traffic');
  const choice = chooseCredential(target, draft);
  if (choice.state === 'Missing') return fall(target, draft, 'CredentialMissing', choice.detail);
  const fit = contextFit(model, facts);
  const above = draft.rule.constraints && aboveCeiling(choice.candidate, draft);
  if (above) {
    const until = choice.state === 'Ejected' ? choice.until : undefined;
    if (fit !== 'TooLarge' && choice.state !== 'Short' && weight > 0)
      draft.above.push({ target, candidate: choice.candidate, until });
    return fall(target, draft, above.reason, above.detail);
  }
  if (fit === 'TooLarge') {
    if (weight > 0)
      draft.tooLarge.push({ target, candidate: choice.candidate, window: model?.contextWindow ?? 0 });
    return fall(target, draft, 'ContextWindowExceeded', contextDetail(model, facts));
  }
  if (listed?.length && choice.state !== 'Short') {
    // Health is asked again once a failure goes there.
    if (weight === 0 || choice.state === 'Ejected') (draft.fallbacks ??= []).push(choice.candidate);
    if (weight === 0 && choice.state === 'Healthy') draft.fallbacks?.push(...choice.alternates);
  }
  if (weight === 0) return fall(target, draft, 'ZeroWeight', reserveDetail(listed ?? []));
  if (choice.state === 'Short') return fallShort(target, draft, choice);
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
  const { facts } = draft;
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
  const fallen = unfit(pinned, model, facts) ?? barredBy(pinned, draft);
  if (fallen) return fall(pinned, draft, fallen.reason, fallen.detail);
  const choice = pinnedCredential(pinned, draft);
  if (choice.state === 'Missing') return fall(pinned, draft, 'CredentialMissing', choice.detail);
  const above = aboveCeiling(choice.candidate, draft);
  if (above) {
    draft.above.push({ target: pinned, candidate: choice.candidate, until: undefined });
    return fall(pinned, draft, above.reason, above.detail);
  }
  if (choice.state === 'Short') return fallShort(pinned, draft, choice);
  note(pinned, draft, true, 'Alternate', 'the stateful target of the rule');
  draft.fitting.push(choice.candidate);
}

function fallShort(
  target: TableTarget,
  draft: Draft,
  { until, detail }: Extract<PoolChoice, { state: 'Short' }>,
): void {
  draft.freeAt = Math.min(draft.freeAt, until);
  const seconds = Math.max(1, Math.ceil((until - draft.now) / 1000));
  fall(target, draft, 'RateHeadroom', `${detail}; room in ${seconds} s`);
}

const barredBy = ({ provider }: TableTarget, { rule, facts }: Draft): Fallen | undefined =>
  provider && barred(provider, rule, facts);

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

/** Nothing keeps to the rule's ceilings, and the rule would rather ask what does not: its own order, or what costs least. */
function relax(how: NonNullable<RuleBody['onNoTarget']>, candidates: Candidate[], draft: Draft): void {
  const { above, ejected, considered, rule, facts, now, random, state } = draft;
  const all: Relaxed[] = [...above, ...ejected];
  if (how === 'LastResort') {
    const ranked = all.map(({ candidate }) => candidate);
    STRATEGIES[rule.strategy.type].order(ranked, {
      rule,
      facts,
      now,
      random,
      state,
      key: `${rule.name} relaxed`,
    });
    ruleOrder(all, ranked);
  } else {
    cheapestFirst(all, draft);
  }
  for (const { candidate, target } of all) {
    candidates.push(candidate);
    const entry = considered[target.index];
    if (!entry) continue;
    const cost = costOf(candidate, draft);
    const priced =
      cost === undefined
        ? 'of unknown cost'
        : `expected to cost $${formatUsd(BigInt(Math.round(cost / 1000)))}`;
    entry.kept = true;
    entry.reason = 'Relaxed';
    entry.detail += `; asked all the same, ${priced}, since no target is left (onNoTarget ${how})`;
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
