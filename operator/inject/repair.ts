/**
 * Sees to it that no pod is missed silently: an Event on each pod that should have a sidecar and has none, a metric, and, only where
 * that is asked for, eviction, so that its controller makes another one.
 */
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { EventSink } from '../events.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { ApiError } from '../watch/api-error.ts';
import type { Log } from '../watch/log.ts';
import { type RunResult, WorkQueue } from '../watch/queue.ts';
import { EvictionPace, type Replaceable } from './eviction-pace.ts';
import type { Uninjected, UninjectedReason } from './uninjected.ts';
import type { UninjectedPod } from './uninjected-pods.ts';

export type EvictionResult = 'Evicted' | 'Blocked' | 'Gone' | 'Failed';

export interface RepairOptions {
  /** Pods that something is to be said of. */
  pods: {
    get(key: string): UninjectedPod | undefined;
    values(): Iterable<UninjectedPod & { verdict: Uninjected }>;
  };
  events: EventSink;
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  isLeader: () => boolean;
  /** Pods evicted in a minute at most; unset: none ever. */
  evictionsPerMinute?: number;
  onRun?: (result: RunResult, milliseconds: number) => void;
  onEviction?: (result: EvictionResult) => void;
}

/** As long as a pod has none, it is said again; events are kept for an hour. */
const REMIND_MS = 30 * 60_000;
/** A budget of disruption that is used up may be free again soon. */
const BLOCKED_MS = 30_000;
const BACKOFF = { baseMs: 500, maxMs: 10 * 60_000 };

export class Repair {
  readonly queue: WorkQueue;
  readonly #options: RepairOptions;
  readonly #pace: EvictionPace | undefined;
  /** When each pod was spoken of last, so that waiting for a turn is not told each time. */
  readonly #told = new Map<string, { uid: string; at: number }>();

  constructor(options: RepairOptions) {
    this.#options = options;
    const { clock, random, log, evictionsPerMinute, onRun } = options;
    this.#pace = evictionsPerMinute === undefined ? undefined : new EvictionPace(evictionsPerMinute);
    this.queue = new WorkQueue({
      name: 'repair',
      handle: (key) => this.#reconcile(key),
      clock,
      random,
      log,
      // Turns are given one after the other.
      concurrency: 1,
      backoff: BACKOFF,
      ...(onRun ? { observe: onRun } : {}),
    });
  }

  /** Looks at a pod, by `namespace/name`. */
  changed(key: string): void {
    this.queue.add(key);
  }

  /** Looks at everything again, as after a change of leadership. */
  look(): void {
    for (const { metadata } of this.#options.pods.values()) {
      this.queue.add(`${metadata.namespace}/${metadata.name}`);
    }
  }

  /** Pods by reason, for metrics. */
  counts(): Map<UninjectedReason, number> {
    const counts = new Map<UninjectedReason, number>();
    for (const { verdict } of this.#options.pods.values()) {
      counts.set(verdict.reason, (counts.get(verdict.reason) ?? 0) + 1);
    }
    return counts;
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  async #reconcile(key: string): Promise<number | undefined> {
    const { pods, clock, isLeader } = this.#options;
    if (!isLeader()) return undefined;
    const pod = pods.get(key);
    if (!pod?.verdict) {
      this.#told.delete(key);
      return undefined;
    }
    const { verdict } = pod;
    const now = clock.monotonic();
    const uid = pod.metadata.uid ?? '';
    let told = this.#told.get(key);
    if (told?.uid !== uid || now - told.at >= REMIND_MS) {
      told = { uid, at: now };
      this.#told.set(key, told);
      this.#tell(pod, verdict);
    }
    const remindMs = told.at + REMIND_MS - now;
    const { replacedBy } = verdict;
    if (!this.#pace || !replacedBy) return remindMs;
    return Math.min(remindMs, await this.#evictInTurn(this.#pace, pod, { uid, owner: replacedBy.uid }));
  }

  /** @returns milliseconds until the next look */
  async #evictInTurn(pace: EvictionPace, pod: UninjectedPod, subject: Replaceable): Promise<number> {
    const { clock, log, onEviction } = this.#options;
    const siblings = () => this.#siblings(subject.owner);
    const turn = pace.turn(subject, siblings, clock.monotonic());
    if (turn.kind === 'Later') return turn.ms;
    if (turn.kind === 'Hopeless') {
      if (turn.first) this.#tellHopeless(pod);
      return turn.ms;
    }
    pace.asked(clock.monotonic());
    let result: EvictionResult = 'Failed';
    try {
      result = await this.#evict(pod);
    } finally {
      onEviction?.(result);
    }
    const { namespace, name } = pod.metadata;
    if (result === 'Evicted') {
      pace.evicted(subject, siblings(), clock.monotonic());
      log.info({ namespace, name }, 'evicted a pod without a sidecar');
    }
    return BLOCKED_MS;
  }

  #siblings(owner: string): Set<string> {
    const siblings = new Set<string>();
    for (const { verdict, metadata } of this.#options.pods.values()) {
      if (verdict.replacedBy?.uid === owner) siblings.add(metadata.uid ?? '');
    }
    return siblings;
  }

  async #evict({ metadata: { namespace, name, uid } }: UninjectedPod): Promise<EvictionResult> {
    try {
      await this.#options.client.json({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/pods/${name}/eviction`,
        body: {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name, namespace },
          // The pod that was judged, and no other that has taken its name.
          deleteOptions: { preconditions: { uid } },
        },
      });
      return 'Evicted';
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 429) return 'Blocked';
      if (error.status === 404 || error.status === 409) return 'Gone';
      throw error;
    }
  }

  #tell(pod: UninjectedPod, { reason, message }: Uninjected): void {
    const somebodyShouldAct = reason === 'Missing' || reason === 'Refused' || reason === 'Unlabelled';
    this.#emit(
      pod,
      somebodyShouldAct ? 'Warning' : 'Normal',
      somebodyShouldAct ? 'SidecarMissing' : 'SidecarSkipped',
      message,
    );
  }

  #tellHopeless(pod: UninjectedPod): void {
    const note =
      'pods are not evicted for now: one that took the place of an evicted pod has no sidecar either, so injection does not work';
    this.#options.log.warn({ namespace: pod.metadata.namespace, name: pod.metadata.name }, note);
    this.#emit(pod, 'Warning', 'EvictionInVain', note);
  }

  #emit(pod: UninjectedPod, type: 'Normal' | 'Warning', reason: string, note: string): void {
    const { namespace = '', name, uid = '' } = pod.metadata;
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
    this.#options.events.emit({ regarding, type, reason, action: 'Inject', note });
  }
}
