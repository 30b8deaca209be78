/** LLMRoute -> item of a snapshot: defaults filled in, references resolved. */
import { createHash } from 'node:crypto';
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type {
  Feature,
  ItemId,
  KeptProvider,
  MatchBody,
  RouteBody,
  RouteItem,
  RuleBody,
  TargetBody,
} from '../../sidecar/snapshot/schema.ts';
import { validateItem } from '../../sidecar/snapshot/validate.ts';
import { laterMembers } from './batch.ts';
import { budgetBody } from './budgets.ts';
import { type CacheTargets, cacheMember, cacheTargets } from './cache.ts';
import { chargebackMember } from './chargeback.ts';
import { type CompiledRoute, use } from './compiled-route.ts';
import { constraintsBody } from './constraints.ts';
import { contextMembers, type SummaryTargets, summaryTargets } from './context.ts';
import { milliseconds } from './durations.ts';
import { type EffectiveRouteSpec, type EffectiveRule, effectiveRoute } from './effective-route.ts';
import { withEqualParts } from './equal-parts.ts';
import { stickyMembers } from './experiment.ts';
import { hedgingBody, type RuleFacts, ruleFacts, withFacts } from './hedging.ts';
import { admissionMember } from './limits.ts';
import { localityMember } from './outlook.ts';
import { type Policed, underPolicies } from './policed.ts';
import type { PolicySource } from './policy-source.ts';
import { inResourceWords, type Problem } from './problems.ts';
import type { ProviderIndex } from './provider-index.ts';
import type { CompiledProvider } from './provider-item.ts';
import { rateLimitsMember } from './rate-limits.ts';
import { INVALID, NO_TARGET_ALLOWED, NOT_ALLOWED_BY_POLICY, POLICY_INVALID } from './reasons.ts';
import { required } from './required.ts';
import type { RouteSource } from './route-source.ts';
import { type SignalTargets, signalTargets } from './signal-models.ts';
import { matchSignalsBody, signalsBody } from './signals.ts';
import { strategyBody } from './strategy.ts';
import { compileTarget } from './target.ts';

export function compileRoute(
  source: RouteSource,
  index: ProviderIndex,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
  policies: readonly PolicySource[],
): CompiledRoute {
  const route: CompiledRoute = {
    source,
    policies,
    item: {
      kind: 'Route',
      id: source.id,
      generation: source.object.metadata.generation ?? 1,
      state: 'Invalid',
      requires: [],
      models: source.outline.models,
    },
    uses: new Map(),
    named: [],
    problems: [],
  };
  if (!source.parsed.ok) return refuse(route, index, providers, source.parsed);

  const unread = unreadable(policies);
  if (unread) return refuse(route, index, providers, unread);
  const policed = underPolicies(source, source.parsed.spec, policies);
  const spec = effectiveOf(policed.spec);
  const targets = spec.rules.map((rule, i) =>
    rule.targets.map((target, j) => {
      const path = `spec.rules[${i}].targets[${j}]`;
      return compileTarget(target, rule, spec, { path, rule: i, index, providers, route, policed });
    }),
  );
  const context = { index, providers, route, policed };
  const asked = {
    ...signalTargets(spec, context),
    ...summaryTargets(spec, context),
    ...cacheTargets(spec, context),
  };
  const facts = targets.map((of) => ruleFacts(of, providers));
  const made = bodyFor(source, policed, spec, targets, asked, facts);
  route.problems.push(...leftWithout(spec, targets, route.problems));
  return made.ok
    ? { ...route, item: { ...route.item, ...made.item } }
    : refuse(route, index, providers, made);
}

/** What is required by a policy that cannot be read is not known, and nothing looser may be run. */
function unreadable(policies: readonly PolicySource[]): { reason: string; message: string } | undefined {
  for (const { key, parsed } of policies)
    if (!parsed.ok)
      return { reason: POLICY_INVALID, message: `policy ${key} is not valid: ${parsed.message}` };
  return undefined;
}

/** Rules whose targets are all gone, some of them by policies. */
function leftWithout(
  { rules }: EffectiveRouteSpec,
  targets: readonly TargetBody[][],
  problems: readonly Problem[],
): Problem[] {
  if (!problems.some(({ reason }) => reason === NOT_ALLOWED_BY_POLICY)) return [];
  const bare = rules.flatMap(({ name }, i) =>
    targets[i]?.every(({ unresolved }) => unresolved !== undefined) ? [{ name, i }] : [],
  );
  return bare.map(({ name, i }) => ({
    // A route of which one rule still serves is not refused for another.
    condition: bare.length === rules.length ? 'Accepted' : 'ResolvedRefs',
    reason: NO_TARGET_ALLOWED,
    message: `spec.rules[${i}]: rule ${name} has no target left, so its requests are refused`,
  }));
}

