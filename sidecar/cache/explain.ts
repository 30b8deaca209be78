/** What the cache would do with a request, without looking whether it has the answer. Pure. */
import { endpointAt } from '../dialects/registry.ts';
import type { RequestFacts, Step } from '../routing/plan.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { BYPASS_WORDS, type Bypass, bypassOf, controlOf } from './cacheable.ts';

/** Undefined: the rule keeps no answers. `body` is one that its dialect can read. */
export function explainCache(rule: RuleBody, facts: RequestFacts, body: Buffer): Step | undefined {
  const { cache } = rule;
  if (!cache || facts.unread) return undefined;
  const bypass = passesBy(rule, facts, body);
  if (bypass) return { stage: 'cache', what: 'Bypass', detail: BYPASS_WORDS[bypass] };
  const { exact, semantic, scope, ttlMs } = cache;
  const ways = [
    ...(exact
      ? [exact.singleFlight ? 'by what is the same, once for all who ask at once' : 'by what is the same']
      : []),
    ...(semantic ? [`by what is at least ${semantic.minSimilarityPercent} % similar`] : []),
  ];
  const apart = scope.headers.length > 0 ? `, apart by ${scope.headers.join(', ')}` : '';
  const detail = `${ways.join(', then ')}; shared within one ${scope.type.toLowerCase()}${apart}; kept for ${ttlMs / 1000} s`;
  return { stage: 'cache', what: 'LookUp', detail };
}

function passesBy(rule: RuleBody, facts: RequestFacts, body: Buffer): Bypass | undefined {
  const { cache } = rule;
  const resolution = endpointAt(facts.path);
  if (!cache || resolution?.kind !== 'Endpoint') return 'Endpoint';
  const bypass = bypassOf(cache, rule, facts, resolution.endpoint.dialect.readRequest(body));
  if (bypass) return bypass;
  if (cache.scope.headers.some((name) => !facts.header(name))) return 'Scope';
  return controlOf(cache, facts).noStore ? 'NoStore' : undefined;
}
