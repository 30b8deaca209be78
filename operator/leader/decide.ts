/**
 * PURE: what a candidate does next, from what it saw of the Lease and when.
 *
 * Whether a holder is gone is judged by the local monotonic clock alone: the record did not change for as long as it says
 * that others must wait. Times written in it are somebody else's clock and are for people.
 */
import type { LeaseRecord } from './lease.ts';

export interface Observed {
  /** Undefined: there is no such object. */
  readonly record: LeaseRecord | undefined;
  /** Local monotonic milliseconds at which the record, or its absence, was first seen as it is; -Infinity: it never was. */
  readonly since: number;
}

export type Move =
  /** It is ours: write that we are still there. */
  | { kind: 'Renew'; record: LeaseRecord }
  | { kind: 'Take'; record: LeaseRecord; why: 'Free' | 'Expired' }
  /** There is none. Creating it is a claim: somebody may have deleted it under a leader that acts on without knowing. */
  | { kind: 'Create' }
  | { kind: 'Wait'; ms: number };

/** @param durationMs how long to wait where the record does not say */
export function nextMove(observed: Observed, self: string, now: number, durationMs: number): Move {
  const { record, since } = observed;
  const quietMs = now - since;
  if (!record) {
    // A leader under whom it was deleted puts it back; who is faster only unseats it.
    const patienceMs = durationMs / 3;
    return quietMs >= patienceMs ? { kind: 'Create' } : { kind: 'Wait', ms: patienceMs - quietMs };
  }
  if (record.holder === self) return { kind: 'Renew', record };
  if (record.holder === '') return { kind: 'Take', record, why: 'Free' };
  const waitMs = record.durationMs ?? durationMs;
  return quietMs >= waitMs
    ? { kind: 'Take', record, why: 'Expired' }
    : { kind: 'Wait', ms: waitMs - quietMs };
}

/** What is known after a look at the Lease. `at` is a moment not before the answer came: too late only means to wait longer. */
export function observe(before: Observed | undefined, record: LeaseRecord | undefined, at: number): Observed {
  if (!before && !record) return { record, since: Number.NEGATIVE_INFINITY };
  const unchanged = before !== undefined && before.record?.signature === record?.signature;
  return { record, since: unchanged ? before.since : at };
}
