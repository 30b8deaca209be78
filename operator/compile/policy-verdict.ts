/** What `compile` says of one policy. */
import { didYouMean } from '../../crds/validate/nearest.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Namespaces } from './namespaces.ts';
import type { PolicyIndex, PolicySource } from './policy-source.ts';
import { conditionOf, type Problem } from './problems.ts';
import { type ProviderIndex, providerId } from './provider-index.ts';
import {
  ACCEPTED,
  EGRESS_NOT_ALLOWED,
  NOT_A_PLATFORM_NAMESPACE,
  PROVIDER_NOT_FOUND,
  RESOLVED_REFS,
  ROUTE_NOT_FOUND,
} from './reasons.ts';
import type { Secrets } from './secrets.ts';
import type { Verdict } from './types.ts';

interface World {
  policies: PolicyIndex;
  routes: readonly CompiledRoute[];
  providers: ProviderIndex;
  secrets: Secrets;
  namespaces: Namespaces;
  /** Undefined: not known. */
  egressHosts: readonly string[] | undefined;
}

export function policyVerdict(policy: PolicySource, world: World): Verdict {
  const { namespace, name, key, object } = policy;
  const { uid, generation } = object.metadata;
  const problems = policy.parsed.ok
    ? [...foreign(policy, world), ...unresolved(policy, world)]
    : [{ condition: 'Accepted' as const, reason: policy.parsed.reason, message: policy.parsed.message }];
  return {
    kind: 'LLMPolicy',
    namespace,
    name,
    uid: uid ?? key,
    generation: generation ?? 1,
    itemId: `policy/${key}`,
    conditions: [
      conditionOf('Accepted', problems, { reason: ACCEPTED, message: 'the spec is valid and enforced' }),
      conditionOf('ResolvedRefs', problems, {
        reason: RESOLVED_REFS,
        message: 'everything it refers to is there',
      }),
    ],
    routes: world.routes.filter(({ policies }) => policies.includes(policy)).length,
  };
}

/** Fields that count only in platform namespaces, in a policy of another one. */
function foreign({ namespace, parsed }: PolicySource, { namespaces }: World): Problem[] {
  if (!parsed.ok || namespaces.isPlatform(namespace)) return [];
  const { namespaceSelector, alerts } = parsed.spec;
  const where = `${namespace} is not a platform namespace`;
  return [
    ...(namespaceSelector
      ? [
          `spec.namespaceSelector has no effect, so the policy is for routes of its own namespace only: ${where}`,
        ]
      : []),
    ...(alerts ? [`spec.alerts.webhook has no effect, so nothing is sent there: ${where}`] : []),
  ].map((message) => ({ condition: 'Accepted', reason: NOT_A_PLATFORM_NAMESPACE, message }));
}

function unresolved(policy: PolicySource, world: World): Problem[] {
  const { parsed, namespace } = policy;
  if (!parsed.ok) return [];
  const { targetRefs = [], overrides, alerts } = parsed.spec;
  const within = world.routes.filter(({ source }) => world.policies.isFor(policy, source.namespace));
  const names = [...new Set(within.map(({ source }) => source.name))];
  const missing = targetRefs.flatMap(({ name }, i): Problem[] =>
    names.includes(name)
      ? []
      : [
          refs(
            ROUTE_NOT_FOUND,
            `spec.targetRefs[${i}].name: there is no route ${name}${didYouMean(name, names)}`,
          ),
        ],
  );
  const known = world.providers.sources;
  const absent = (overrides?.allowedProviders ?? []).flatMap((ref, i): Problem[] => {
    const at = ref.namespace ?? namespace;
    if (known.some(({ id }) => id === providerId(at, ref.name))) return [];
    const near = known.filter((source) => source.namespace === at).map((source) => source.name);
    const what = `there is no provider ${ref.name} in namespace ${at}${didYouMean(ref.name, near)}`;
    return [refs(PROVIDER_NOT_FOUND, `spec.overrides.allowedProviders[${i}].name: ${what}`)];
  });
  return [
    ...missing,
    ...absent,
    ...secretProblem(policy, alerts?.webhook.secretRef, world),
    ...egressProblem(policy, alerts?.webhook.url, world),
  ];
}

function secretProblem(
  { namespace }: PolicySource,
  ref: { name: string; key: string } | undefined,
  { secrets, namespaces }: World,
): Problem[] {
  // Where the webhook does not count, nothing is told of Secrets either.
  if (!ref || !namespaces.isPlatform(namespace)) return [];
  const value = secrets.read(namespace, ref.name, ref.key);
  return value.ok ? [] : [refs(value.reason, `spec.alerts.webhook.secretRef: ${value.message}`)];
}

function egressProblem(
  { namespace }: PolicySource,
  url: string | undefined,
  { namespaces, egressHosts }: World,
): Problem[] {
  if (url === undefined || !egressHosts || !namespaces.isPlatform(namespace)) return [];
  const { hostname } = new URL(url);
  if (egressHosts.includes(hostname)) return [];
  const what = `the operator may not dial ${hostname}: it is not among its egress hosts (chart value operator.egressHosts)`;
  return [refs(EGRESS_NOT_ALLOWED, `spec.alerts.webhook.url: ${what}`)];
}

const refs = (reason: string, message: string): Problem => ({ condition: 'ResolvedRefs', reason, message });
