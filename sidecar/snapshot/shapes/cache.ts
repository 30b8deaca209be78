/** What a rule keeps of its answers, and to whom it may give them again. */
import type { AskedModelBody } from './signals.ts';

export interface CacheBody {
  /** Answers to requests that are the same. Absent: none of those. At least one of `exact` and `semantic` is there. */
  exact?: {
    /** Requests that are the same and under way at once are sent once. */
    singleFlight: boolean;
  };
  /** Answers to requests that mean the same. */
  semantic?: SemanticCacheBody;
  ttlMs: number;
  /** Of all answers of the rule, in each sidecar. Absent: as much as the sidecar has for its cache. */
  maxBytes?: number;
  /** A longer answer is not kept. */
  maxAnswerBytes: number;
  scope: CacheScopeBody;
  /** Answers that a model drew by chance are kept too. Absent: they are not. */
  sampled?: 'Allow';
  /** `cache-control` of requests is not heeded. Absent: it is. */
  requestControl?: 'Ignore';
}

/** Who shares answers where sidecars share a store: the pods of one workload, of a namespace, or all of the route. */
interface CacheScopeBody {
  type: 'Workload' | 'Namespace' | 'Route';
  /** Lower-case names: requests share answers only where they are the same in all of them, and there. */
  headers: string[];
}

export interface SemanticCacheBody {
  embeddings: Omit<AskedModelBody, 'cacheMs'> & { dimensions?: number };
  /** Cosine in percent from which a question counts as one that was answered. */
  minSimilarityPercent: number;
  /** Of the rule, in each sidecar. */
  maxEntries: number;
}
