/** Resources with every default filled in, as YAML that says which values those are. */
import { dump } from 'js-yaml';
import type { KubeObject } from '../../crds/common.ts';
import { llmProvider } from '../../crds/llmprovider.ts';
import { type LLMRouteSpec, llmRoute } from '../../crds/llmroute.ts';
import { effectiveProvider } from '../../operator/compile/effective-provider.ts';
import { effectiveUnder } from '../../operator/compile/effective-under.ts';
import { parseSpec } from '../../operator/compile/parse.ts';
import { type Discount, TYPE_DEFAULTS } from '../../sidecar/snapshot/provider-types.ts';
import type { PricedTier } from '../../sidecar/snapshot/schema.ts';
import type { Subject } from './resources.ts';

export interface EffectiveResource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string | undefined };
  spec: unknown;
  /** Paths that were unset and have a fixed default. */
  defaulted: string[];
  /** Paths that were unset and come from the price catalogue. */
  catalogued: string[];
  /** Policy behind each value that is not the resource's own, by path. Absent: there is none. */
  policies?: Record<string, string>;
  /** Of tiers of service that a model names no prices for: by what the vendor publishes. Absent: nothing. */
  discounts?: Partial<Record<PricedTier, Discount>>;
}

/** Of resources that are valid; what is wrong with the others is said elsewhere. */
export function effectiveResources(
  { routes, providers, policiesOver }: Subject,
  now: number,
): EffectiveResource[] {
  return [
    ...routes.flatMap((route): EffectiveResource[] => {
      const parsed = parseSpec(llmRoute, route);
      const keys = keysAt(providers, route.metadata.namespace);
      if (!parsed.ok) return [];
      return [
        { ...identity(route), ...effectiveUnder(parsed.spec, policiesOver(route), keys), catalogued: [] },
      ];
    }),
    ...providers.flatMap((provider): EffectiveResource[] => {
      const parsed = parseSpec(llmProvider, provider);
      if (!parsed.ok) return [];
      // What is inherited is shown with the provider it is inherited from.
      if (parsed.spec.base)
        return [{ ...identity(provider), spec: parsed.spec, defaulted: [], catalogued: [] }];
      const { spec, defaulted, catalogued } = effectiveProvider(parsed.spec, now);
      const { discounts } = TYPE_DEFAULTS[spec.type];
      return [{ ...identity(provider), spec, defaulted, catalogued, ...(discounts && { discounts }) }];
    }),
  ];
}

/** How many keys a target may use, as far as the manifests tell. */
function keysAt(providers: Subject['providers'], namespace: string | undefined) {
  return ({ provider: ref, credential }: LLMRouteSpec['rules'][number]['targets'][number]): number => {
    if (credential !== undefined) return 1;
    const named = providers.filter(({ metadata }) => metadata.name === ref.name);
    const at = ref.namespace ?? namespace;
    const found = named.find(({ metadata }) => metadata.namespace === at) ?? named[0];
    return (found?.spec?.credentials ?? []).filter(({ weight }) => weight !== 0).length;
  };
}

function identity({ apiVersion, kind, metadata }: KubeObject) {
  return { apiVersion, kind, metadata: { name: metadata.name, namespace: metadata.namespace } };
}

export function effectiveText(resources: readonly EffectiveResource[]): string {
  return resources.map(resourceText).join('---\n');
}

function resourceText({
  apiVersion,
  kind,
  metadata,
  spec,
  defaulted,
  catalogued,
  policies = {},
  discounts = {},
}: EffectiveResource): string {
  const marks = new Map([
    ...defaulted.map((path): [string, string] => [path, 'default']),
    ...catalogued.map((path): [string, string] => [path, 'catalogue']),
    ...Object.entries(policies).map(([path, policy]): [string, string] => [path, `policy ${policy}`]),
  ]);
  const lines = [`apiVersion: ${apiVersion}`, `kind: ${kind}`];
  lines.push('metadata:', `  name: ${metadata.name}`, `  namespace: ${metadata.namespace ?? ''}`, 'spec:');
  write(spec, 'spec', '  ', marks, lines);
  for (const [tier, { times, over, uncachedOnly }] of Object.entries(discounts)) {
    const but = uncachedOnly ? ', unknown with tokens read from a cache' : '';
    lines.push(
      `# serviceTier ${tier}, where a model has no prices for it: ${times}/${over} of the standard price${but}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Appends the members of a map or the entries of a list, each behind `indent`. */
function write(
  value: unknown,
  path: string,
  indent: string,
  marks: ReadonlyMap<string, string>,
  lines: string[],
): void {
  if (Array.isArray(value)) {
    value.forEach((entry, i) => {
      const first = lines.length;
      put(entry, `${path}[${i}]`, `${indent}-`, indent, marks, lines);
      if (!isMap(entry)) return;
      // The first member of a map stands on the line of its dash, and so does what was said of the map.
      const said = (lines[first] ?? '').slice(indent.length + 1);
      lines.splice(first, 2, `${indent}- ${lines[first + 1]?.trimStart() ?? ''}${said}`);
    });
    return;
  }
  for (const [name, member] of Object.entries(value as object)) {
    if (member !== undefined) put(member, `${path}.${name}`, `${indent}${name}:`, indent, marks, lines);
  }
}

function put(
  value: unknown,
  path: string,
  head: string,
  indent: string,
  marks: ReadonlyMap<string, string>,
  lines: string[],
): void {
  const mark = marks.get(path);
  const comment = mark === undefined ? '' : ` # ${mark}`;
  if (isMap(value) || (Array.isArray(value) && value.some(isMap))) {
    lines.push(`${head}${comment}`);
    write(value, path, `${indent}  `, marks, lines);
    return;
  }
  lines.push(`${head} ${scalar(value)}${comment}`);
}

const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/** On one line, quoted where YAML needs it. */
function scalar(value: unknown): string {
  if (typeof value === 'string' && value.includes('\n')) return JSON.stringify(value);
  return dump(value, { flowLevel: 0, lineWidth: -1 }).trimEnd();
}
