/** Verdicts: what `compile` found, as conditions. */
import { pricesOf } from '../../sidecar/snapshot/prices.ts';
import type { ItemId } from '../../sidecar/snapshot/schema.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Conflicts } from './conflicts.ts';
import { mintRequest } from './credential-body.ts';
import { withEqualParts } from './equal-parts.ts';
import type { Tokens } from './mints.ts';
import type { Namespaces } from './namespaces.ts';
import { conditionOf, type Problem } from './problems.ts';
import { compare } from './provider-index.ts';
import type { CompiledProvider } from './provider-item.ts';
import { ACCEPTED, NOT_A_PLATFORM_NAMESPACE, RESOLVED_REFS, TOKEN_UNAVAILABLE } from './reasons.ts';
import type { Secrets } from './secrets.ts';
import type { Verdict } from './types.ts';
import { webhookProblems } from './webhooks.ts';

const MAX_MODELS = 256;
const FINE = { reason: ACCEPTED, message: 'the spec is valid and enforced' };
const REFS_FINE = { reason: RESOLVED_REFS, message: 'all references are granted' };

export function routeVerdict(
  route: CompiledRoute,
  conflicts: Conflicts,
  namespaces: Namespaces,
  secrets: Secrets,
): Verdict {
  const { source, item } = route;
  const shadowed = conflicts.fullyShadowed(source.key);
  const problems = [...route.problems, ...webhookProblems(route, secrets), ...(shadowed ? [shadowed] : [])];
  const ignored = source.outline.namespaceSelector !== undefined && !namespaces.isPlatform(source.namespace);
  const accepted = ignored ? onlyInPlatform(['namespaceSelector'], source.namespace) : FINE;
  return {
    kind: 'LLMRoute',
    ...identity(source),
    itemId: item.id,
    conditions: withEqualParts([
      conditionOf('Accepted', problems, accepted),
      conditionOf('ResolvedRefs', problems, REFS_FINE),
      conflicts.condition(source.key),
    ]),
  };
}

export function providerVerdict(
  provider: CompiledProvider,
  named: ReadonlySet<string>,
  values: { secrets: Secrets; tokens: Tokens },
  namespaces: Namespaces,
): Verdict {
  const { source, models } = provider;
  const problems = [...provider.problems, ...credentialProblems(provider, values)];
  const { from } = source.outline.allowedNamespaces ?? { from: 'Same' };
  const fields = namespaces.isPlatform(source.namespace) ? [] : platformFields(source, from);
  const accepted = fields.length > 0 ? onlyInPlatform(fields, source.namespace) : FINE;
  return {
    kind: 'LLMProvider',
    ...identity(source),
    itemId: source.id,
    conditions: withEqualParts([
      conditionOf('Accepted', problems, accepted),
      conditionOf('ResolvedRefs', problems, REFS_FINE),
    ]),
    models: [...named]
      .sort(compare)
      .slice(0, MAX_MODELS)
      .map((name) => ({ name, priced: pricesOf(models?.find(name)) !== undefined })),
  };
}

function identity(source: CompiledRoute['source'] | CompiledProvider['source']) {
  const { namespace, name, object } = source;
  const { uid, generation } = object.metadata;
  return { namespace, name, uid: uid ?? `${namespace}/${name}`, generation: generation ?? 1 };
}

/** Fields that are set and count only in platform namespaces. */
function platformFields({ parsed }: CompiledProvider['source'], from: string): string[] {
  return [
    ...(from === 'Same' ? [] : [`allowedNamespaces.from ${from}`]),
    ...(parsed.ok && parsed.spec.dataPolicy ? ['dataPolicy'] : []),
  ];
}

const onlyInPlatform = (fields: readonly string[], namespace: string) => ({
  reason: NOT_A_PLATFORM_NAMESPACE,
  message: `the spec is valid, but ${fields.join(' and ')} ${fields.length > 1 ? 'have' : 'has'} no effect: ${namespace} is not a platform namespace`,
});

function credentialProblems(
  { source, item }: CompiledProvider,
  { secrets, tokens }: { secrets: Secrets; tokens: Tokens },
): Problem[] {
  const region = item?.body?.parameters?.region ?? '';
  const declared = source.parsed.ok ? (source.parsed.spec.credentials ?? []) : [];
  return source.outline.credentials.flatMap(({ name, secretRef }) => {
    const credential = declared.find((each) => each.name === name);
    const wanted = credential && mintRequest(credential, source.namespace, region, secrets);
    const token = wanted?.ok ? tokens.get(`${source.namespace}/${source.name}/${name}`) : undefined;
    const value = secretRef
      ? secrets.read(source.namespace, secretRef.name, secretRef.key)
      : wanted?.ok
        ? token && (token.ok ? token : { ...token, reason: TOKEN_UNAVAILABLE })
        : wanted;
    if (value === undefined || value.ok) return [];
    const message = `credential "${name}": ${value.message}`;
    return [{ condition: 'ResolvedRefs' as const, reason: value.reason, message }];
  });
}

/** Names that routes ask each provider for. */
export function namedModels(routes: readonly CompiledRoute[]): Map<ItemId, Set<string>> {
  const named = new Map<ItemId, Set<string>>();
  for (const { provider, model } of routes.flatMap((route) => route.named)) {
    const names = named.get(provider);
    if (names) names.add(model);
    else named.set(provider, new Set([model]));
  }
  return named;
}
