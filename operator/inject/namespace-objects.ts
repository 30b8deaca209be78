/**
 * Keeps in each namespace with sidecars the two ConfigMaps that injected pods refer to: the variables of apps, and whom sidecars
 * trust when they call the operator.
 *
 * They stay while any injected pod lives, even where the namespace opted out: a container that starts again reads them again.
 * Level-triggered: a look at a namespace compares what is there with what should be, whoever changed it.
 */
import type { KubeObject } from '../../crds/common.ts';
import type { Latest } from '../certificates/latest.ts';
import { ApiError } from '../watch/api-error.ts';
import { Debounce } from '../watch/debounce.ts';
import { ALL_NAMESPACES } from '../watch/kubernetes-source.ts';
import { type RunResult, WorkQueue } from '../watch/queue.ts';
import { Reflector, type WatchMeans } from '../watch/reflector.ts';
import type { Source } from '../watch/source.ts';
import { appEnvironment } from './environment.ts';
import { CA_CONFIG_MAP, CA_KEY, ENV_CONFIG_MAP } from './names.ts';
import { isOptedIn } from './selection.ts';
import { excludedNamespaces, type InjectionSettings } from './settings.ts';

export interface NamespaceObjectsOptions extends WatchMeans {
  source: Pick<Source, 'resources' | 'onChange' | 'synced'>;
  settings: InjectionSettings;
  /** Where ConfigMaps are kept: `['*']`, or names. */
  namespaces: readonly string[];
  /** Published byte for byte; nothing is while it is unknown. */
  trustBundle: Latest<string>;
  isLeader: () => boolean;
  onRun?: (result: RunResult, milliseconds: number) => void;
}

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

const FIELD_MANAGER = 'outrider-injection';
/** Only what carries it is ever deleted: a namespace may have had a ConfigMap of one of the names before us. */
const LABELS = { 'app.kubernetes.io/managed-by': 'outrider', 'app.kubernetes.io/component': 'injection' };
const NAMES = [ENV_CONFIG_MAP, CA_CONFIG_MAP] as const;
type Name = (typeof NAMES)[number];

const BACKOFF = { baseMs: 100, maxMs: 60_000 };
const BURST = { quietMs: 20, maxMs: 200 };
/** Somebody who edits it each time it is put back must not be answered as fast as he can. */
const REPAIR_MS = 500;

export class NamespaceObjects {
  readonly queue: WorkQueue;
  readonly #options: NamespaceObjectsOptions;
  readonly #excluded: ReadonlySet<string>;
  readonly #watches: Readonly<Record<Name, Reflector<ConfigMap>[]>>;
  readonly #burst: Debounce;
  readonly #unsubscribe: (() => void)[];
  readonly #writtenAt = new Map<string, number>();
  #wanted: ReadonlySet<string> = new Set();
  #synced = false;

