/**
 * Keeps the admission policies in the API server as the settings want them, for installations where no webhook injects.
 *
 * They are applied as a whole whenever one of them changes; applying what is there already changes nothing, so that does not go
 * round in circles. They belong to an object of the installation, and go when that goes: policies whose operator is gone would
 * go on injecting sidecars that nobody serves.
 */
import type { KubeObject } from '../../crds/common.ts';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { ApiError } from '../watch/api-error.ts';
import type { Log } from '../watch/log.ts';
import { type RunResult, TerminalError, WorkQueue } from '../watch/queue.ts';
import { Reflector, type WatchObserver } from '../watch/reflector.ts';
import { injectionPolicies } from './policy.ts';
import type { InjectionSettings } from './settings.ts';

export interface PolicyKeeperOptions {
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  observer: WatchObserver;
  settings: InjectionSettings;
  failurePolicy?: 'Fail' | 'Ignore';
  /** Name of the ClusterRole that the policies belong to; unset: nobody, and whoever uninstalls removes them. */
  ownerClusterRole?: string;
  isLeader: () => boolean;
  onRun?: (result: RunResult, milliseconds: number) => void;
}

const FIELD_MANAGER = 'outrider-injection';
const ROOT = '/apis/admissionregistration.k8s.io/v1';
const LABELS = { 'app.kubernetes.io/managed-by': 'outrider', 'app.kubernetes.io/component': 'injection' };
const SELECTOR = Object.entries(LABELS)
  .map(([name, value]) => `${name}=${value}`)
  .join(',');
const BACKOFF = { baseMs: 500, maxMs: 60_000 };
const ALL = 'policies';
/** Somebody who edits one each time it is put back must not be answered as fast as he can. */
const REPAIR_MS = 500;

export class PolicyKeeper {
  readonly queue: WorkQueue;
  readonly #options: PolicyKeeperOptions;
  readonly #policies: readonly KubeObject[];
  readonly #watches: Reflector<KubeObject>[];
  #appliedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
    const { clock, random, log, settings, failurePolicy, onRun } = options;
    this.#policies = injectionPolicies({
      settings,
      labels: LABELS,
      ...(failurePolicy ? { failurePolicy } : {}),
    });
    this.queue = new WorkQueue({
      name: 'injection policies',
      handle: () => this.#apply(),
      clock,
      random,
      log,
      backoff: BACKOFF,
      ...(onRun ? { observe: onRun } : {}),
    });
    this.#watches = [...new Set(this.#policies.map(({ kind }) => kind))].map((kind) => this.#watch(kind));
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
    this.look();
  }

  /** Looks at all of them, as after a change of leadership. */
  look(): void {
    this.queue.add(ALL);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.stop()));
    await this.queue.stop();
  }

  #watch(kind: string): Reflector<KubeObject> {
    const { client, clock, random, log, observer } = this.#options;
    return new Reflector<KubeObject>({
      client,
      clock,
      random,
      log,
      observer,
      resource: pluralOf(kind),
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind,
      path: `${ROOT}/${pluralOf(kind)}`,
      labelSelector: SELECTOR,
      // What they say is compared by the API server, when they are applied.
      project: ({ apiVersion, metadata: { name, resourceVersion = '' } }) => ({
        apiVersion,
        kind,
        metadata: { name, resourceVersion },
      }),
      onChange: () => this.look(),
    });
  }

  async #apply(): Promise<number | undefined> {
    const { client, clock, isLeader } = this.#options;
    if (!isLeader()) return undefined;
    const sinceMs = clock.monotonic() - this.#appliedAt;
    if (sinceMs < REPAIR_MS) return REPAIR_MS - sinceMs;
    this.#appliedAt = clock.monotonic();
    const ownerReferences = await this.#owners();
    for (const policy of this.#policies) {
      const { kind, metadata } = policy;
      try {
        await client.json({
          method: 'PATCH',
          path: `${ROOT}/${pluralOf(kind)}/${metadata.name}`,
          query: { fieldManager: FIELD_MANAGER, force: true },
          contentType: 'application/apply-patch+yaml',
          body: { ...policy, metadata: { ...metadata, ownerReferences } },
        });
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        throw new TerminalError(`the API server has no ${kind} of v1; it needs Kubernetes 1.36 or newer`, {
          cause: error,
        });
      }
    }
    return undefined;
  }

  async #owners(): Promise<object[]> {
    const { client, ownerClusterRole: name } = this.#options;
    if (name === undefined) return [];
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const owner = await client.json<KubeObject>({ path: `/apis/${apiVersion}/clusterroles/${name}` });
    return [{ apiVersion, kind: 'ClusterRole', name, uid: owner.metadata.uid }];
  }
}

const pluralOf = (kind: string): string => `${kind.toLowerCase().replace(/y$/, 'ie')}s`;