/** Without a body; what it names is kept, for proxies that still run an older version. */
function refuse(
  route: CompiledRoute,
  index: ProviderIndex,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
  why: { reason: string; message: string },
): CompiledRoute {
  const { source } = route;
  for (const ref of source.outline.providers) {
    const found = index.resolve(source.namespace, ref);
    if (!found.ok) continue;
    const credentials = index.permitted(found.source, source.namespace).map((c) => c.name);
    use(route, found.source, credentials);
  }
  const keeps = keptProviders(source.namespace, index, providers);
  const held = keeps.length > 0 ? { keeps } : {};
  const { advisory } = required({ kind: 'Route', ...held }, []);
  return {
    ...route,
    item: {
      ...route.item,
      reason: why.message.slice(0, 1024),
      ...(advisory && { advisory }),
      ...held,
    },
    named: [],
    problems: [{ condition: 'Accepted', reason: why.reason, message: why.message }],
  };
}

const MAX_KEPT = 1024;

/** What routes of the namespace may use now: no key leaves with it, since only who has one may keep it. */
function keptProviders(
  namespace: string,
  index: ProviderIndex,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
): KeptProvider[] {
  const usable = index.sources.filter(({ id, namespace: at, name }) => {
    const found = index.resolve(namespace, { namespace: at, name });
    return found.ok && providers.get(id)?.item !== undefined;
  });
  return usable.slice(0, MAX_KEPT).map((source) => {
    const permitted = new Set(index.permitted(source, namespace).map(({ name }) => name));
    const named = providers.get(source.id)?.item?.body?.credentials ?? [];
    const credentials = named.flatMap(({ id, name, version }) =>
      version !== undefined && permitted.has(name) ? [{ id, version }] : [],
    );
    return { provider: source.id, credentials };
  });
}

type Made =
  | { ok: true; item: Pick<RouteItem, 'state' | 'requires' | 'advisory' | 'body'> }
  | { ok: false; reason: string; message: string };

/** What was made of each version of a route and its policies, and a hash of what else it was made from: most changes of the world leave most routes as they are. */
const remembered = new WeakMap<Policed, { from: string; made: Made }>();

function bodyFor(
  source: RouteSource,
  policed: Policed,
  spec: EffectiveRouteSpec,
  targets: TargetBody[][],
  asked: SignalTargets & SummaryTargets & CacheTargets,
  facts: RuleFacts[],
): Made {
  const from = createHash('sha256')
    .update(JSON.stringify([targets, asked, facts]))
    .digest('base64');
  const known = remembered.get(policed);
  if (known?.from === from) return known.made;
  const made = makeBody(source, policed, spec, targets, asked, facts);
  remembered.set(policed, { from, made });
  return made;
}

function makeBody(
  source: RouteSource,
  policed: Policed,
  spec: EffectiveRouteSpec,
  targets: TargetBody[][],
  asked: SignalTargets & SummaryTargets & CacheTargets,
  facts: RuleFacts[],
): Made {
  const { object, namespace, name, key, id, outline } = source;
  const { unsupportedParameters } = spec;
  // Warn is how a proxy behaves unless it is told otherwise.
  const lossy = unsupportedParameters === 'Warn' ? {} : { unsupportedParameters };
  const own = (spec.budgets ?? []).map((budget) => budgetBody(id, budget));
  const budgets = [...own, ...policed.budgets];
  const body: RouteBody = withEqualParts({
    namespace,
    name,
    uid: object.metadata.uid ?? key,
    rules: spec.rules.map((rule, i) => {
      const set = policed.spec.rules[i];
      const made = {
        ...ruleBody(rule, set, id, policed),
        ...contextMembers(rule, asked.summaries?.[i]),
        ...cacheMember(rule.cache, asked.vectors?.[i]),
      };
      return withFacts({ ...made, targets: targets[i] ?? [], ...lossy }, set, facts[i]);
    }),
    ...signalsBody(spec, asked),
    ...chargebackMember(spec),
    ...(budgets.length > 0 && { budgets }),
  });
  const item = { state: 'Valid' as const, ...required({ kind: 'Route', body }, featuresOf(body)), body };
  const { models } = outline;
  const verdict = validateItem({ kind: 'Route', id, generation: 0, rank: 0, models, ...item });
  if (verdict.ok) return { ok: true, item };
  return { ok: false, reason: INVALID, message: inResourceWords(verdict.reason) };
}

