/** LLMProvider -> item of a snapshot, with everything that was unset filled in. */
import type { LLMProvider, LLMProviderSpec } from '../../crds/llmprovider.ts';
import { indexModels, type ModelIndex } from '../../sidecar/snapshot/models.ts';
import { pricesMember } from '../../sidecar/snapshot/prices.ts';
import { TYPE_DEFAULTS } from '../../sidecar/snapshot/provider-types.ts';
import type { ModelBody, ProviderBody, ProviderItem } from '../../sidecar/snapshot/schema.ts';
import { validateItem } from '../../sidecar/snapshot/validate.ts';
import { type Catalogue, type CataloguedModel, catalogueDay } from './catalogue.ts';
import { dataPolicyBody } from './constraints.ts';
import { credentialKind } from './credential-body.ts';
import { milliseconds } from './durations.ts';
import { type EffectiveModel, effectiveProvider, parametersOf } from './effective-provider.ts';
import { limitsMember, lowerOf, ratesBody } from './limits.ts';
import { once } from './once.ts';
import { activeMember } from './outlook.ts';
import { currentPricing, declaredPrices, oversizedPrice, wholeTable } from './prices.ts';
import { inResourceWords, type Problem } from './problems.ts';
import type { ProviderIndex, ProviderSource } from './provider-index.ts';
import { BASE_INVALID, INVALID, REF_NOT_PERMITTED } from './reasons.ts';
import { required } from './required.ts';
import type { Secrets } from './secrets.ts';

export interface CompiledProvider {
  source: ProviderSource;
  /** Undefined: not granted (any more), so it leaves every snapshot. */
  item: ProviderItem | undefined;
  /** Models of a Valid item. */
  models: ModelIndex | undefined;
  problems: Problem[];
}

type Inherited = { ok: true; spec: LLMProviderSpec } | { ok: false; removed: boolean; problem: Problem };

export function compileProvider(
  source: ProviderSource,
  index: ProviderIndex,
  secrets: Secrets,
  now: number,
): CompiledProvider {
  const inherited = inherit(source, index);
  const problems: Problem[] = [];
  if (!inherited.ok) {
    problems.push(inherited.problem);
    const item = inherited.removed ? undefined : invalid(source, inherited.problem.message);
    return { source, item, models: undefined, problems };
  }
  // Whoever spends must not vouch for what becomes of the data; a base is always of the platform.
  const vouched = source.outline.base !== undefined || index.isPlatform(source.namespace);
  const made = itemFor(source, inherited.spec, vouched, versionsOf(source, secrets), now);
  if (made.message !== undefined)
    problems.push({ condition: 'Accepted', reason: INVALID, message: made.message });
  return { source, item: made.item, models: made.models, problems };
}

interface Made {
  item: ProviderItem;
  models: ModelIndex | undefined;
  /** Why the item is Invalid. */
  message: string | undefined;
}

/** Version of the value of each of the provider's own credentials, in their order; undefined where there is none to show. */
type Versions = readonly (string | undefined)[];

function versionsOf(source: ProviderSource, secrets: Secrets): Versions {
  const own = source.parsed.ok ? (source.parsed.spec.credentials ?? []) : [];
  return own.map(({ secretRef }) => {
    const value = secretRef && secrets.read(source.namespace, secretRef.name, secretRef.key);
    return value?.ok ? value.published : undefined;
  });
}

/** What was made of each version of a provider: with which inherited spec, which keys, and for which day of the catalogue. */
const remembered = new WeakMap<
  LLMProvider,
  { spec: LLMProviderSpec; vouched: boolean; versions: string; day: number; made: Made }
>();

function itemFor(
  source: ProviderSource,
  spec: LLMProviderSpec,
  vouched: boolean,
  versions: Versions,
  now: number,
): Made {
  const day = catalogueDay(now);
  const written = JSON.stringify(versions);
  const known = remembered.get(source.object);
  if (known?.spec === spec && known.vouched === vouched && known.day === day && known.versions === written)
    return known.made;
  const made = makeItem(source, spec, vouched, versions, now);
  remembered.set(source.object, { spec, vouched, versions: written, day, made });
  return made;
}

function makeItem(
  source: ProviderSource,
  spec: LLMProviderSpec,
  vouched: boolean,
  versions: Versions,
  now: number,
): Made {
  const body = bodyOf(source, spec, vouched, versions, now);
  const item: ProviderItem = {
    kind: 'Provider',
    id: source.id,
    generation: source.object.metadata.generation ?? 1,
    state: 'Valid',
    ...required({ kind: 'Provider', body }, body.caBundle === undefined ? [] : ['tls.caBundle']),
    body,
  };
  const verdict = validateItem(item);
  if (verdict.ok) return { item, models: indexOf(body), message: undefined };
  const message = oversizedPrice(spec.models) ?? inResourceWords(verdict.reason);
  return { item: invalid(source, message), models: undefined, message };
}

const indexes = new WeakMap<ModelBody[], ModelIndex>();

const indexOf = ({ models }: ProviderBody): ModelIndex =>
  once(indexes, models, () => indexModels({ models }));

function invalid(source: ProviderSource, reason: string): ProviderItem {
  return {
    kind: 'Provider',
    id: source.id,
    generation: source.object.metadata.generation ?? 1,
    state: 'Invalid',
    requires: [],
    reason: reason.slice(0, 1024),
  };
}

