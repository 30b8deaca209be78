/**
 * PURE: which examples of which routes need vectors, and routes with those that are there. The vectors travel beside the
 * items of a snapshot, under the name that the item knows them by: the name is made of the question, so that replicas whose
 * model gave slightly different answers still hand out the same items.
 */
import { hash } from 'node:crypto';
import { type ProviderTypeName, TYPE_DEFAULTS } from '../../sidecar/snapshot/provider-types.ts';
import type { ItemId, ProviderBody, RouteBody, Snapshot, TargetBody } from '../../sidecar/snapshot/schema.ts';
import type { IntentsBody, VectorsBody } from '../../sidecar/snapshot/shapes/signals.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { CompiledProvider } from './provider-item.ts';
import type { Secrets } from './secrets.ts';

export interface VectorsWanted {
  /** Under which the answer is known. */
  key: string;
  url: string;
  /** The URL is the vendor's own, not one that a resource names. */
  isDefault: boolean;
  headers: Record<string, string>;
  /** All but `input`. */
  body: Record<string, unknown>;
  texts: readonly string[];
}

export type KnownVectors = ReadonlyMap<string, VectorsBody>;

/** Types that take OpenAI's request at `/embeddings` with a bearer key. For all others sidecars ask themselves. */
const LIKE_OPENAI: ReadonlySet<ProviderTypeName> = new Set([
  'OpenAI',
  'Mistral',
  'Together',
  'Fireworks',
  'OpenRouter',
  'NVIDIANIM',
  'HuggingFace',
  'DeepInfra',
  'SambaNova',
  'Ollama',
  'VLLM',
  'LMStudio',
  'OpenAICompatible',
]);

/** What the operator could ask for the route; undefined: nothing, and the sidecar does it. */
export function vectorsWanted(
  { item: { body } }: CompiledRoute,
  providers: ReadonlyMap<ItemId, CompiledProvider>,
  secrets: Secrets,
): VectorsWanted | undefined {
  const { intents } = body?.signals ?? {};
  if (!intents?.embeddings) return undefined;
  const { target, dimensions } = intents.embeddings;
  const compiled = providers.get(target.provider);
  const provider = compiled?.item?.body;
  if (!compiled || !provider || target.unresolved !== undefined || !LIKE_OPENAI.has(provider.type))
    return undefined;
  const key = keyFor(compiled, target, provider, secrets);
  if (provider.credentials.length > 0 && key === undefined) return undefined;
  const model = compiled.models?.find(target.model ?? '')?.upstreamName ?? target.model;
  const asked = patched({ model, ...(dimensions !== undefined && { dimensions }) }, target);
  const url = `${provider.url}/embeddings`;
  const headers = [...provider.headers, ...target.patch.headers].map(({ name, value }) => [
    name.toLowerCase(),
    value,
  ]);
  return {
    key: keyOf(url, asked, intents),
    url,
    isDefault: provider.url === TYPE_DEFAULTS[provider.type].url,
    headers: { ...Object.fromEntries(headers), ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body: asked,
    texts: textsOf(intents),
  };
}

/** The route as it is handed out while the vectors are there; the same object for the same route and vectors. */
export function withVectors(route: CompiledRoute, key: string): CompiledRoute {
  const known = made.get(route);
  if (known?.key === key) return known.route;
  const { body } = route.item;
  const signals = body?.signals;
  if (!signals?.intents?.embeddings) return route;
  const { intents } = signals;
  const embeddings = { ...signals.intents.embeddings, vectors: key };
  const next: RouteBody = {
    ...body,
    signals: { ...signals, intents: { ...intents, embeddings } },
  } as RouteBody;
  const extended = { ...route, item: { ...route.item, body: next } };
  made.set(route, { key, route: extended });
  return extended;
}

/** Member `vectors` of a snapshot of these items. */
export function vectorsOf(items: Snapshot['items'], known: KnownVectors): Pick<Snapshot, 'vectors'> {
  const found: [string, VectorsBody][] = [];
  for (const item of items) {
    const key = item.kind === 'Route' ? item.body?.signals?.intents?.embeddings?.vectors : undefined;
    const vectors = key === undefined ? undefined : known.get(key);
    if (key !== undefined && vectors) found.push([key, vectors]);
  }
  return found.length > 0 ? { vectors: Object.fromEntries(found) } : {};
}

const made = new WeakMap<CompiledRoute, { key: string; route: CompiledRoute }>();
const hashes = new WeakMap<IntentsBody, string>();

const textsOf = ({ list }: IntentsBody): string[] => list.flatMap(({ examples }) => examples);

function keyOf(url: string, body: object, intents: IntentsBody): string {
  let texts = hashes.get(intents);
  if (texts === undefined) {
    texts = hash('sha256', JSON.stringify(textsOf(intents)));
    hashes.set(intents, texts);
  }
  return hash('sha256', JSON.stringify([url, body, texts])).slice(0, 32);
}

/** Of the credentials that the route may use, the first whose value is a key. */
function keyFor(
  { source }: CompiledProvider,
  { credential, credentials }: TargetBody,
  provider: ProviderBody,
  secrets: Secrets,
): string | undefined {
  for (const { name, type } of provider.credentials) {
    if (type !== 'APIKey' || (credential !== undefined && name !== credential)) continue;
    if (credentials && !credentials.includes(name)) continue;
    const ref = source.outline.credentials.find((one) => one.name === name)?.secretRef;
    const value = ref && secrets.read(source.namespace, ref.name, ref.key);
    if (value?.ok) return value.value;
  }
  return undefined;
}

function patched(body: Record<string, unknown>, { patch }: TargetBody): Record<string, unknown> {
  const members = (list: { name: string; value: unknown }[]) =>
    Object.fromEntries(list.map(({ name, value }) => [name, value]));
  const all = { ...members(patch.default), ...body, ...members(patch.set) };
  return Object.fromEntries(Object.entries(all).filter(([name]) => !patch.remove.includes(name)));
}
