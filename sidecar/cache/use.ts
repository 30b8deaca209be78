/** What the cache did for a request: what headers, rows, metrics, log and spans tell of it. */
import type { Candidate } from '../routing/plan.ts';
import type { Bypass } from './cacheable.ts';

/**
 * Hit: it was answered from the cache. Shared: with the answer to another request that was under way. Miss: it was asked
 * for. Bypass: the cache has no part in it.
 */
export type CacheResult = 'Hit' | 'Shared' | 'Miss' | 'Bypass';

export interface CacheUse {
  result: CacheResult;
  /** Of a bypass. */
  why?: Bypass;
  /** Of a hit: what told that it is the same question. */
  by?: 'Exact' | 'Semantic';
  /** Of a semantic hit: cosine of the two questions, in percent. */
  similarityPercent?: number;
  /** Of a hit: milliseconds since the answer was complete. */
  ageMs?: number;
  /** Who gave the answer first. Of hits and shared answers; of these once it is known. */
  served?: Served;
}

export interface Served {
  /** As the target is now. */
  candidate: Candidate;
  /** What the answer cost when it was asked for. Undefined: its price was unknown. */
  savedNanoUsd: bigint | undefined;
}

/** Words of the header. */
export const RESULT_WORDS: Readonly<Record<CacheResult, string>> = {
  Hit: 'hit',
  Shared: 'shared',
  Miss: 'miss',
  Bypass: 'bypass',
};