  constructor(options: NamespaceObjectsOptions) {
    this.#options = options;
    const { clock, random, log, source, trustBundle, settings, onRun } = options;
    this.#excluded = new Set(excludedNamespaces(settings));
    this.queue = new WorkQueue({
      name: 'namespace objects',
      handle: (namespace) => this.#reconcile(namespace),
      clock,
      random,
      log,
      backoff: BACKOFF,
      ...(onRun ? { observe: onRun } : {}),
    });
    this.#watches = {
      [ENV_CONFIG_MAP]: this.#watchAll(ENV_CONFIG_MAP),
      [CA_CONFIG_MAP]: this.#watchAll(CA_CONFIG_MAP),
    };
    this.#burst = new Debounce(clock, BURST, () => this.#survey());
    this.#unsubscribe = [
      source.onChange(({ kind }) => {
        if (kind === 'Namespace' || kind === 'Pod') this.#burst.signal();
      }),
      trustBundle.subscribe(() => this.look()),
    ];
    void Promise.all([source.synced, ...this.watches().map((watch) => watch.synced)]).then(() => {
      this.#synced = true;
      this.look();
      return undefined;
    });
  }

  watches(): Reflector<ConfigMap>[] {
    return Object.values(this.#watches).flat();
  }

  start(): void {
    for (const watch of this.watches()) watch.start();
  }

  /** Looks at everything again: the bundle changed, or who leads. */
  look(): void {
    this.#survey();
    for (const namespace of this.#wanted) this.queue.add(namespace);
    for (const watch of this.watches())
      for (const { metadata } of watch.values()) this.#add(metadata.namespace);
  }

  /** Whether every namespace with sidecars has the bundle, byte for byte. */
  isPublished(bundle: string): boolean {
    if (!this.#synced) return false;
    return [...this.#wanted].every(
      (namespace) => this.#find(namespace, CA_CONFIG_MAP)?.data?.[CA_KEY] === bundle,
    );
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#burst.cancel();
    await Promise.all(this.watches().map((watch) => watch.stop()));
    await this.queue.stop();
  }

  #find(namespace: string, name: Name): ConfigMap | undefined {
    for (const watch of this.#watches[name]) {
      const found = watch.get(`${namespace}/${name}`);
      if (found) return found;
    }
    return undefined;
  }

  #watchAll(name: Name): Reflector<ConfigMap>[] {
    const { namespaces } = this.#options;
    if (namespaces.includes(ALL_NAMESPACES)) return [this.#watch(name, '/api/v1/configmaps')];
    return namespaces.map((each) => this.#watch(name, `/api/v1/namespaces/${each}/configmaps`));
  }

  /** Lists of one name, so that the operator need not be allowed to read the ConfigMaps of others. */
  #watch(name: Name, path: string): Reflector<ConfigMap> {
    const { client, clock, random, log, observer } = this.#options;
    return new Reflector<ConfigMap>({
      client,
      clock,
      random,
      log,
      observer,
      resource: 'configmaps',
      apiVersion: 'v1',
      kind: 'ConfigMap',
      path,
      fieldSelector: `metadata.name=${name}`,
      project: (object) => object,
      onChange: ({ before, after }) => this.#add((after ?? before)?.metadata.namespace),
    });
  }

  #add(namespace: string | undefined): void {
    if (this.#synced && namespace !== undefined) this.queue.add(namespace);
  }

  /** Which namespaces want them; those for which that changed are looked at. */
  #survey(): void {
    if (!this.#synced) return;
    const { namespaces, pods } = this.#options.source.resources();
    const optedIn = namespaces.filter(isOptedIn).map(({ name }) => name);
    const known = new Set(namespaces.map(({ name }) => name));
    const wanted = new Set([...optedIn, ...pods.map(({ namespace }) => namespace)]);
    for (const namespace of wanted) {
      if (this.#excluded.has(namespace) || !known.has(namespace)) wanted.delete(namespace);
    }
    const before = this.#wanted;
    this.#wanted = wanted;
    for (const namespace of before.symmetricDifference(wanted)) this.queue.add(namespace);
  }

  async #reconcile(namespace: string): Promise<number | undefined> {
    const { clock, isLeader, log } = this.#options;
    if (!this.#synced || !isLeader()) return undefined;
    const due = NAMES.filter((name) => this.#isDue(namespace, name));
    if (due.length === 0) {
      if (!this.#wanted.has(namespace)) this.#writtenAt.delete(namespace);
      return undefined;
    }
    const sinceMs = clock.monotonic() - (this.#writtenAt.get(namespace) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < REPAIR_MS) return REPAIR_MS - sinceMs;
    this.#writtenAt.set(namespace, clock.monotonic());
    for (const name of due) {
      if (this.#wanted.has(namespace)) await this.#apply(namespace, name);
      else await this.#remove(namespace, name);
    }
    log.debug({ namespace, configMaps: due }, 'brought the objects of a namespace up to date');
    return undefined;
  }

  #desired(name: Name): Record<string, string> | undefined {
    if (name === ENV_CONFIG_MAP) return appEnvironment(this.#options.settings.port);
    const bundle = this.#options.trustBundle.current;
    return bundle === undefined ? undefined : { [CA_KEY]: bundle };
  }

  #isDue(namespace: string, name: Name): boolean {
    const found = this.#find(namespace, name);
    if (!this.#wanted.has(namespace)) return isOurs(found);
    const desired = this.#desired(name);
    if (desired === undefined) return false;
    return !isOurs(found) || Object.entries(desired).some(([key, value]) => found?.data?.[key] !== value);
  }

  async #apply(namespace: string, name: Name): Promise<void> {
    const { client, log } = this.#options;
    const data = this.#desired(name);
    if (data === undefined) return;
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    try {
      await client.json({
        method: 'PATCH',
        path,
        query: { fieldManager: FIELD_MANAGER, force: true },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: LABELS }, data },
      });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A namespace that is going takes nothing new, and one that is gone needs nothing.
      if (error.status === 404 || (error.status === 403 && /being terminated/.test(error.message))) return;
      if (error.status !== 422) throw error;
      // Somebody made it immutable: only another one can have other content.
      log.warn({ namespace, name, error: error.message }, 'a ConfigMap cannot be changed; it is made anew');
      await client.json({ method: 'DELETE', path });
      throw error;
    }
  }

  async #remove(namespace: string, name: Name): Promise<void> {
    const { client } = this.#options;
    const uid = this.#find(namespace, name)?.metadata.uid;
    try {
      await client.json({
        method: 'DELETE',
        path: `/api/v1/namespaces/${namespace}/configmaps/${name}`,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', ...(uid ? { preconditions: { uid } } : {}) },
      });
    } catch (error) {
      // Gone already, or another one by now, which is looked at on its own.
      if (!(error instanceof ApiError && (error.status === 404 || error.status === 409))) throw error;
    }
  }
}

function isOurs(object: ConfigMap | undefined): boolean {
  const labels = object?.metadata.labels ?? {};
  return Object.entries(LABELS).every(([name, value]) => labels[name] === value);
}
