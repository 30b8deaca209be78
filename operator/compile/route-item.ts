/** LLMRoute -> item of a snapshot: defaults filled in, references resolved. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { Feature, ItemId, MatchBody, RouteBody, RuleBody } from '../../sidecar/snapshot/schema.ts';
import { validateItem } from '../../sidecar/snapshot/validate.ts';
import { type CompiledRoute, use } from './compiled-route.ts';
import { milliseconds } from './durations.ts';
import { type EffectiveRule, effectiveRoute } from './effective-route.ts';
import { inResourceWords } from './problems.ts';
import type { ProviderIndex } from './provider-index.ts';
import type { CompiledProvider } from './provider-item.ts';
import { INVALID } from './reasons.ts';
import type { RouteSource } from './route-source.ts';
import { compileTarget } from './target.ts';

export function compileRoute(
  source: RouteSource,
  index: ProviderIndex,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
): CompiledRoute {
  const route: CompiledRoute = {
    source,
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
  if (!source.parsed.ok) return refuse(route, index, source.parsed);

  const body = bodyOf(source, source.parsed.spec, index, providers, route);
  const item = { ...route.item, state: 'Valid' as const, requires: featuresOf(body), body };
  const verdict = validateItem({ ...item, rank: 0 });
  if (!verdict.ok) return refuse(route, index, { reason: INVALID, message: inResourceWords(verdict.reason) });
  return { ...route, item };
}

/** Without a body; what it names is kept, for proxies that still run an older version. */
function refuse(
  route: CompiledRoute,
  index: ProviderIndex,
  why: { reason: string; message: string },
): CompiledRoute {
  const { source } = route;
  for (const ref of source.outline.providers) {
    const found = index.resolve(source.namespace, ref);
    if (!found.ok) continue;
    const credentials = index.permitted(found.source, source.namespace).map((c) => c.name);
    use(route, found.source, credentials);
  }
  return {
    ...route,
    item: { ...route.item, reason: why.message.slice(0, 1024) },
    named: [],
    problems: [{ condition: 'Accepted', reason: why.reason, message: why.message }],
  };
}

function bodyOf(
  source: RouteSource,
  spec: LLMRouteSpec,
  index: ProviderIndex,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
  route: CompiledRoute,
): RouteBody {
  return {
    namespace: source.namespace,
    name: source.name,
    uid: source.object.metadata.uid ?? source.key,
    rules: effectiveRoute(spec).spec.rules.map((rule, i) => {
      const targets = rule.targets.map((target, j) =>
        compileTarget(target, rule, spec, {
          path: `spec.rules[${i}].targets[${j}]`,
          index,
          providers,
          route,
        }),
      );
      return { ...ruleBody(rule), targets };
    }),
  };
}

function ruleBody(rule: EffectiveRule): RuleBody {
  const { failover, timeouts } = rule;
  return {
    name: rule.name,
    matches: rule.matches.map(matchBody),
    strategy: { type: rule.strategy.type },
    targets: [],
    failover: {
      on: [...failover.on],
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
    holdMaxMs: milliseconds(rule.commit.holdMax),
    passthrough: (rule.passthrough ?? []).map((p) => ({ methods: [...p.methods], pathPrefix: p.pathPrefix })),
    // An unknown name gives -1, which the judge of items refuses.
    statefulTarget: rule.targets.findIndex((target) => target.name === rule.statefulTarget),
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
  return [...needed].sort();
}
