/** What goes into `compile` and what comes out of it. Data and pure functions only: no clock, no I/O, no secrets in snapshots. */
import type { KubeObject } from '../../crds/common.ts';
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import type { CredentialSet, ItemId, Snapshot, SnapshotItem } from '../../sidecar/snapshot/schema.ts';
import type { KnownVectors, VectorsWanted } from './example-vectors.ts';
import type { Mint, Tokens } from './mints.ts';
import type { WatchedBudget } from './watched-budgets.ts';

/**
 * Everything `watch` (or the file source) knows at one moment, in any order. A changed object is another object: none is
 * changed in place, so what was made of one is remembered with it.
 */
export interface Resources {
  routes: readonly LLMRoute[];
  providers: readonly LLMProvider[];
  /** Unset: none. */
  policies?: readonly LLMPolicy[];
  /**
   * Secrets labelled `outrider.dev/provider-credential: "true"`. The label is checked again here; a Secret without it is
   * never read, it only makes the message exact.
   */
  secrets: readonly SecretObject[];
  namespaces: readonly NamespaceInfo[];
  /** Running pods with a sidecar. */
  pods: readonly Workload[];
}

/** `data` values are base64, `stringData` (manifests on disk) plain. */
export type SecretObject = KubeObject & {
  data?: Record<string, string>;
  stringData?: Record<string, string>;
};

export interface NamespaceInfo {
  name: string;
  labels: Readonly<Record<string, string>>;
}

/** A pod with a sidecar. Only `namespace` and `labels` decide what it runs. */
export interface Workload {
  namespace: string;
  name: string;
  uid: string;
  labels: Readonly<Record<string, string>>;
  /** Since when its sidecar runs, in milliseconds since the epoch; absent while it does not. Read by `status` only. */
  runningSince?: number;
  /** It was told to go: still served, no longer expected to follow. Read by `status` only. */
  terminating?: boolean;
}

/** The version of snapshots, and how an item is said in the version before. */
export interface Contract {
  version: number;
  /**
   * PURE. Gives the item as sidecars of the previous version read it. What they could not enforce keeps a feature in `requires`
   * that they lack, so that they refuse it instead of going on with an older, looser body. Unset: there is no previous version.
   */
  previous?: (item: SnapshotItem) => SnapshotItem;
}

export interface CompileOptions {
  /** Namespaces that may export providers and routes; earlier ones win where two export a provider of one name. */
  platformNamespaces: readonly string[];
  /** Namespaces whose labelled Secrets may be read; unset, or with `*` in it: all. */
  credentialsNamespaces?: readonly string[];
  /** Milliseconds since the epoch; decides only which dated prices hold. */
  now: number;
  /** Hosts that webhooks may be sent to; unset: that is not judged. */
  egressHosts?: readonly string[];
  /** What clouds gave for `mints`, by id of the credential. Unset: nothing yet. */
  tokens?: Tokens;
  /** Vectors of examples, by key of `vectorsWanted`. Unset: none. */
  vectors?: KnownVectors;
  /** Unset: the contract of this build. */
  contract?: Contract;
}

export interface Compiled {
  /**
   * What the workload should run, in the given version of the contract: the current one unless told. Workloads that select
   * the same set share one object. Throws RangeError for a version that is not served.
   */
  snapshotFor(workload: Workload, version?: number): Snapshot;
  /** Versions of the contract that are served, newest first. */
  readonly versions: readonly number[];
  /** Keys of the credentials that the workload's routes may use, and no others. */
  credentialsFor(workload: Workload): CredentialSet;
  /** Tokens to get from clouds, and to keep fresh. */
  readonly mints: readonly Mint[];
  /** Vectors of examples that routes would be handed out with. */
  readonly vectorsWanted: readonly VectorsWanted[];
  /** Budgets of all routes and policies that are valid, sorted by owner. */
  readonly budgets: readonly WatchedBudget[];
  /** One per route, provider and policy, sorted by kind, namespace, name. */
  verdicts: readonly Verdict[];
  /** Whether the route (`namespace/name`) is for the workload. */
  selects(routeKey: string, workload: Workload): boolean;
  /** Keys (`namespace/name`) of the routes that are for the workload, sorted. */
  routesOf(workload: Workload): readonly string[];
}

/** What the control plane itself can say of one object; `status` adds Ready, Programmed and the times. */
export interface Verdict {
  kind: 'LLMRoute' | 'LLMProvider' | 'LLMPolicy';
  namespace: string;
  name: string;
  uid: string;
  /** metadata.generation the verdict is about. */
  generation: number;
  /** Id of the object's item in snapshots; acknowledgements name it. Of a policy, which is in those of its routes: `policy/...`. */
  itemId: ItemId;
  /** Accepted and ResolvedRefs always, Conflicted on routes. */
  conditions: readonly VerdictCondition[];
  /** Providers: models that routes name, and whether their prices are known; at most 256, sorted by name. */
  models?: readonly { name: string; priced: boolean }[];
  /** Policies: how many routes are under it. */
  routes?: number;
}

export interface VerdictCondition {
  type: 'Accepted' | 'ResolvedRefs' | 'Conflicted';
  status: 'True' | 'False';
  /** A constant of `reasons.ts`. */
  reason: string;
  /** A sentence for a person; at most 4,096 characters. */
  message: string;
}
