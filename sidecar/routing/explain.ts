/**
 * What would happen to a request, and why: the very functions that route requests, with everything they leave behind. Pure;
 * the admin port and the command line show the same.
 */
import { OutriderError } from '../../errors/table.ts';
import { costNanoUsd } from '../accounting/price.ts';
import { NO_USAGE } from '../accounting/usage.ts';
import { formatUsd } from '../accounting/usd.ts';
import { explainCache } from '../cache/explain.ts';
import { saidBySignals } from '../signals/signals.ts';
import { pricesOf } from '../snapshot/prices.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { admissionSteps, wouldWait } from './explain-admission.ts';
import { withKeys } from './explain-keys.ts';
import { withNumbers } from './explain-ranking.ts';
import { type ExplainedTranslation, explainTranslation } from './explain-translation.ts';
import { isPinned, replayOf } from './kept.ts';
import { plan } from './make-plan.ts';
import { matchRule } from './match-rule.ts';
import { resolvePassthrough } from './passthrough.ts';
import type { Candidate, Consideration, HealthView, Plan, RequestFacts, Step } from './plan.ts';
import { limitSteps } from './rates-view.ts';
import { refusal } from './refusal.ts';
import { resolveRoute } from './resolve-route.ts';
import { budgetSteps } from './spend-view.ts';
import { type RoutingState, withoutTurns } from './state.ts';
import type { RoutingTable, TableRoute, TableRule } from './table.ts';

/** JSON. */
export interface Explanation {
  request: {
    method: string;
    path: string;
    model: string | undefined;
    estimatedInputTokens: number;
    leastInputTokens: number;
    maxOutputTokens: number | undefined;
    choices: number;
    turns: number;
    /** Of tools, vision, jsonSchema, stream, reasoning: those it uses. */
    features: string[];
    replay: RequestFacts['replay'];
    pinned: boolean;
    /** The body passes through unread, so nothing is known of its size. */
    unread: boolean;
    /** What signals say of the prompt, and what models would be asked; empty where no rule of the route asks. */
    signals: string[];
  };
  /** `namespace/name`; undefined when none answers. */
  route: string | undefined;
  pattern: string | undefined;
  rule: string | undefined;
  strategy: string | undefined;
  steps: Step[];
  /** Every target of the rule, as listed. */
  targets: Consideration[];
  /** In the order they would be tried; where chance decides, the order of one draw. */
  order: ExplainedCandidate[];
  maxAttempts: number | undefined;
  /** Why the request would be refused; undefined when it would be routed, or would wait for room. */
  refusal: { code: string; status: number; message: string } | undefined;
}

interface ExplainedCandidate {
  target: string;
  provider: string;
  /** Name the provider is asked for. */
  model: string;
  /** Undefined on open servers. */
  credential: string | undefined;
  /** Estimated; undefined where the price is unknown. */
  cost: ExplainedCost | undefined;
  /** Undefined where the provider speaks the caller's dialect. */
  translation: ExplainedTranslation | undefined;
}

/** US dollars as decimal strings. */
interface ExplainedCost {
  input: string;
  /** Input and the most output the request allows; undefined where it sets no cap. */
  most: string | undefined;
}

/**
 * `random` gives 0 <= value < 1; whose turn it is among round-robin targets is not known here, so it is the first one's. A
 * target's own health is read, never changed. `body`: as the caller sends it, for what translation would make of it.
 * `shape`: what the rule leaves of it; unset: all.
 */
export function explain(
  table: RoutingTable | undefined,
  facts: RequestFacts,
  health: HealthView,
  now: number,
  random: () => number,
  body: Buffer,
  state: RoutingState,
  shape?: Shape,
): Explanation {
  const found = facts.unread ? throughPassthrough(table, facts) : throughRules(table, facts);
  const { route, rule } = found;
  const cached = rule && explainCache(rule.body, facts, body);
  if (cached) found.steps.push(cached);
  const sent = route && rule && !facts.unread ? shape?.(route, rule, facts) : undefined;
  if (!sent) return explained(found, facts, facts, health, now, random, body, state);
  found.steps.push(...sent.steps);
  return explained(found, facts, sent.facts, health, now, random, sent.body, state);
}

/** `came`: facts of the request as the caller sends it. */
function explained(
  found: Found,
  came: RequestFacts,
  facts: RequestFacts,
  health: HealthView,
  now: number,
  random: () => number,
  body: Buffer,
  state: RoutingState,
): Explanation {
  const made = found.rule && plan(found.rule, facts, health, now, random, withoutTurns(state));
  const refused = made && found.route && !wouldWait(made) ? refusal(found.route, made, facts) : undefined;
  const error = found.error ?? refused;
  return {
    request: requestOf(came, found.rule?.body, found.route),
    route: found.route?.key,
    pattern: found.pattern,
    rule: found.rule?.body.name,
    strategy: found.rule?.body.strategy.type,
    steps: [
      ...found.steps,
      ...(found.rule ? limitSteps(found.rule.body, facts, state.rates) : []),
      ...(made ? admissionSteps(made) : []),
      ...(made?.steps ?? []),
      ...spending(found, made, facts, state),
    ],
    targets: made && found.rule ? targetsOf(made, found.rule, { facts, now, random, state }, health) : [],
    order: (made?.candidates ?? []).map((candidate) => explainCandidate(candidate, facts, found.rule, body)),
    maxAttempts: made && attemptsOf(made),
    refusal: error && { code: error.code, status: error.status, message: error.message },
  };
}

