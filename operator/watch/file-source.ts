/**
 * Manifests on disk as a source: what a cluster would hold had they been applied there, for one laptop and no API server.
 *
 * Reads again on every change. Never fails for what stands in the files: see `manifest-set.ts` for what then counts.
 */
import type { KubeObject } from '../../crds/common.ts';
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import { readManifests } from '../../crds/manifests.ts';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { NamespaceInfo, Resources, SecretObject, Workload } from '../compile/types.ts';
import { type Environment, type MissingKey, withEnvironment } from './env-secrets.ts';
import { FileWatcher } from './file-watcher.ts';
import { describeError, type Log } from './log.ts';
import {
  EMPTY_SET,
  type FileProblem,
  keyOf,
  type ManifestObject,
  type ManifestSet,
  nextManifests,
} from './manifest-set.ts';
import type { ResourceKind, Source, SourceChange, SourceHealth, SourceKind } from './source.ts';

export type { FileProblem } from './manifest-set.ts';

export interface FileSourceOptions {
  /** Files and directories. */
  paths: readonly string[];
  clock: Clock;
  log: Log;
  /** Where keys are looked up that no file holds; see `env-secrets.ts` for the rule. */
  env: Environment;
  /** Namespace of objects that name none; `default` unless told. */
  defaultNamespace?: string;
  /** The sidecars that the manifests are for. */
  workloads?: readonly Workload[];
  pollMs?: number;
}

interface Held {
  object: KubeObject;
  fingerprint: string;
}

export class FileSource implements Source {
  readonly synced: Promise<void>;
  readonly #options: FileSourceOptions;
  readonly #watcher: FileWatcher;
  readonly #listeners = new Set<(change: SourceChange) => void>();
  readonly #reloadListeners = new Set<(problems: readonly FileProblem[]) => void>();
  #markSynced: () => void = () => {};
  #hasSynced = false;
  #set: ManifestSet = EMPTY_SET;
  #held = new Map<string, Held>();
  #problems: readonly FileProblem[] = [];
  #resources: Resources | undefined;

  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
    const { paths, clock, pollMs } = options;
    this.#watcher = new FileWatcher({
      paths,
      clock,
      onChange: () => this.#reloadOrLog(),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  /** Resolves when everything was read once; rejects with what a listener threw. */
  async start(): Promise<void> {
    await this.#watcher.start();
    await this.#reload();
  }

  stop(): Promise<void> {
    return this.#watcher.stop();
  }

  /** What is wrong with the files now; what counts instead is said in `manifest-set.ts`. */
  problems(): readonly FileProblem[] {
    return this.#problems;
  }

  /** Called after every reading, with what is wrong. */
  onReload(listener: (problems: readonly FileProblem[]) => void): () => void {
    this.#reloadListeners.add(listener);
    return () => this.#reloadListeners.delete(listener);
  }

  /** Where an object stands, or a field of it: what is said of it can name the place. */
  place(
    kind: string,
    namespace: string,
    name: string,
    field?: string,
  ): { file: string; line: number } | undefined {
    const found = this.#set.objects.get(keyOf({ apiVersion: '', kind, metadata: { namespace, name } }));
    return found && { file: found.file, line: found.lineOf(field) };
  }

  resources(): Resources {
    this.#resources ??= this.#gather();
    return this.#resources;
  }

  object(kind: ResourceKind, key: string): LLMRoute | LLMProvider | LLMPolicy | undefined {
    return this.#held.get(`${kind} ${key}`)?.object as LLMRoute | LLMProvider | LLMPolicy | undefined;
  }

  pod(uid: string): Workload | undefined {
    return this.#options.workloads?.find((workload) => workload.uid === uid);
  }

