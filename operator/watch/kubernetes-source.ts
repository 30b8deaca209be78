/**
 * The Kubernetes API as a source: one reflector per kind and namespace it may read.
 *
 * Secrets are asked for by label and only in the namespaces named for them, so that the operator's own rights can be kept
 * to exactly those.
 */
import { API_VERSION, GROUP, type KubeObject, VERSION } from '../../crds/common.ts';
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import { CREDENTIAL_LABEL } from '../compile/secrets.ts';
import type { Resources, SecretObject, Workload } from '../compile/types.ts';
import { SIDECAR_LABEL } from '../inject/names.ts';
import {
  contentOf,
  fingerprint,
  type PodObject,
  projectNamespace,
  projectPod,
  projectPolicy,
  projectProvider,
  projectRoute,
  projectSecret,
  workloadOf,
} from './projections.ts';
import { Reflector, type WatchMeans } from './reflector.ts';
import type { ResourceKind, Source, SourceChange, SourceHealth, SourceKind } from './source.ts';
import type { Change } from './store.ts';

export const ALL_NAMESPACES = '*';

export interface KubernetesSourceOptions extends WatchMeans {
  /** Where routes, providers, policies and pods are read: `['*']`, or names. */
  namespaces: readonly string[];
  /** Where labelled Secrets are read: `['*']`, or names, or none at all. */
  credentialsNamespaces: readonly string[];
}

interface Watched<T extends KubeObject> {
  kind: SourceKind;
  apiVersion: string;
  /** Path before the namespace. */
  root: string;
  plural: string;
  labelSelector?: string;
  project: (object: KubeObject, before: T | undefined) => T;
}

const ROUTES: Watched<LLMRoute> = {
  kind: 'LLMRoute',
  apiVersion: API_VERSION,
  root: `/apis/${GROUP}/${VERSION}`,
  plural: 'llmroutes',
  project: projectRoute,
};
const PROVIDERS: Watched<LLMProvider> = {
  kind: 'LLMProvider',
  apiVersion: API_VERSION,
  root: `/apis/${GROUP}/${VERSION}`,
  plural: 'llmproviders',
  project: projectProvider,
};
const POLICIES: Watched<LLMPolicy> = {
  kind: 'LLMPolicy',
  apiVersion: API_VERSION,
  root: `/apis/${GROUP}/${VERSION}`,
  plural: 'llmpolicies',
  project: projectPolicy,
};
const SECRETS: Watched<SecretObject> = {
  kind: 'Secret',
  apiVersion: 'v1',
  root: '/api/v1',
  plural: 'secrets',
  labelSelector: `${CREDENTIAL_LABEL}=true`,
  project: projectSecret,
};
const PODS: Watched<PodObject> = {
  kind: 'Pod',
  apiVersion: 'v1',
  root: '/api/v1',
  plural: 'pods',
  labelSelector: `${SIDECAR_LABEL}=true`,
  project: projectPod,
};
const NAMESPACES: Watched<KubeObject> = {
  kind: 'Namespace',
  apiVersion: 'v1',
  root: '/api/v1',
  plural: 'namespaces',
  project: projectNamespace,
};

