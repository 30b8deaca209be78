/** One target of a rule: which provider its reference means, which credentials and model it may use there. */
import { didYouMean } from '../../crds/validate/nearest.ts';
import type { ItemId, TargetBody } from '../../sidecar/snapshot/schema.ts';
import { type CompiledRoute, use } from './compiled-route.ts';
import type { EffectiveRouteSpec, EffectiveRule, EffectiveTarget } from './effective-route.ts';
import { spilloverMember } from './outlook.ts';
import { notAllowed, type Policed } from './policed.ts';
import { type ProviderIndex, type ProviderSource, providerId } from './provider-index.ts';
import type { CompiledProvider } from './provider-item.ts';
import {
  CREDENTIAL_NOT_FOUND,
  MODEL_NOT_FOUND,
  NOT_ALLOWED_BY_POLICY,
  PROVIDER_NOT_ACCEPTED,
  REF_NOT_PERMITTED,
} from './reasons.ts';

type Rule = EffectiveRule;
type Target = EffectiveTarget;

export interface TargetContext {
  /** Of the target in the spec. */
  path: string;
  /** Place of its rule; undefined for what a signal asks. */
  rule?: number;
  policed: Policed;
  index: ProviderIndex;
  providers: ReadonlyMap<ItemId, CompiledProvider>;
  /** Gains what the target uses and what is wrong with it. */
  route: CompiledRoute;
}

export function compileTarget(
  target: Target,
  rule: Rule | undefined,
  spec: EffectiveRouteSpec,
  context: TargetContext,
): TargetBody {
  const { route, index, path } = context;
  const { namespace } = route.source;
  const found = index.resolve(namespace, target.provider);
  const body: TargetBody = {
    name: target.name,
    provider: found.ok
      ? found.source.id
      : providerId(target.provider.namespace ?? namespace, target.provider.name),
    ...(target.model === undefined ? {} : { model: target.model }),
    ...(target.credential === undefined ? {} : { credential: target.credential }),
    weight: target.weight,
    priority: target.priority,
    ...spilloverMember(target),
    patch: patchBody(target.request),
  };
  if (!found.ok) {
    problem(context, found.reason, `${path}.provider: ${found.message}`);
    return { ...body, unresolved: found.message };
  }
  const { dataPolicy } = context.providers.get(found.source.id)?.item?.body ?? {};
  const barred = notAllowed(context.policed, context.rule, found.source, dataPolicy);
  if (barred !== undefined) {
    problem(context, NOT_ALLOWED_BY_POLICY, `${path}.provider: ${barred}`);
    return { ...body, unresolved: barred };
  }
  nameModels(target, rule, spec, found.source, context);
  return { ...body, ...grantCredentials(target, found.source, context) };
}

const problem = ({ route }: TargetContext, reason: string, message: string): number =>
  route.problems.push({ condition: 'ResolvedRefs', reason, message });

function grantCredentials(
  target: Target,
  source: ProviderSource,
  context: TargetContext,
): Pick<TargetBody, 'credentials'> {
  const { route, index, path } = context;
  const { namespace } = route.source;
  const permitted = index.permitted(source, namespace).map((c) => c.name);
  const { credentials, credentialCount } = source.outline;
  const where = `${source.namespace}/${source.name}`;
  const { credential } = target;
  if (credential === undefined) {
    use(route, source, permitted);
    if (permitted.length === 0 && credentialCount > 0) {
      const message = `${path}.provider: provider ${where} keeps its credentials for other namespaces than ${namespace}`;
      problem(context, REF_NOT_PERMITTED, message);
    }
  } else {
    use(route, source, permitted.includes(credential) ? [credential] : []);
    if (!permitted.includes(credential)) {
      const there = credentials.some((c) => c.name === credential);
      problem(
        context,
        there ? REF_NOT_PERMITTED : CREDENTIAL_NOT_FOUND,
        there
          ? `${path}.credential: provider ${where} keeps credential "${credential}" for other namespaces than ${namespace}`
          : `${path}.credential: provider ${where} has no credential "${credential}"${didYouMean(credential, permitted)}`,
      );
    }
  }
  return permitted.length === credentialCount ? {} : { credentials: permitted };
}

/** Notes the models the target asks for by name, and whether the provider lacks one. */
function nameModels(
  target: Target,
  rule: Rule | undefined,
  spec: EffectiveRouteSpec,
  source: ProviderSource,
  context: TargetContext,
): void {
  const { route, providers, path } = context;
  const provider = providers.get(source.id);
  const where = `${source.namespace}/${source.name}`;
  if (provider?.item?.state !== 'Valid') {
    const [cause] = provider?.problems ?? [];
    const why = cause ? `: ${cause.message}` : '';
    problem(context, PROVIDER_NOT_ACCEPTED, `${path}.provider: provider ${where} is not accepted${why}`);
    return;
  }
  if (target.model !== undefined) {
    route.named.push({ provider: source.id, model: target.model });
    if (!provider.models?.find(target.model) && !provider.item.body?.openModels) {
      const names = (provider.item.body?.models ?? []).map(({ name }) => name);
      problem(
        context,
        MODEL_NOT_FOUND,
        `${path}.model: "${target.model}" is not among the models of provider ${where}${didYouMean(target.model, names)}`,
      );
    }
    return;
  }
  // The asked model: known only where rule or route spell it out.
  const matched =
    rule && rule.matches.length > 0 && rule.matches.every((match) => match.models !== undefined)
      ? rule.matches.flatMap((match) => match.models ?? [])
      : spec.models.filter((pattern) => !pattern.endsWith('*'));
  for (const model of matched) {
    if (provider.models?.find(model)) route.named.push({ provider: source.id, model });
  }
}

function patchBody(patch: Target['request']): TargetBody['patch'] {
  const members = (list: { name: string; value?: unknown }[] = []) =>
    list.map(({ name, value }) => ({ name, value }));
  return {
    set: members(patch?.set),
    default: members(patch?.default),
    remove: [...(patch?.remove ?? [])],
    headers: (patch?.headers ?? []).map(({ name, value }) => ({ name, value })),
  };
}
