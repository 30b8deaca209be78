/** Reads the input of a golden case: a document of options, then resources. */
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../../../crds/common.ts';
import type { LLMProvider } from '../../../crds/llmprovider.ts';
import type { LLMRoute } from '../../../crds/llmroute.ts';
import type { CompileOptions, NamespaceInfo, Resources, Workload } from '../../../operator/compile/types.ts';

interface Header {
  platformNamespaces?: string[];
  credentialsNamespaces?: string[];
  now?: string;
  namespaces?: { name: string; labels?: Record<string, string> }[];
  workloads?: { namespace: string; name: string; labels?: Record<string, string> }[];
}

export interface Case {
  resources: Resources;
  options: CompileOptions;
}

export function readCase(text: string): Case {
  const [first, ...objects] = loadAll(text) as [Header | null, ...KubeObject[]];
  const header = first ?? {};
  const ofKind = <T>(kind: string): T[] =>
    objects.filter((object) => object.kind === kind).map((object) => object as T);
  return {
    resources: {
      routes: ofKind<LLMRoute>('LLMRoute'),
      providers: ofKind<LLMProvider>('LLMProvider'),
      secrets: ofKind<KubeObject>('Secret'),
      namespaces: (header.namespaces ?? []).map((n): NamespaceInfo => ({ labels: {}, ...n })),
      pods: (header.workloads ?? []).map(
        (w): Workload => ({ labels: {}, uid: `${w.namespace}-${w.name}`, ...w }),
      ),
    },
    options: {
      platformNamespaces: header.platformNamespaces ?? [],
      ...(header.credentialsNamespaces && { credentialsNamespaces: header.credentialsNamespaces }),
      now: Date.parse(header.now ?? '2026-06-01T00:00:00Z'),
    },
  };
}
