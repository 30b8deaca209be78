/** Where the operator's knowledge comes from: the Kubernetes API, or files on a laptop. Everything behind this interface is the same. */
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import type { Resources, Workload } from '../compile/types.ts';

/** Kinds of ours. */
export type ResourceKind = 'LLMRoute' | 'LLMProvider' | 'LLMPolicy';
export type SourceKind = ResourceKind | 'Secret' | 'Namespace' | 'Pod';

export interface SourceChange {
  kind: SourceKind;
  /** `namespace/name`, or the name of a Namespace. */
  key: string;
  /** Content: something that `compile` reads. Status: only what is observed about the object. */
  effect: 'Content' | 'Status';
  /** uid of a Pod; empty for other kinds. */
  uid: string;
}

/** One list that the source keeps, as readiness and metrics see it. */
export interface SourceHealth {
  /** Such as `llmroutes` or `secrets in shop`. */
  name: string;
  synced: boolean;
  /** Why it is not following changes at this moment; undefined while it is. */
  error: string | undefined;
}

export interface Source {
  /** Begins to read. Resolves when reading is under way, not when it is complete. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Resolves when `resources` is complete for the first time. Before that nothing may be compiled from it: what is merely
   * not read yet would look deleted.
   */
  readonly synced: Promise<void>;
  resources(): Resources;
  /** A route, provider or policy by `namespace/name`, with the status it has now. */
  object(kind: ResourceKind, key: string): LLMRoute | LLMProvider | LLMPolicy | undefined;
  /** A pod with a sidecar that lives. */
  pod(uid: string): Workload | undefined;
  /** Called after a change, never before `resources` shows it. Returns the way to stop listening. */
  onChange(listener: (change: SourceChange) => void): () => void;
  health(): SourceHealth[];
}
