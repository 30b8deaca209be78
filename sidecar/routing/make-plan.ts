/**
 * Filter, then rank: which targets of the rule can serve the request, and in which order they are tried.
 *
 * The order: tier by tier what surely fits, each tier by the rule's strategy; then further credentials of the same targets,
 * so that one dead key does not fail a request; then what may not fit. Where health leaves nothing, the ejected come as a
 * last resort, the one that recovers first in front. Filtering, ranking and the caller's reserving run in one turn.
 */
import { affinityOf, noKey, steer } from './affinity/steer.ts';
import { aboveCeiling } from './constraints/ceilings.ts';
import { barred } from './constraints/data-policy.ts';
import { chooseCredential, type PoolChoice, pinnedCredential } from './credential-pool.ts';
import { type Draft, fall, note } from './draft.ts';
import { armStep, chooseArm } from './experiment/arms.ts';
import { listedFor, reserveDetail } from './fallbacks.ts';
import { contextDetail, contextFit, unfit } from './fit.ts';
import { freeAt, NEVER } from './free-at.ts';
import { isPinned } from './kept.ts';
import { contextWords } from './learning/contexts.ts';
import { largestWindow, lastResort, relax } from './nothing-left.ts';
import { demote, nearestFirst } from './outlook/demote.ts';
import type { Candidate, HealthView, Plan, RequestFacts } from './plan.ts';
import type { RoutingState } from './state.ts';
import { STRATEGIES } from './strategies/strategies.ts';
import type { Drawn, StrategyContext } from './strategies/strategy.ts';
import type { TableRule, TableTier } from './table.ts';
import { type Fallen, modelFacts, type TableTarget } from './target.ts';

/** Candidates a plan holds at most; a rule may attempt ten times at most. */
const MAX_CANDIDATES = 32;

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

function noteOrder(candidates: readonly Candidate[], { considered }: Draft): void {
  const first = candidates[0] as Candidate;
  for (const candidate of candidates) {
    if (candidate !== first && candidate.target.priority === first.target.priority) continue;
    const entry = considered[candidate.index];
    if (entry?.reason !== 'Alternate') continue;
    entry.reason = candidate === first ? 'Selected' : 'OtherPriority';
  }
}
