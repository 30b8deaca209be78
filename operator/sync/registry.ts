/**
 * Who is connected, what they were told to run and what they say they run. `sync` writes it, `status` and metrics read.
 *
 * A state is immutable and replaced as a whole, so a reader may keep one. Entries exist for live pods only: a pod that
 * is deleted takes its entry along, which bounds the table by the number of injected pods.
 */
import type { Acknowledgement } from '../../sidecar/snapshot/messages.ts';

export interface ProxyPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Times are milliseconds of the server's monotonic clock. */
export interface ProxyState {
  readonly pod: ProxyPod;
  readonly labels: Readonly<Record<string, string>>;
  /** It holds a stream to this replica, or reported here within its report window while another replica streams. */
  readonly connected: boolean;
  /** Undefined while not connected. */
  readonly connectedSince: number | undefined;
  /** Last sign of life: stream opened, body fetched, report received. */
  readonly lastSeen: number;
  /** Undefined while connected. */
  readonly disconnectedAt: number | undefined;
  /** Hash the pod should run, as announced; undefined before anything was published. */
  readonly sentHash: string | undefined;
  /** Last acknowledgement; undefined until the first report reaches this replica. */
  readonly ack: Acknowledgement | undefined;
  /** Empty until the first report. */
  readonly proxyVersion: string;
  readonly features: readonly string[];
  /** Hash of the authorities it trusts this operator by; undefined where it does not say. */
  readonly trustBundle?: string | undefined;
  /** Its protocol is too old to be served: it was answered 426 and runs what it has until its pod is restarted. */
  readonly outdated: boolean;
}

export interface ProxyRegistry {
  list(): ProxyState[];
  get(uid: string): ProxyState | undefined;
  /** Called after a state of `uid` was added, replaced or removed; returns the way to stop listening. */
  onChange(listener: (uid: string) => void): () => void;
}

/** Versions of sidecars that meet in a fleet. */
const MAX_SHARED = 8;

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((each, i) => each === b[i]));

/** The writable table behind the registry; only the sync server holds it. */
export class ProxyTable implements ProxyRegistry {
  readonly #states = new Map<string, ProxyState>();
  readonly #listeners = new Set<(uid: string) => void>();
  readonly #features: (readonly string[])[] = [];

  list(): ProxyState[] {
    return [...this.#states.values()];
  }

  get(uid: string): ProxyState | undefined {
    return this.#states.get(uid);
  }

  onChange(listener: (uid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds the pod or changes the named fields of its state. */
  merge(pod: ProxyPod, change: Partial<Omit<ProxyState, 'pod'>>, now: number): void {
    const before = this.#states.get(pod.uid) ?? {
      pod: { namespace: pod.namespace, name: pod.name, uid: pod.uid },
      labels: {},
      connected: false,
      connectedSince: undefined,
      lastSeen: now,
      disconnectedAt: now,
      sentHash: undefined,
      ack: undefined,
      proxyVersion: '',
      features: [],
      outdated: false,
    };
    const features = this.#shared(change.features ?? before.features);
    this.#states.set(pod.uid, Object.freeze({ ...before, ...change, features }));
    this.#notify(pod.uid);
  }

  remove(uid: string): void {
    if (this.#states.delete(uid)) this.#notify(uid);
  }

  /** Each report brings its own copy of what all sidecars of one version say. */
  #shared(features: readonly string[]): readonly string[] {
    const known = this.#features.find((each) => sameList(each, features));
    if (known) return known;
    if (this.#features.length >= MAX_SHARED) this.#features.shift();
    this.#features.push(features);
    return features;
  }

  #notify(uid: string): void {
    for (const listener of this.#listeners) listener(uid);
  }
}