  onChange(listener: (change: SourceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  health(): SourceHealth[] {
    const [first] = this.#problems;
    const error = first && `${first.file}:${first.line}: ${first.message}`;
    return [{ name: 'manifests', synced: this.#hasSynced, error }];
  }

  /** Whoever listens may fail; the next change finds them listening again. */
  async #reloadOrLog(): Promise<void> {
    try {
      await this.#reload();
    } catch (error) {
      this.#options.log.error(
        { error: describeError(error) },
        'a change of the manifests could not be taken',
      );
    }
  }

  async #reload(): Promise<void> {
    const { paths, env, defaultNamespace = 'default' } = this.#options;
    this.#set = nextManifests(this.#set, await readManifests(paths), defaultNamespace);
    const objects = [...this.#set.objects.values()].map(({ object }) => object);
    const providers = objects.filter((object): object is LLMProvider => object.kind === 'LLMProvider');
    const completed = withEnvironment(objects.filter(isSecret).map(cleanSecret), providers, env);
    const rest = objects.filter((object) => object.kind !== 'Secret');
    this.#problems = [
      ...this.#set.problems,
      ...completed.missing.map((missing) => missingKey(missing, this.#set.objects)),
    ];
    this.#hold([...rest, ...completed.secrets]);
    this.#hasSynced = true;
    this.#markSynced();
    for (const listener of this.#reloadListeners) listener(this.#problems);
  }

  /** Numbers the generations as the API server would, and tells what changed. */
  #hold(objects: readonly KubeObject[]): void {
    const before = this.#held;
    this.#held = new Map();
    const changes: SourceChange[] = [];
    const changed = ({ kind, metadata: { namespace, name } }: KubeObject) => {
      const key = namespace ? `${namespace}/${name}` : name;
      changes.push({ kind: kind as SourceKind, key, effect: 'Content', uid: '' });
    };
    for (const object of objects) {
      const key = keyOf(object);
      const old = before.get(key);
      const fingerprint = JSON.stringify(object);
      if (old?.fingerprint === fingerprint) {
        this.#held.set(key, old);
        continue;
      }
      this.#held.set(key, { object: numbered(object, old?.object), fingerprint });
      changed(object);
    }
    for (const [key, { object }] of before) if (!this.#held.has(key)) changed(object);
    this.#resources = undefined;
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }

  #gather(): Resources {
    const of = (kind: string) =>
      [...this.#held.values()].flatMap(({ object }) => (object.kind === kind ? [object] : []));
    return {
      routes: of('LLMRoute') as LLMRoute[],
      providers: of('LLMProvider') as LLMProvider[],
      policies: of('LLMPolicy') as LLMPolicy[],
      secrets: of('Secret'),
      namespaces: this.#namespaces(),
      pods: this.#options.workloads ?? [],
    };
  }

  /** Those in the files, and those that are only named there: nobody writes a Namespace for a laptop. */
  #namespaces(): NamespaceInfo[] {
    const found = new Map<string, Record<string, string>>();
    const named = (name: string | undefined, labels: unknown = {}) => {
      if (!name) return;
      const own = { 'kubernetes.io/metadata.name': name };
      found.set(name, { ...found.get(name), ...strings(labels), ...own });
    };
    for (const { object } of this.#held.values()) {
      if (object.kind === 'Namespace') named(object.metadata.name, object.metadata.labels);
      else named(object.metadata.namespace);
    }
    for (const { namespace } of this.#options.workloads ?? []) named(namespace);
    return [...found].map(([name, labels]) => ({ name, labels }));
  }
}

/** A file may say what it wants; uid and generation are what an API server would give. */
function numbered(object: KubeObject, old: KubeObject | undefined): KubeObject {
  const spec = (o: KubeObject | undefined) => JSON.stringify(o?.spec);
  const before = old?.metadata.generation ?? 0;
  const generation = old && spec(old) === spec(object) ? before : before + 1;
  // A manifest copied out of a cluster brings that cluster's bookkeeping along. A version that never moves would hide a new key.
  const { resourceVersion: _version, deletionTimestamp: _deleted, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, uid: `file:${keyOf(object)}`, generation } };
}

function isSecret(object: KubeObject): object is SecretObject {
  return object.kind === 'Secret';
}

function cleanSecret({ apiVersion, kind, metadata, data, stringData }: SecretObject): SecretObject {
  return { apiVersion, kind, metadata, data: strings(data), stringData: strings(stringData) };
}

function strings(map: unknown): Record<string, string> {
  if (typeof map !== 'object' || map === null) return {};
  return Object.fromEntries(
    Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function missingKey(
  { provider, path, secret, key, variables }: MissingKey,
  objects: ReadonlyMap<string, ManifestObject>,
): FileProblem {
  const { namespace, name } = provider.metadata;
  const place = objects.get(keyOf(provider));
  return {
    file: place?.file ?? '',
    line: place?.lineOf(path) ?? 0,
    subject: `LLMProvider ${namespace}/${name} ${path}`,
    message: `no Secret "${secret}" with key "${key}" is in the manifests; add one, or set ${variables.join(' or ')}`,
  };
}
