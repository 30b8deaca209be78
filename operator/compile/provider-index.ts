/** Providers by name, and who may use them: exports to namespaces, credentials kept for some. */
import type { LLMProvider, LLMProviderSpec } from '../../crds/llmprovider.ts';
import { llmProvider } from '../../crds/llmprovider.ts';
import { didYouMean } from '../../crds/validate/nearest.ts';
import type { ItemId } from '../../sidecar/snapshot/schema.ts';
import type { Namespaces } from './namespaces.ts';
import { once } from './once.ts';
import { type Parsed, parseSpec } from './parse.ts';
import { PROVIDER_NOT_FOUND, REF_NOT_PERMITTED } from './reasons.ts';
import { selects } from './selectors.ts';
import { type CredentialView, outlineProvider, type ProviderOutline } from './unparsed.ts';

export interface ProviderSource {
  object: LLMProvider;
  namespace: string;
  name: string;
  id: ItemId;
  parsed: Parsed<LLMProviderSpec>;
  outline: ProviderOutline;
}

type Resolution = { ok: true; source: ProviderSource } | { ok: false; reason: string; message: string };

export interface ProviderIndex {
  /** Sorted by namespace, then name. */
  readonly sources: readonly ProviderSource[];
  isPlatform(namespace: string): boolean;
  /** The provider a reference from `namespace` means, if it may be used there. */
  resolve(namespace: string, ref: { name: string; namespace?: string | undefined }): Resolution;
  /** Credentials of the provider that routes of `namespace` may use, in the provider's order. */
  permitted(source: ProviderSource, namespace: string): CredentialView[];
}

export const providerId = (namespace: string, name: string): ItemId => `provider/${namespace}/${name}`;

export function indexProviders(objects: readonly LLMProvider[], namespaces: Namespaces): ProviderIndex {
  const byId = new Map<ItemId, ProviderSource>();
  for (const object of objects) {
    const source = providerSource(object);
    byId.set(source.id, source);
  }

  const exported = (namespace: string, name: string, to: string): ProviderSource | undefined => {
    const source = byId.get(providerId(namespace, name));
    if (!source || namespace === to) return source;
    if (!namespaces.isPlatform(namespace)) return undefined;
    const { from, selector } = source.outline.allowedNamespaces ?? { from: 'Same' };
    const granted = from === 'All' || (from === 'Selector' && selects(selector, namespaces.labels(to)));
    return granted ? source : undefined;
  };

  return {
    sources: [...byId.values()].sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name)),
    isPlatform: (namespace) => namespaces.isPlatform(namespace),
    resolve(to, { name, namespace }) {
      if (namespace !== undefined && namespace !== to) {
        const source = exported(namespace, name, to);
        if (source) return { ok: true, source };
        const where = namespaces.isPlatform(namespace)
          ? `provider ${namespace}/${name} is not there, or not exported to namespace ${to}`
          : `provider ${namespace}/${name} cannot be used from namespace ${to}: ${namespace} is not a platform namespace`;
        return { ok: false, reason: REF_NOT_PERMITTED, message: where };
      }
      for (const candidate of namespace === undefined ? [to, ...namespaces.platform] : [to]) {
        const source = exported(candidate, name, to);
        if (source) return { ok: true, source };
      }
      const usable = [...byId.values()].filter(
        (source) =>
          exported(source.namespace, source.name, to) && (namespace ?? source.namespace) === source.namespace,
      );
      const elsewhere =
        namespace === undefined ? ', and no platform namespace exports one of that name to it' : '';
      return {
        ok: false,
        reason: PROVIDER_NOT_FOUND,
        message: `there is no provider ${name} in namespace ${to}${elsewhere}${didYouMean(
          name,
          usable.map((source) => source.name),
        )}`,
      };
    },
    permitted: (source, namespace) =>
      source.outline.credentials.filter((c) => selects(c.namespaces, namespaces.labels(namespace))),
  };
}

const sources = new WeakMap<LLMProvider, ProviderSource>();

const providerSource = (object: LLMProvider): ProviderSource =>
  once(sources, object, () => {
    const { namespace = '', name } = object.metadata;
    const parsed = parseSpec(llmProvider, object);
    const id = providerId(namespace, name);
    return { object, namespace, name, id, parsed, outline: outlineProvider(object.spec) };
  });

export const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
