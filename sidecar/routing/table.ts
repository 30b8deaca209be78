/**
 * The effective snapshot made ready for routing, once per swap: patterns compiled, references followed, everything a
 * request would otherwise work out again.
 */
import { internalRule, type Purpose } from '../internal/internal-rule.ts';
import { type RouteSignals, routeSignals } from '../signals/signals.ts';
import type { EffectiveProvider, EffectiveRoute, EffectiveSnapshot } from '../snapshot/effective.ts';
import { indexModels, type ModelIndex } from '../snapshot/models.ts';
import { compareRoutes, parsePattern } from '../snapshot/precedence.ts';
import type { RouteBody, RuleBody } from '../snapshot/schema.ts';
import type { AskedModelBody } from '../snapshot/shapes/signals.ts';
import { type TableExperiment, tableExperiment } from './experiment/arms.ts';
import { compileMatches, type TableMatch } from './match-clauses.ts';
import { nameRule } from './observed/rule-names.ts';
import type { Step } from './plan.ts';
import { prepareTarget, type TableTarget } from './target.ts';

export interface RoutingTable {
  readonly hash: string;
  /** In order of precedence. */
  readonly routes: readonly TableRoute[];
  /** The one route that answers each exact name. */
  readonly exact: ReadonlyMap<string, Served>;
  /** The one route that answers each prefix; the empty prefix is `*`. */
  readonly prefixes: ReadonlyMap<string, Served>;
  /** Lengths that prefixes have, the longest first. */
  readonly prefixLengths: readonly number[];
}

/** A pattern and the route that answers for it. */
export interface Served {
  readonly pattern: string;
  readonly route: TableRoute;
}

export interface TableRoute {
  readonly id: string;
  /** `namespace/name`. */
  readonly key: string;
  readonly generation: number | undefined;
  readonly models: readonly string[];
  /** Undefined: there is no version that could run, for `reason`. */
  readonly body: RouteBody | undefined;
  readonly reason: string;
  readonly rules: readonly TableRule[];
  readonly signals: RouteSignals;
  /** Some rule asks a signal that a model must be asked for. */
  readonly asks: boolean;
  /** Whom signals ask, as rules of their own. */
  readonly asking: Readonly<Partial<Record<Purpose, TableRule>>>;
}

export interface TableRule {
  readonly body: RuleBody;
  readonly matches: readonly TableMatch[];
  /** Some entry asks a signal. */
  readonly asksSignals: boolean;
  /** Said when the rule is taken. */
  readonly taken: Step;
  /** Lowest priority number first. */
  readonly tiers: readonly TableTier[];
  /** Serves pinned requests. */
  readonly stateful: TableTarget;
  readonly experiment: TableExperiment | undefined;
  /** Whom the cache asks for vectors, as a rule of its own. */
  readonly vectors: TableRule | undefined;
  /** Whom summaries of its conversations are asked of. */
  readonly summarizer: TableRule | undefined;
}

/** Targets of one priority, as listed. */
export interface TableTier {
  readonly targets: readonly TableTarget[];
  /** Name the tier in state that outlives a table; another set of weights is another name. */
  readonly key: string;
  readonly tightKey: string;
  /** Some target goes behind others when it is full. */
  readonly spills: boolean;
}

export function buildTable(effective: EffectiveSnapshot): RoutingTable {
  const models = modelIndexes(effective.providers);
  const ranked = effective.routes.toSorted(compareRoutes);
  const exact = new Map<string, Served>();
  const prefixes = new Map<string, Served>();
  const routes = ranked.map((source) => {
    const route = tableRoute(source, effective, models);
    for (const pattern of route.models) {
      const { prefix, text } = parsePattern(pattern);
      const served = prefix ? prefixes : exact;
      if (!served.has(text)) served.set(text, { pattern, route });
    }
    return route;
  });
  const prefixLengths = [...new Set([...prefixes.keys()].map((text) => text.length))].sort((a, b) => b - a);
  return { hash: effective.hash, routes, exact, prefixes, prefixLengths };
}