const effective = new WeakMap<LLMRouteSpec, EffectiveRouteSpec>();

function effectiveOf(spec: LLMRouteSpec): EffectiveRouteSpec {
  let filled = effective.get(spec);
  if (!filled) {
    filled = withEqualParts(effectiveRoute(spec).spec);
    effective.set(spec, filled);
  }
  return filled;
}

function ruleBody(
  rule: EffectiveRule,
  set: LLMRouteSpec['rules'][number] | undefined,
  routeId: ItemId,
  policed: Policed,
): RuleBody {
  const { failover, timeouts } = rule;
  const { to, retryBudget, ...hedging } = hedgingBody(rule, set);
  return {
    name: rule.name,
    matches: rule.matches.map(matchBody),
    strategy: strategyBody(rule.strategy),
    targets: [],
    failover: {
      on: [...failover.when],
      ...(to && { to }),
      ...(retryBudget && { retryBudget }),
      maxAttempts: failover.maxAttempts,
      backoff: { baseMs: milliseconds(failover.backoff.base), maxMs: milliseconds(failover.backoff.max) },
    },
    timeouts: {
      connectMs: milliseconds(timeouts.connect),
      firstTokenMs: milliseconds(timeouts.firstToken),
      interTokenMs: milliseconds(timeouts.interToken),
      attemptMs: milliseconds(timeouts.attempt),
      requestMs: milliseconds(timeouts.request),
      clientStallMs: milliseconds(timeouts.clientStall),
    },
    ...hedging,
    holdMaxMs: milliseconds(rule.commit.holdMax),
    passthrough: (rule.passthrough ?? []).map((p) => ({ methods: [...p.methods], pathPrefix: p.pathPrefix })),
    // An unknown name gives -1, which the judge of items refuses.
    statefulTarget: rule.targets.findIndex((target) => target.name === rule.statefulTarget),
    // As asked is how a proxy behaves unless it is told otherwise.
    ...(rule.responses.store === 'Never' && { responses: { store: rule.responses.store } }),
    ...(rule.constraints && { constraints: constraintsBody(rule.constraints) }),
    ...(rule.onNoTarget !== 'Reject' && { onNoTarget: rule.onNoTarget }),
    ...admissionMember(rule.admission),
    ...laterMembers(rule, routeId),
    ...rateLimitsMember(`${routeId}/${rule.name}`, rule.rateLimits, policed.rateLimits),
    ...localityMember(rule),
    ...(rule.unmetered === 'Allow' && { unmetered: rule.unmetered }),
    ...stickyMembers(rule),
    forwardHeaders: (rule.forwardHeaders ?? []).map((name) => name.toLowerCase()),
  };
}

function matchBody(match: EffectiveRule['matches'][number]): MatchBody {
  const { headers, paths, models, prompt, request } = match;
  return {
    ...(headers && {
      headers: headers.map((h) => ({ name: h.name.toLowerCase(), type: h.type ?? 'Exact', value: h.value })),
    }),
    ...(paths && { paths }),
    ...(models && { models }),
    ...(prompt && {
      prompt: {
        ...prompt,
        ...(prompt.contains && { contains: prompt.contains.map((k) => k.toLowerCase()) }),
      },
    }),
    ...(request && { request }),
    ...matchSignalsBody(match),
  };
}

function featuresOf(body: RouteBody): Feature[] {
  const needed = new Set<Feature>();
  for (const rule of body.rules) {
    for (const match of rule.matches) {
      if (match.prompt) needed.add('match.prompt');
      if (match.headers?.some((h) => h.type === 'RegularExpression')) needed.add('match.header.regex');
    }
    if (rule.passthrough.length > 0) needed.add('passthrough');
    if (rule.failover.maxAttempts > 1 && rule.failover.on.length > 0) needed.add('failover');
    for (const { patch } of rule.targets) {
      const { set, default: defaults, remove, headers } = patch;
      if (set.length + defaults.length + remove.length + headers.length > 0) needed.add('patch');
    }
  }
  return [...needed];
}
