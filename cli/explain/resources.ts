/** Manifests -> what one app's sidecar would run, and what is wrong with it. */
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import type { Manifests } from '../../crds/manifests.ts';
import { compile } from '../../operator/compile/compile.ts';
import { namespacesOf } from '../../operator/compile/namespaces.ts';
import { indexPolicies, type PolicySource } from '../../operator/compile/policy-source.ts';
import type { SecretObject, Verdict, Workload } from '../../operator/compile/types.ts';
import { EMPTY_SET, nextManifests } from '../../operator/watch/manifest-set.ts';
import type { EffectiveSnapshot } from '../../sidecar/snapshot/effective.ts';
import { evaluate } from '../../sidecar/snapshot/evaluate.ts';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';

export interface Subject {
  workload: Workload;
  /** As it would be sent. */
  snapshot: Snapshot;
  effective: EffectiveSnapshot;
  /** Of the workload: the routes that select it and the providers those use. */
  routes: LLMRoute[];
  providers: LLMProvider[];
  /** Those that a route is under, in the order in which they count. */
  policiesOver: (route: LLMRoute) => readonly PolicySource[];
  notes: Note[];
}

/** What is wrong with one of the resources, in a sentence. */
interface Note {
  itemId: string;
  text: string;
}

export interface SubjectOptions {
  namespace: string | undefined;
  labels: Readonly<Record<string, string>>;
  platformNamespaces: readonly string[];
  /** Milliseconds since the epoch. */
  now: number;
}

const DEFAULT_NAMESPACE = 'default';

/** The error is a sentence about wrong usage. */
export function subjectOf(manifests: Manifests, options: SubjectOptions): Subject | { error: string } {
  const set = nextManifests(EMPTY_SET, manifests, options.namespace ?? DEFAULT_NAMESPACE);
  const all = [...set.objects.values()].map(({ object }) => object);
  const ofKind = <T>(kind: string) => all.filter((object) => object.kind === kind) as T[];
  const [routes, providers] = [ofKind<LLMRoute>('LLMRoute'), ofKind<LLMProvider>('LLMProvider')];
  const namespace = options.namespace ?? onlyNamespace(routes);
  if (namespace === undefined) {
    const names = [...new Set(routes.map(namespaceOf))].sort().join(', ');
    return { error: `routes are in namespaces ${names}; say with --namespace which one the app is in` };
  }
  const workload: Workload = { namespace, name: 'app', uid: 'app', labels: options.labels };
  const policies = ofKind<LLMPolicy>('LLMPolicy');
  const namespaces = ofKind<LLMRoute>('Namespace').map(({ metadata }) => ({
    name: metadata.name,
    labels: metadata.labels ?? {},
  }));
  const compiled = compile(
    {
      routes,
      providers,
      policies,
      secrets: ofKind<SecretObject>('Secret'),
      namespaces,
      pods: [workload],
    },
    options,
  );
  const snapshot = compiled.snapshotFor(workload);
  const ids = new Set(snapshot.items.map(({ id }) => id));
  const index = indexPolicies(policies, namespacesOf(namespaces, options));
  return {
    workload,
    snapshot,
    effective: evaluate(snapshot, new Map()).effective,
    routes: routes.filter((route) => ids.has(`route/${keyOf(route)}`)),
    providers: providers.filter((provider) => ids.has(`provider/${keyOf(provider)}`)),
    policiesOver: (route) => index.over({ namespace: namespaceOf(route), name: route.metadata.name }),
    notes: compiled.verdicts.filter(({ itemId }) => ids.has(itemId)).flatMap(notesOf),
  };
}

const namespaceOf = ({ metadata }: LLMRoute | LLMProvider): string => metadata.namespace ?? DEFAULT_NAMESPACE;
const keyOf = (object: LLMRoute | LLMProvider): string => `${namespaceOf(object)}/${object.metadata.name}`;

function onlyNamespace(routes: readonly LLMRoute[]): string | undefined {
  const namespaces = new Set(routes.map(namespaceOf));
  const [only] = namespaces;
  return namespaces.size > 1 ? undefined : (only ?? DEFAULT_NAMESPACE);
}

/** What matters to a request. Keys are left aside: they are taken to be there. */
function notesOf({ kind, namespace, name, itemId, conditions }: Verdict): Note[] {
  return conditions.flatMap(({ type, status, reason, message }) => {
    const matters =
      type === 'Accepted'
        ? status === 'False' || reason !== 'Accepted'
        : type === 'Conflicted'
          ? status === 'True'
          : status === 'False' && kind === 'LLMRoute';
    return matters ? [{ itemId, text: `${kind} ${namespace}/${name} ${reason}: ${message}` }] : [];
  });
}
