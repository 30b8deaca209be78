/** A provider with everything that was unset filled in, in the words of the resource, and which values those are. */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import { type ProviderParameters, TYPE_DEFAULTS } from '../../sidecar/snapshot/provider-types.ts';
import { type Catalogue, type CataloguedModel, catalogueOf } from './catalogue.ts';
import { atLeast, endpointURL, Filler, PASSIVE } from './defaults.ts';
import {
  type EffectiveConcurrency,
  type EffectiveRates,
  effectiveConcurrency,
  effectiveRates,
} from './limits.ts';
import { type EffectiveActive, effectiveActive } from './outlook.ts';
import { currentPricing, pricingOf } from './prices.ts';

type Model = NonNullable<LLMProviderSpec['models']>[number];
type Credential = NonNullable<LLMProviderSpec['credentials']>[number];

export type EffectiveModel = Model & { upstreamName: string };
interface EffectiveProviderSpec
  extends Omit<LLMProviderSpec, 'endpoint' | 'credentials' | 'models' | 'healthCheck' | 'concurrency'> {
  /** Without a trailing slash. */
  endpoint: NonNullable<LLMProviderSpec['endpoint']> & { url: string };
  credentials: (Credential & { weight: number })[];
  /** Empty: any model of the catalogue, or any name. */
  models: EffectiveModel[];
  streamUsage: NonNullable<LLMProviderSpec['streamUsage']>;
  healthCheck: {
    passive: { consecutiveErrors: number; ejectionTime: string; maxEjectionTime: string } & EffectiveRates;
    active?: EffectiveActive;
  };
  concurrency: EffectiveConcurrency | undefined;
  allowedNamespaces: NonNullable<LLMProviderSpec['allowedNamespaces']>;
}

/** Parameters of the vendor, whichever member of the spec has them. */
export function parametersOf({ azure, vertex, bedrock }: LLMProviderSpec): ProviderParameters {
  return { ...azure, ...vertex, ...bedrock };
}

export interface EffectiveProvider {
  spec: EffectiveProviderSpec;
  /** Paths that were unset and have a fixed default. */
  defaulted: string[];
  /** Paths that were unset and come from the catalogue. */
  catalogued: string[];
  catalogue: Catalogue | undefined;
}

/** `now` in milliseconds since the epoch decides which dated catalogue prices hold. */
export function effectiveProvider(spec: LLMProviderSpec, now: number): EffectiveProvider {
  const fill = new Filler();
  const known = new Filler();
  const url = fill
    .in('spec.endpoint.url', spec.endpoint?.url, endpointURL(spec.type, parametersOf(spec)) ?? '')
    .replace(/\/+$/, '');
  const catalogue = catalogueOf(spec.type, url, now);
  const passive = spec.healthCheck?.passive;
  const path = 'spec.healthCheck.passive';
  const active = effectiveActive(spec.healthCheck?.active, fill);
  const ejectionTime = fill.in(`${path}.ejectionTime`, passive?.ejectionTime, PASSIVE.ejectionTime);
  const effective = {
    ...spec,
    endpoint: { ...spec.endpoint, url },
    credentials: (spec.credentials ?? []).map((credential, i) => ({
      ...credential,
      weight: fill.in(`spec.credentials[${i}].weight`, credential.weight, 1),
    })),
    models: (spec.models ?? []).map((model, i) =>
      effectiveModel(model, `spec.models[${i}]`, { catalogue, now }, fill, known),
    ),
    streamUsage: fill.in('spec.streamUsage', spec.streamUsage, TYPE_DEFAULTS[spec.type].streamUsage),
    healthCheck: {
      passive: {
        consecutiveErrors: fill.in(
          `${path}.consecutiveErrors`,
          passive?.consecutiveErrors,
          PASSIVE.consecutiveErrors,
        ),
        ejectionTime,
        maxEjectionTime: fill.in(
          `${path}.maxEjectionTime`,
          passive?.maxEjectionTime,
          atLeast(PASSIVE.maxEjectionTime, ejectionTime),
        ),
        ...effectiveRates(passive, fill),
      },
      ...(active && { active }),
    },
    concurrency: effectiveConcurrency(spec.concurrency, fill),
    allowedNamespaces: fill.in('spec.allowedNamespaces', spec.allowedNamespaces, { from: 'Same' as const }),
  };
  return { spec: effective, defaulted: fill.defaulted, catalogued: known.defaulted, catalogue };
}

function effectiveModel(
  model: Model,
  path: string,
  { catalogue, now }: { catalogue: Catalogue | undefined; now: number },
  fill: Filler,
  known: Filler,
): EffectiveModel {
  const upstreamName = fill.in(`${path}.upstreamName`, model.upstreamName, model.name);
  const facts: Partial<CataloguedModel> = catalogue?.find(upstreamName) ?? {};
  // What neither says stays absent: unknown is a state of its own.
  const { capabilities, contextWindow, maxOutputTokens, prices } = facts;
  const declared = model.pricing ?? [];
  const current = currentPricing(declared, now);
  const further = pricingOf(
    prices ?? {},
    (unit) => !current.some((price) => price.unit === unit && price.serviceTier === undefined),
  );
  further.forEach((_, i) => known.defaulted.push(`${path}.pricing[${declared.length + i}]`));
  return {
    ...model,
    upstreamName,
    ...(capabilities && { capabilities: known.in(`${path}.capabilities`, model.capabilities, capabilities) }),
    ...(contextWindow !== undefined && {
      contextWindow: known.in(`${path}.contextWindow`, model.contextWindow, contextWindow),
    }),
    ...(maxOutputTokens !== undefined && {
      maxOutputTokens: known.in(`${path}.maxOutputTokens`, model.maxOutputTokens, maxOutputTokens),
    }),
    ...(declared.length + further.length > 0 && { pricing: [...declared, ...further] }),
  };
}