/** The spec whose endpoint, models and behaviour hold: the provider's own, or that of its base. */
function inherit(source: ProviderSource, index: ProviderIndex): Inherited {
  const { base } = source.outline;
  const refuse = (condition: Problem['condition'], reason: string, message: string): Inherited => ({
    ok: false,
    removed: condition === 'ResolvedRefs',
    problem: { condition, reason, message },
  });
  // The base is looked at first: a grant taken back removes the provider even when its own spec is wrong.
  const found = base && index.resolve(source.namespace, base);
  if (base && !index.isPlatform(base.namespace))
    return refuse(
      'ResolvedRefs',
      REF_NOT_PERMITTED,
      `spec.base.namespace ${base.namespace} is not a platform namespace`,
    );
  if (found && !found.ok) return refuse('ResolvedRefs', REF_NOT_PERMITTED, `spec.base: ${found.message}`);
  if (!source.parsed.ok) return refuse('Accepted', source.parsed.reason, source.parsed.message);
  const own = source.parsed.spec;
  if (!found) return { ok: true, spec: own };
  const theirs = found.source;
  const name = `${theirs.namespace}/${theirs.name}`;
  if (!theirs.parsed.ok)
    return refuse('Accepted', BASE_INVALID, `spec.base ${name} is not accepted: ${theirs.parsed.message}`);
  if (theirs.parsed.spec.base)
    return refuse('Accepted', INVALID, `spec.base ${name} has a base itself; name that one instead`);
  if (theirs.parsed.spec.type !== own.type)
    return refuse(
      'Accepted',
      INVALID,
      `spec.type is ${own.type}, but spec.base ${name} is ${theirs.parsed.spec.type}`,
    );
  return { ok: true, spec: theirs.parsed.spec };
}

function bodyOf(
  source: ProviderSource,
  spec: LLMProviderSpec,
  vouched: boolean,
  versions: Versions,
  now: number,
): ProviderBody {
  const { namespace, name } = source;
  // Credentials are never inherited.
  const own = source.parsed.ok ? source.parsed.spec : undefined;
  const { spec: effective, catalogue } = effectiveProvider(
    { ...spec, credentials: own?.credentials ?? [] },
    now,
  );
  const { endpoint, models } = effective;
  const { passive, active } = effective.healthCheck;
  const caBundle = endpoint.tls?.caBundle;
  const parameters = parametersOf(spec);
  return {
    namespace,
    name,
    type: effective.type,
    url: endpoint.url,
    ...(Object.keys(parameters).length > 0 && { parameters }),
    headers: (endpoint.headers ?? []).map((header) => ({ name: header.name, value: header.value })),
    ...(caBundle === undefined ? {} : { caBundle }),
    credentials: effective.credentials.map((credential, i) => ({
      name: credential.name,
      id: `${namespace}/${name}/${credential.name}`,
      ...credentialKind(credential, parameters.region ?? ''),
      weight: credential.weight,
      ...(versions[i] === undefined ? {} : { version: versions[i] }),
      ...limitsMember(credential.limits),
    })),
    models:
      models.length > 0 ? models.map((model) => declaredModel(model, now)) : cataloguedModels(catalogue),
    openModels: models.length === 0 && (TYPE_DEFAULTS[effective.type].openModels === true || !catalogue),
    streamUsage: effective.streamUsage,
    ...(effective.region !== undefined && { region: effective.region }),
    ...(vouched && effective.dataPolicy && { dataPolicy: dataPolicyBody(effective.dataPolicy) }),
    passive: {
      consecutiveErrors: passive.consecutiveErrors,
      ejectionMs: milliseconds(passive.ejectionTime),
      maxEjectionMs: milliseconds(passive.maxEjectionTime),
      ...ratesBody(passive),
    },
    ...activeMember(active),
    ...limitsMember(lowerOf(own?.limits, spec.limits)),
    ...(effective.concurrency && { concurrency: effective.concurrency }),
  };
}

function declaredModel(model: EffectiveModel, now: number): ModelBody {
  const { name, upstreamName, capabilities, contextWindow, maxOutputTokens, pricing, quality } = model;
  const prices = wholeTable(declaredPrices(currentPricing(pricing ?? [], now)), hasNoOutput(capabilities));
  return {
    name,
    upstreamName,
    ...(capabilities && { capabilities: [...capabilities] }),
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(prices && pricesMember(prices)),
    ...limitsMember(model.limits),
    ...(quality && { quality: quality.map(({ task, score }) => ({ task, score })) }),
  };
}

const hasNoOutput = (capabilities: readonly string[] | undefined): boolean =>
  capabilities?.every((each) => each === 'Embeddings' || each === 'Rerank') ?? false;

const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,255}$/;
const MAX_VARIANTS = 64;

/** Hundreds of providers of one vendor have one list. */
const catalogued = new WeakMap<Catalogue, ModelBody[]>();

/** Models of the catalogue whose names a request can carry. */
function cataloguedModels(catalogue: Catalogue | undefined): ModelBody[] {
  if (!catalogue) return [];
  return once(catalogued, catalogue, () => {
    const seen = new Set<string>();
    return catalogue.models.flatMap((model) => {
      if (!MODEL_NAME.test(model.id) || seen.has(model.id)) return [];
      seen.add(model.id);
      return [cataloguedModel(model)];
    });
  });
}

function cataloguedModel(model: CataloguedModel): ModelBody {
  const variants = model.variants.filter((v) => MODEL_NAME.test(v.text)).slice(0, MAX_VARIANTS);
  const prices = wholeTable(model.prices ?? {}, hasNoOutput(model.capabilities));
  return {
    name: model.id,
    upstreamName: model.id,
    catalogued: true,
    ...(variants.length > 0 && { variants }),
    ...(model.capabilities && { capabilities: model.capabilities }),
    ...(model.contextWindow === undefined ? {} : { contextWindow: model.contextWindow }),
    ...(model.maxOutputTokens === undefined ? {} : { maxOutputTokens: model.maxOutputTokens }),
    ...(prices && pricesMember(prices)),
  };
}
