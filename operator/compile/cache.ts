/** What a rule keeps of its answers: what was unset filled in, whom vectors are asked of, and the snapshot's words. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { RuleBody, TargetBody } from '../../sidecar/snapshot/schema.ts';
import type { CacheBody, SemanticCacheBody } from '../../sidecar/snapshot/shapes/cache.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';
import type { EffectiveRouteSpec } from './effective-route.ts';
import { askedTarget, requireCapability } from './signal-models.ts';
import type { TargetContext } from './target.ts';

type Cache = NonNullable<LLMRouteSpec['rules'][number]['cache']>;
type Semantic = NonNullable<Cache['semantic']>;
type Filled<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };

interface EffectiveSemantic extends Filled<Semantic, 'minSimilarityPercent' | 'maxEntries'> {
  embeddings: Filled<Semantic['embeddings'], 'timeout' | 'maxInputTokens'>;
}
export interface EffectiveCache
  extends Omit<
    Filled<Cache, 'ttl' | 'maxAnswerBytes' | 'sampled' | 'requestControl'>,
    'mode' | 'exact' | 'semantic' | 'scope'
  > {
  mode?: undefined;
  exact?: { singleFlight: boolean };
  semantic?: EffectiveSemantic;
  scope: { type: CacheBody['scope']['type']; headers?: string[] | undefined };
}

/** The rule says so itself, against the defaults of policies. */
export interface DisabledCache {
  mode: 'Disabled';
  semantic?: undefined;
}

/** Nothing where the rule has none, and where policies say how answers would be kept and nobody that they are. */
export function effectiveCache(
  cache: Cache | undefined,
  path: string,
  fill: Filler,
): { cache?: EffectiveCache | DisabledCache } {
  if (cache?.mode === 'Disabled') return { cache: { mode: 'Disabled' } };
  if (!cache?.exact && !cache?.semantic) return {};
  const at = `${path}.cache`;
  const { mode: _enabled, exact, semantic, scope, ...rest } = cache;
  return {
    cache: {
      ...rest,
      ...(exact && {
        exact: { singleFlight: fill.in(`${at}.exact.singleFlight`, exact.singleFlight, true) },
      }),
      ...(semantic && { semantic: effectiveSemantic(semantic, `${at}.semantic`, fill) }),
      ttl: fill.in(`${at}.ttl`, cache.ttl, '1h'),
      maxAnswerBytes: fill.in(`${at}.maxAnswerBytes`, cache.maxAnswerBytes, 1024 * 1024),
      scope: { ...scope, type: fill.in(`${at}.scope.type`, scope?.type, 'Namespace' as const) },
      sampled: fill.in(`${at}.sampled`, cache.sampled, 'Bypass' as const),
      requestControl: fill.in(`${at}.requestControl`, cache.requestControl, 'Honour' as const),
    },
  };
}

function effectiveSemantic(semantic: Semantic, at: string, fill: Filler): EffectiveSemantic {
  const { embeddings } = semantic;
  return {
    embeddings: {
      ...embeddings,
      timeout: fill.in(`${at}.embeddings.timeout`, embeddings.timeout, '300ms'),
      maxInputTokens: fill.in(`${at}.embeddings.maxInputTokens`, embeddings.maxInputTokens, 1024),
    },
    minSimilarityPercent: fill.in(`${at}.minSimilarityPercent`, semantic.minSimilarityPercent, 95),
    maxEntries: fill.in(`${at}.maxEntries`, semantic.maxEntries, 1000),
  };
}

/** By rule: whom its cache asks for vectors. What is wrong with it is noted as for targets. */
export interface CacheTargets {
  vectors?: (TargetBody | null)[];
}

export function cacheTargets(spec: EffectiveRouteSpec, context: Omit<TargetContext, 'path'>): CacheTargets {
  if (spec.rules.every((rule) => rule.cache?.semantic === undefined)) return {};
  const vectors = spec.rules.map((rule, i) => {
    const semantic = rule.cache?.semantic;
    if (!semantic) return null;
    const at = { ...context, path: `spec.rules[${i}].cache.semantic.embeddings` };
    const target = askedTarget('vectors', semantic.embeddings, spec, at);
    requireCapability('Embeddings', target, at);
    return target;
  });
  return { vectors };
}

export function cacheMember(
  cache: EffectiveCache | DisabledCache | undefined,
  vectors: TargetBody | null | undefined,
): Pick<RuleBody, 'cache'> {
  if (!cache || cache.mode === 'Disabled') return {};
  const { exact, semantic, ttl, maxBytes, maxAnswerBytes, scope, sampled, requestControl } = cache;
  const body: CacheBody = {
    ...(exact && { exact }),
    ...(semantic && vectors && { semantic: semanticBody(semantic, vectors) }),
    ttlMs: milliseconds(ttl),
    ...(maxBytes !== undefined && { maxBytes }),
    maxAnswerBytes,
    scope: { type: scope.type, headers: (scope.headers ?? []).map((name) => name.toLowerCase()) },
    ...(sampled === 'Allow' && { sampled }),
    ...(requestControl === 'Ignore' && { requestControl }),
  };
  return { cache: body };
}

function semanticBody(
  { embeddings, minSimilarityPercent, maxEntries }: EffectiveSemantic,
  target: TargetBody,
): SemanticCacheBody {
  const { timeout, maxInputTokens, dimensions } = embeddings;
  return {
    embeddings: {
      target,
      timeoutMs: milliseconds(timeout),
      maxInputTokens,
      ...(dimensions !== undefined && { dimensions }),
    },
    minSimilarityPercent,
    maxEntries,
  };
}