function targetsOf(
  made: Plan,
  rule: TableRule,
  asking: Parameters<typeof withNumbers>[1],
  health: HealthView,
): Consideration[] {
  return withKeys(withNumbers(made, asking), rule, { ...asking, rule: rule.body, health });
}

/** What is sent of a request that a rule has taken, and what is to be told of it. */
export type Shape = (
  route: TableRoute,
  rule: TableRule,
  facts: RequestFacts,
) => { facts: RequestFacts; body: Buffer; steps: Step[] };

function spending(
  { route }: Found,
  made: Plan | undefined,
  facts: RequestFacts,
  { spend }: RoutingState,
): Step[] {
  const [first] = made?.candidates ?? [];
  return route?.body?.budgets && first ? budgetSteps(route, first, facts, spend) : [];
}

interface Found {
  route: TableRoute | undefined;
  pattern: string | undefined;
  rule: TableRule | undefined;
  steps: Step[];
  error: OutriderError | undefined;
}

const nothing = (error: OutriderError): Found => ({
  route: undefined,
  pattern: undefined,
  rule: undefined,
  steps: [],
  error,
});

function throughRules(table: RoutingTable | undefined, facts: RequestFacts): Found {
  const resolved = resolveRoute(table, facts.askedModel);
  if (resolved instanceof OutriderError) return nothing(resolved);
  const matched = matchRule(resolved.route, facts);
  const steps = [routeStep(resolved.route, resolved.pattern, facts), ...matched.steps];
  return { ...resolved, rule: matched.rule, steps, error: matched.error };
}

function throughPassthrough(table: RoutingTable | undefined, facts: RequestFacts): Found {
  const resolved = resolvePassthrough(table, facts);
  if (resolved instanceof OutriderError) return nothing(resolved);
  const { route, pattern, rule, steps } = resolved;
  return { route, pattern, rule, steps: [routeStep(route, pattern, facts), ...steps], error: undefined };
}

function routeStep(route: TableRoute, pattern: string, { askedModel }: RequestFacts): Step {
  const detail =
    askedModel === undefined
      ? 'the only one that can serve a request without a model'
      : `"${pattern}" takes model "${askedModel}"`;
  return { stage: 'route', what: `route ${route.key}`, detail };
}

function requestOf(
  facts: RequestFacts,
  rule: RuleBody | undefined,
  route: TableRoute | undefined,
): Explanation['request'] {
  return {
    method: facts.method,
    path: facts.path,
    model: facts.askedModel,
    estimatedInputTokens: facts.inputTokens,
    leastInputTokens: facts.inputTokensLowerBound,
    maxOutputTokens: facts.maxOutputTokens,
    choices: facts.choices,
    turns: facts.turns,
    features: (['tools', 'vision', 'jsonSchema', 'stream', 'reasoning'] as const).filter(
      (feature) => facts[feature],
    ),
    replay: rule ? replayOf(facts, rule) : facts.replay,
    pinned: rule ? isPinned(facts, rule) : facts.pinned,
    unread: facts.unread ?? false,
    signals:
      !facts.unread && route?.rules.some((one) => one.asksSignals) ? saidBySignals(facts, route.signals) : [],
  };
}

/** A plan without candidates allows none. */
const attemptsOf = ({ candidates, maxAttempts }: Plan): number => (candidates.length === 0 ? 0 : maxAttempts);

function explainCandidate(
  candidate: Candidate,
  facts: RequestFacts,
  rule: TableRule | undefined,
  body: Buffer,
): ExplainedCandidate {
  const { target, providerId, upstreamModel, credential } = candidate;
  return {
    target: target.name,
    provider: providerId.slice(providerId.indexOf('/') + 1),
    model: upstreamModel,
    credential: credential?.name,
    cost: facts.unread ? undefined : costOf(candidate, facts),
    translation: facts.unread || !rule ? undefined : explainTranslation(candidate, facts, rule.body, body),
  };
}

function costOf({ model }: Candidate, facts: RequestFacts): ExplainedCost | undefined {
  const prices = pricesOf(model);
  if (!prices) return undefined;
  const { inputTokens: input, maxOutputTokens: cap, choices } = facts;
  return {
    input: formatUsd(costNanoUsd({ ...NO_USAGE, input }, prices)),
    most:
      cap === undefined
        ? undefined
        : formatUsd(costNanoUsd({ ...NO_USAGE, input, output: cap * choices }, prices)),
  };
}
