/**
 * Overrides of policies, put together: of every two the stricter counts, so their order never matters and one more never
 * loosens anything.
 */
import type { LLMPolicySpec } from '../../crds/llmpolicy.ts';
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { ItemId } from '../../sidecar/snapshot/schema.ts';
import { days } from './constraints.ts';
import type { PolicySource } from './policy-source.ts';
import { shifted } from './prices.ts';
import { compare, type ProviderSource, providerId } from './provider-index.ts';

export type Constraints = NonNullable<LLMRouteSpec['rules'][number]['constraints']>;
type DataPolicy = NonNullable<Constraints['dataPolicy']>;
type Overrides = NonNullable<LLMPolicySpec['overrides']>;

/** A value, and the policy that it is from. */
export interface From<T> {
  value: T;
  policy: string;
}

/** What all policies over a route require together. Undefined members: nothing. */
export interface Required {
  maxOutputTokens: From<number> | undefined;
  maxCost: From<string> | undefined;
  residency: From<string[]> | undefined;
  retention: From<string> | undefined;
  training: From<'Never'> | undefined;
  /** One for each policy that names providers: a provider must be in every one. */
  allowed: readonly From<ReadonlySet<ItemId>>[];
}

export function requiredBy(policies: readonly PolicySource[]): Required {
  const said = policies.flatMap(({ key, namespace, parsed }) =>
    parsed.ok && parsed.spec.overrides ? [{ key, namespace, overrides: parsed.spec.overrides }] : [],
  );
  const from = <T>(pick: (overrides: Overrides) => T | undefined): From<T>[] =>
    said.flatMap(({ key, overrides }) => {
      const value = pick(overrides);
      return value === undefined ? [] : [{ value, policy: key }];
    });
  return {
    maxOutputTokens: least(
      from((o) => o.maxOutputTokens),
      Number,
    ),
    maxCost: least(
      from((o) => o.maxCost),
      microUsd,
    ),
    residency: common(from((o) => o.dataPolicy?.residency)),
    retention: least(
      from((o) => o.dataPolicy?.retention),
      days,
    ),
    training: from((o) => o.dataPolicy?.training)[0],
    allowed: said.flatMap(({ key, namespace, overrides }) =>
      overrides.allowedProviders
        ? [
            {
              policy: key,
              value: new Set(
                overrides.allowedProviders.map((ref) => providerId(ref.namespace ?? namespace, ref.name)),
              ),
            },
          ]
        : [],
    ),
  };
}

/** Constraints of a rule with what is required besides; `noted` hears of each value that is not the rule's own. */
export function withRequired(
  own: Constraints | undefined,
  required: Required,
  noted: (member: string, policy: string) => void,
): Constraints | undefined {
  const { maxCost, residency, retention, training } = required;
  if (!maxCost && !residency && !retention && !training) return own;
  const pick = <T>(member: string, value: T | undefined, over: From<T> | undefined, isStricter: boolean) => {
    if (!over || (value !== undefined && !isStricter)) return value;
    noted(member, over.policy);
    return over.value;
  };
  const said = own?.dataPolicy;
  const places = residency && { ...residency, value: shared(said?.residency, residency.value) };
  // No place in common is no constraint that a provider could meet: the rule is closed instead.
  const some = places && places.value.length > 0 ? places : undefined;
  const dataPolicy: DataPolicy = {
    ...pruned({
      residency: pick('dataPolicy.residency', said?.residency, some, isFewer(some?.value, said?.residency)),
      retention: pick(
        'dataPolicy.retention',
        said?.retention,
        retention,
        retention !== undefined && days(retention.value) < days(said?.retention ?? ''),
      ),
      training: pick('dataPolicy.training', said?.training, training, false),
    }),
  };
  return {
    ...own,
    ...pruned({
      maxCost: pick(
        'maxCost',
        own?.maxCost,
        maxCost,
        maxCost !== undefined && microUsd(maxCost.value) < microUsd(own?.maxCost ?? ''),
      ),
    }),
    ...(Object.keys(dataPolicy).length > 0 && { dataPolicy }),
  };
}

/** What policies cap output at, where that is less than the rule does. */
export const capOf = (
  own: number | undefined,
  { maxOutputTokens: cap }: Required,
): From<number> | undefined => (cap && cap.value < (own ?? Number.POSITIVE_INFINITY) ? cap : undefined);

/**
 * Which policy keeps a provider out; undefined: none does. One that inherits by `base` is called as its base is, and stands for
 * it.
 */
export function keptOutBy(
  { allowed }: Pick<Required, 'allowed'>,
  { id, outline }: Pick<ProviderSource, 'id' | 'outline'>,
): string | undefined {
  if (allowed.length === 0) return undefined;
  const base = outline.base && providerId(outline.base.namespace, outline.base.name);
  return allowed.find(({ value }) => !value.has(id) && !(base !== undefined && value.has(base)))?.policy;
}

/** The first of those that are least: policies come in the order in which they count. */
function least<T>(all: readonly From<T>[], of: (value: T) => number): From<T> | undefined {
  let found: From<T> | undefined;
  for (const each of all) if (!found || of(each.value) < of(found.value)) found = each;
  return found;
}

/** Places that all allow, sorted; named after the policies that take part. */
function common(all: readonly From<string[]>[]): From<string[]> | undefined {
  const [first, ...others] = all;
  if (!first) return undefined;
  const value = others.reduce((left, { value: next }) => within(left, next), first.value);
  return {
    value: [...value].sort(compare),
    policy: all.map(({ policy }) => policy).join(', '),
  };
}

const within = (places: readonly string[], allowed: readonly string[]): string[] =>
  places.filter((place) => allowed.includes(place)).sort(compare);
const shared = (own: readonly string[] | undefined, allowed: readonly string[]): string[] =>
  own ? within(own, allowed) : [...allowed];
const isFewer = (places: readonly string[] | undefined, than: readonly string[] | undefined): boolean =>
  places !== undefined && places.length < (than?.length ?? 0);

/** Why no provider can be in a place that all allow; undefined: one can. */
export function noPlaceFor(own: Constraints | undefined, { residency }: Required): string | undefined {
  if (!residency) return undefined;
  const { value, policy } = residency;
  if (value.length === 0) return `policies ${policy} allow no place in common`;
  const places = own?.dataPolicy?.residency;
  if (!places || within(places, value).length > 0) return undefined;
  return `none of the places that the rule allows, ${places.join(', ')}, is allowed by policy ${policy}`;
}

const MICRO_DIGITS = 6;
const microUsd = (dollars: string): number => shifted(dollars, MICRO_DIGITS);

const pruned = <T extends object>(members: T): { [K in keyof T]: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };
