/** Namespaces and what they may do: labels for selectors, platform rights. */
import type { CompileOptions, NamespaceInfo } from './types.ts';

/** The label every namespace carries on a real API server; added where a manifest leaves it out. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

export interface Namespaces {
  /** Labels of a namespace; one that is not known has only its name. */
  labels(name: string): Readonly<Record<string, string>>;
  isPlatform(name: string): boolean;
  /** In order of precedence, each once. */
  readonly platform: readonly string[];
}

export function namespacesOf(known: readonly NamespaceInfo[], options: CompileOptions): Namespaces {
  const labels = new Map(known.map((n) => [n.name, { ...n.labels, [NAME_LABEL]: n.name }]));
  const platform = new Set(options.platformNamespaces);
  return {
    labels: (name) => labels.get(name) ?? { [NAME_LABEL]: name },
    isPlatform: (name) => platform.has(name),
    platform: [...platform],
  };
}