/** `namespace/name`. */
const keyOf = (id: string): string => id.slice(id.indexOf('/') + 1);

function modelIndexes(providers: EffectiveSnapshot['providers']): Map<string, ModelIndex> {
  const indexes = new Map<string, ModelIndex>();
  for (const { id, body } of providers.values()) if (body) indexes.set(id, indexModels(body));
  return indexes;
}

function tableRoute(
  source: EffectiveRoute,
  { providers, vectors }: EffectiveSnapshot,
  models: ReadonlyMap<string, ModelIndex>,
): TableRoute {
  const { id, generation, body, reason } = source;
  const signals = routeSignals(body, vectors);
  const rules = (body?.rules ?? []).map((rule) => tableRule(id, rule, providers, models, signals));
  return {
    id,
    key: keyOf(id),
    generation,
    models: source.models,
    body,
    reason: reason ?? 'no version of it is valid',
    rules,
    signals,
    asking: askingRules(id, signals, providers, models),
    asks: rules.some((rule) => rule.matches.some((match) => match.some(({ asks }) => asks !== undefined))),
  };
}

const NOBODY = {};

function askingRules(
  id: string,
  { intents, classifier }: RouteSignals,
  providers: ReadonlyMap<string, EffectiveProvider>,
  models: ReadonlyMap<string, ModelIndex>,
): TableRoute['asking'] {
  const embeddings = intents?.embeddings;
  if (!embeddings && !classifier) return NOBODY;
  const made = (purpose: Purpose, { target, timeoutMs }: AskedModelBody): TableRule =>
    tableRule(id, internalRule(purpose, target, timeoutMs), providers, models, {});
  return {
    ...(embeddings && { Intents: made('Intents', embeddings) }),
    ...(classifier && { Classifier: made('Classifier', classifier) }),
  };
}

const hasExperiment = (rule: RuleBody): rule is RuleBody & Required<Pick<RuleBody, 'experiment'>> =>
  rule.experiment !== undefined;

function tableRule(
  routeId: string,
  rule: RuleBody,
  providers: ReadonlyMap<string, EffectiveProvider>,
  models: ReadonlyMap<string, ModelIndex>,
  signals: RouteSignals,
): TableRule {
  nameRule(rule, keyOf(routeId));
  const weights = new Map<number, number>();
  for (const { priority, weight } of rule.targets)
    weights.set(priority, (weights.get(priority) ?? 0) + weight);
  const targets = rule.targets.map((target, index) =>
    prepareTarget(target, index, providers.get(target.provider), models.get(target.provider), weights),
  );
  const shares = rule.targets.map((target) => target.weight).join(',');
  const tiers = [...weights.keys()]
    .sort((a, b) => a - b)
    .map((priority) => {
      const key = `${routeId} ${rule.name} ${priority} ${shares}`;
      const tier = targets.filter((t) => t.body.priority === priority);
      const spills = tier.some(({ body }) => body.spillover !== undefined);
      return { targets: tier, key, tightKey: `${key} tight`, spills };
    });
  const matches = compileMatches(rule, signals);
  const semantic = rule.cache?.semantic?.embeddings;
  const summarize = rule.context?.summarize;
  return {
    body: rule,
    matches,
    asksSignals: matches.some((match) => match.some(({ said }) => said !== undefined)),
    taken: {
      stage: 'match',
      what: `rule ${rule.name}`,
      detail: rule.matches.length === 0 ? 'matches every request' : 'matches',
    },
    tiers,
    stateful: targets[rule.statefulTarget] as TableTarget,
    vectors:
      semantic &&
      tableRule(routeId, internalRule('Cache', semantic.target, semantic.timeoutMs), providers, models, {}),
    summarizer:
      summarize &&
      tableRule(
        routeId,
        internalRule('Summary', summarize.target, summarize.timeoutMs),
        providers,
        models,
        {},
      ),
    experiment: hasExperiment(rule)
      ? tableExperiment(keyOf(routeId), rule, (made) => tableRule(routeId, made, providers, models, signals))
      : undefined,
  };
}
