/**
 * What can still be told of a spec that does not parse. A sidecar that holds an older version of the object keeps running
 * it, so the object must keep its place: the workloads it is for, the providers it uses, the keys it was granted. Whatever
 * cannot be read grants nothing.
 */
import { z } from 'zod';
import { labelSelector, secretRef } from '../../crds/common.ts';
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import { credential } from '../../crds/schema/provider-credential.ts';

type Selector = z.infer<typeof labelSelector>;
export type CredentialView = Pick<
  NonNullable<LLMProviderSpec['credentials']>[number],
  'name' | 'type' | 'secretRef'
> & { namespaces: Selector | undefined };

/** Reads one field by its own schema; undefined where it is absent or wrong. */
function field<T>(schema: z.ZodType<T>, value: unknown): T | undefined {
  const outcome = schema.safeParse(value);
  return outcome.success ? outcome.data : undefined;
}

const members = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const elements = (value: unknown, most: number): unknown[] =>
  Array.isArray(value) ? value.slice(0, most) : [];

const modelPattern = z
  .string()
  .max(256)
  .regex(/^([A-Za-z0-9][A-Za-z0-9._:/@+-]*\*?|\*)$/);
const providerRef = z.object({ name: z.string().max(253), namespace: z.string().max(253).optional() });

export interface RouteOutline {
  models: string[];
  /** Undefined: cannot be read, so the route is for no workload. */
  workloadSelector: Selector | undefined;
  /** Undefined: absent, or cannot be read; the route is for its own namespace only. */
  namespaceSelector: Selector | undefined;
  providers: { name: string; namespace?: string | undefined }[];
}

export function outlineRoute(raw: unknown): RouteOutline {
  const spec = members(raw);
  return {
    models: elements(spec.models, 64).flatMap((entry) => field(modelPattern, entry) ?? []),
    workloadSelector: spec.workloadSelector === undefined ? {} : field(labelSelector, spec.workloadSelector),
    namespaceSelector: field(labelSelector, spec.namespaceSelector),
    providers: [
      ...elements(spec.rules, 64).flatMap((rule) => [
        ...elements(members(rule).targets, 32),
        members(members(rule).context).summarize,
        members(members(members(rule).cache).semantic).embeddings,
      ]),
      members(members(spec.signals).intents).embeddings,
      members(spec.signals).classifier,
    ].flatMap((target) => field(providerRef, members(target).provider) ?? []),
  };
}

export interface PolicyOutline {
  /** Names of the routes it is for; undefined: all. */
  routes: string[] | undefined;
  /** Undefined: absent, or cannot be read; the policy is for its own namespace only. */
  namespaceSelector: Selector | undefined;
}

const named = z.object({ name: z.string().max(253) });

/** What a policy requires cannot be told then, so every route that it may be for counts as under it. */
export function outlinePolicy(raw: unknown): PolicyOutline {
  const spec = members(raw);
  const refs = elements(spec.targetRefs, 64).map((ref) => field(named, ref)?.name);
  const readable = refs.filter((name) => name !== undefined);
  return {
    routes: readable.length === 0 || readable.length < refs.length ? undefined : readable,
    namespaceSelector: field(labelSelector, spec.namespaceSelector),
  };
}

export interface ProviderOutline {
  base: { name: string; namespace: string } | undefined;
  /** Those that can be read. */
  credentials: CredentialView[];
  /** How many the spec has, readable or not. */
  credentialCount: number;
  allowedNamespaces: LLMProviderSpec['allowedNamespaces'];
}

const credentialType = credential.shape.type;
const baseRef = z.object({ name: z.string(), namespace: z.string() });
const credentialView = z.object({
  name: z.string(),
  type: credentialType,
  secretRef: secretRef.optional(),
});
const allowed = z.union([
  z.strictObject({ from: z.enum(['Same', 'All']) }),
  z.strictObject({ from: z.literal('Selector'), selector: labelSelector }),
]);

export function outlineProvider(raw: unknown): ProviderOutline {
  const spec = members(raw);
  return {
    base: field(baseRef, spec.base),
    credentials: elements(spec.credentials, 32).flatMap((entry) => {
      const view = field(credentialView, entry);
      const restriction = members(entry).namespaces;
      const namespaces = field(labelSelector, restriction);
      // A restriction that cannot be read permits nobody.
      return view && (restriction === undefined || namespaces) ? { ...view, namespaces } : [];
    }),
    credentialCount: elements(spec.credentials, 32).length,
    allowedNamespaces: field(allowed, spec.allowedNamespaces),
  };
}