export class KubernetesSource implements Source {
  readonly synced: Promise<void>;
  readonly #options: KubernetesSourceOptions;
  readonly #listeners = new Set<(change: SourceChange) => void>();
  readonly #routes: Reflector<LLMRoute>[];
  readonly #providers: Reflector<LLMProvider>[];
  readonly #policies: Reflector<LLMPolicy>[];
  readonly #secrets: Reflector<SecretObject>[];
  readonly #pods: Reflector<PodObject>[];
  readonly #namespaces: Reflector<KubeObject>[];
  readonly #workloads = new Map<string, Workload>();
  /** What `compile` reads of our own kinds: another object only where something else is to be compiled. */
  readonly #contents = {
    LLMRoute: new Map<string, LLMRoute>(),
    LLMProvider: new Map<string, LLMProvider>(),
    LLMPolicy: new Map<string, LLMPolicy>(),
  };
  #resources: Resources | undefined;

  constructor(options: KubernetesSourceOptions) {
    this.#options = options;
    const { namespaces, credentialsNamespaces } = options;
    this.#routes = this.#each(ROUTES, namespaces);
    this.#providers = this.#each(PROVIDERS, namespaces);
    this.#policies = this.#each(POLICIES, namespaces);
    this.#secrets = this.#each(SECRETS, credentialsNamespaces);
    this.#pods = this.#each(PODS, namespaces);
    // A Namespace has no namespace: each name asked for is one list of one object.
    this.#namespaces = namespaces.includes(ALL_NAMESPACES)
      ? [this.#reflector(NAMESPACES, undefined)]
      : namespaces.map((name) => this.#reflector(NAMESPACES, undefined, `metadata.name=${name}`));
    this.synced = Promise.all(this.watches().map((watch) => watch.synced)).then(() => undefined);
  }

  /** Every reflector, for readiness and metrics. */
  watches(): Reflector<KubeObject>[] {
    return [
      ...this.#routes,
      ...this.#providers,
      ...this.#policies,
      ...this.#secrets,
      ...this.#pods,
      ...this.#namespaces,
    ] as Reflector<KubeObject>[];
  }

  start(): Promise<void> {
    for (const watch of this.watches()) watch.start();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await Promise.all(this.watches().map((watch) => watch.stop()));
  }

  resources(): Resources {
    this.#resources ??= {
      routes: [...this.#contents.LLMRoute.values()],
      providers: [...this.#contents.LLMProvider.values()],
      policies: [...this.#contents.LLMPolicy.values()],
      secrets: all(this.#secrets),
      namespaces: all(this.#namespaces).map(({ metadata: { name, labels } }) => ({
        name,
        labels: labels ?? {},
      })),
      pods: [...this.#workloads.values()],
    };
    return this.#resources;
  }

  object(kind: ResourceKind, key: string): LLMRoute | LLMProvider | LLMPolicy | undefined {
    const of = { LLMRoute: this.#routes, LLMProvider: this.#providers, LLMPolicy: this.#policies };
    for (const reflector of of[kind]) {
      const found = reflector.get(key);
      if (found) return found;
    }
    return undefined;
  }

  pod(uid: string): Workload | undefined {
    return this.#workloads.get(uid);
  }

  onChange(listener: (change: SourceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  health(): SourceHealth[] {
    return this.watches().map((watch) => ({
      name: watch.path,
      synced: watch.hasSynced,
      error: watch.lastError,
    }));
  }

  #each<T extends KubeObject>(watched: Watched<T>, namespaces: readonly string[]): Reflector<T>[] {
    if (namespaces.includes(ALL_NAMESPACES)) return [this.#reflector(watched, undefined)];
    return [...new Set(namespaces)].map((namespace) => this.#reflector(watched, namespace));
  }

  #reflector<T extends KubeObject>(
    { kind, apiVersion, root, plural, labelSelector, project }: Watched<T>,
    namespace: string | undefined,
    fieldSelector?: string,
  ): Reflector<T> {
    const { client, clock, random, log, observer } = this.#options;
    return new Reflector<T>({
      client,
      clock,
      random,
      log,
      observer,
      resource: plural,
      apiVersion,
      kind,
      path: namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`,
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      project,
      onChange: (change) => this.#changed(kind, change),
    });
  }

  #changed(kind: SourceKind, { key, before, after }: Change<KubeObject>): void {
    this.#resources = undefined;
    if (kind === 'Pod') this.#podChanged(before as PodObject | undefined, after as PodObject | undefined);
    // A pod recreated under its name is two pods: whoever knew the old one has to hear of it too.
    const old = before?.metadata.uid;
    if (kind === 'Pod' && old !== undefined && after && old !== after.metadata.uid) {
      this.#tell({ kind, key, effect: 'Content', uid: old });
    }
    const effect = fingerprint(before) === fingerprint(after) ? 'Status' : 'Content';
    if (isResource(kind) && effect === 'Content') {
      const contents: Map<string, KubeObject> = this.#contents[kind];
      if (after) contents.set(key, contentOf(after));
      else contents.delete(key);
    }
    this.#tell({ kind, key, effect, uid: kind === 'Pod' ? ((after ?? before)?.metadata.uid ?? '') : '' });
  }

  #podChanged(before: PodObject | undefined, after: PodObject | undefined): void {
    if (before?.metadata.uid) this.#workloads.delete(before.metadata.uid);
    if (after?.metadata.uid && !after.status?.ended) {
      this.#workloads.set(after.metadata.uid, workloadOf(after));
    }
  }

  #tell(change: SourceChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function all<T extends KubeObject>(reflectors: readonly Reflector<T>[]): T[] {
  return reflectors.flatMap((reflector) => [...reflector.values()]);
}

const isResource = (kind: SourceKind): kind is ResourceKind =>
  kind === 'LLMRoute' || kind === 'LLMProvider' || kind === 'LLMPolicy';
