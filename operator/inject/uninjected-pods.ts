/**
 * Watches for pods that should have a sidecar and have none: in each namespace that opted in, and wherever pods ask by label.
 * Pods with a sidecar are left out by the API server, so in a sound cluster these lists are empty.
 */
import type { KubeObject } from '../../crds/common.ts';
import { ALL_NAMESPACES } from '../watch/kubernetes-source.ts';
import { Reflector, type WatchMeans } from '../watch/reflector.ts';
import type { Source } from '../watch/source.ts';
import type { Change } from '../watch/store.ts';
import { INJECT_LABEL, INJECTION_ENABLED, INJECTION_LABEL, SIDECAR_LABEL } from './names.ts';
import { isPod } from './pod.ts';
import { isOptedIn } from './selection.ts';
import { excludedNamespaces, type InjectionSettings } from './settings.ts';
import { judgeUninjected, type Uninjected } from './uninjected.ts';

/** Who it is, and what is to be said of it. */
export interface UninjectedPod extends KubeObject {
  verdict: Uninjected | undefined;
}

export interface UninjectedPodsOptions extends WatchMeans {
  source: Pick<Source, 'resources' | 'onChange' | 'synced'>;
  settings: InjectionSettings;
  /** Where pods are read: `['*']`, or names. */
  namespaces: readonly string[];
  /** Called with `namespace/name` after something changed about the pod. */
  onChange: (key: string) => void;
}

const WITHOUT_SIDECAR = `${SIDECAR_LABEL}!=true`;

export class UninjectedPods {
  readonly #options: UninjectedPodsOptions;
  readonly #excluded: ReadonlySet<string>;
  /** By namespace; those of pods that ask by label are under names no namespace can have. */
  readonly #watches = new Map<string, Reflector<UninjectedPod>>();
  readonly #ending = new Set<Promise<void>>();
  readonly #unsubscribe: () => void;
  #stopped = false;

  constructor(options: UninjectedPodsOptions) {
    this.#options = options;
    const { source, settings } = options;
    this.#excluded = new Set(excludedNamespaces(settings));
    this.#unsubscribe = source.onChange(({ kind }) => {
      if (kind === 'Namespace') this.#follow();
    });
  }

  start(): void {
    const { namespaces, source } = this.#options;
    for (const namespace of namespaces) {
      const path = namespace === ALL_NAMESPACES ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
      this.#begin(`asking in ${namespace}`, path, `${WITHOUT_SIDECAR},${INJECT_LABEL}=true`, {});
    }
    void source.synced.then(() => this.#follow());
  }

  watches(): Reflector<UninjectedPod>[] {
    return [...this.#watches.values()];
  }

  get(key: string): UninjectedPod | undefined {
    for (const watch of this.#watches.values()) {
      const found = watch.get(key);
      if (found) return found;
    }
    return undefined;
  }

  /** Every pod that something is to be said of, once. */
  *values(): Generator<UninjectedPod & { verdict: Uninjected }> {
    const seen = new Set<string | undefined>();
    for (const watch of this.#watches.values()) {
      for (const pod of watch.values()) {
        const { verdict } = pod;
        if (verdict && !seen.has(pod.metadata.uid)) yield { ...pod, verdict };
        seen.add(pod.metadata.uid);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    await Promise.all([...this.watches().map((watch) => watch.stop()), ...this.#ending]);
  }

  /** One watch for each namespace that is opted in. */
  #follow(): void {
    if (this.#stopped) return;
    const optedIn = this.#options.source
      .resources()
      .namespaces.filter((namespace) => isOptedIn(namespace) && !this.#excluded.has(namespace.name))
      .map(({ name }) => name);
    for (const name of optedIn) {
      if (this.#watches.has(name)) continue;
      const selector = `${WITHOUT_SIDECAR},${INJECT_LABEL}!=false`;
      const labels = { [INJECTION_LABEL]: INJECTION_ENABLED };
      this.#begin(name, `/api/v1/namespaces/${name}/pods`, selector, labels);
    }
    const wanted = new Set(optedIn);
    for (const [name, watch] of this.#watches) {
      if (wanted.has(name) || name.includes(' ')) continue;
      this.#watches.delete(name);
      const gone = [...watch.values()];
      const ending = watch.stop().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
      for (const { metadata } of gone) this.#options.onChange(`${metadata.namespace}/${metadata.name}`);
    }
  }

  #begin(name: string, path: string, labelSelector: string, labels: Readonly<Record<string, string>>): void {
    const { client, clock, random, log, observer, onChange } = this.#options;
    const watch = new Reflector<UninjectedPod>({
      client,
      clock,
      random,
      log,
      observer,
      resource: 'uninjected-pods',
      apiVersion: 'v1',
      kind: 'Pod',
      path,
      labelSelector,
      project: (object) => this.#project(object, labels),
      onChange: ({ key }: Change<UninjectedPod>) => onChange(key),
    });
    this.#watches.set(name, watch);
    watch.start();
  }

  /** Only the verdict is kept, since pods are large. The watch ends when the namespace is opted in no longer. */
  #project(object: KubeObject, labels: Readonly<Record<string, string>>): UninjectedPod {
    const { apiVersion, kind, metadata } = object;
    const { name, namespace = '', uid, resourceVersion } = metadata;
    const facts = { name: namespace, labels };
    const verdict = isPod(object) ? judgeUninjected(object, facts, this.#options.settings) : undefined;
    return {
      apiVersion,
      kind,
      metadata: {
        name,
        namespace,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      verdict,
    };
  }
}
