/**
 * PURE: from what the sidecars say to the condition Programmed.
 *
 * A chain of questions; the first that has an answer gives the condition.
 */
import type { Condition } from '../../crds/common.ts';
import type { Finding } from './conditions.ts';
import {
  NO_PROXIES,
  PENDING,
  PROGRAMMED,
  PROXIES_UNREACHABLE,
  REJECTED,
  UNSUPPORTED_BY_PROXY,
} from './reasons.ts';

/** How a sidecar stands to an object. */
export type Standing =
  /** It runs this version of it. */
  | { state: 'Runs' }
  /** It has not said yet what it runs; what it starts on is the current version. */
  | { state: 'New' }
  /** It runs an older version, or nothing, and has not answered to this one yet. */
  | { state: 'Behind'; older: boolean }
  | Refusal;

interface Refusal {
  state: 'Refused';
  /** Item that it refused: the object's own, or one that the object needs. */
  item: string;
  reason: string;
  /** A newer sidecar would not refuse. */
  unsupported: boolean;
  /** An older version still runs. */
  older: boolean;
}

/** One sidecar that the object is for. Pods that were told to go are not among them. */
export interface ProxyFact {
  /** namespace/name */
  pod: string;
  connected: boolean;
  /** Milliseconds since its last sign of life, or since one could have been expected. */
  silentForMs: number;
  /** Milliseconds since its container started; undefined while it is not known to run. */
  runningForMs: number | undefined;
  standing: Standing;
}

/** Time as the operator that decides knows it; all in milliseconds. */
export interface ClockFacts {
  /** Since the epoch. */
  now: number;
  /** Since this replica leads. A new leader does not know yet who is merely on the way back to it. */
  leaderForMs: number;
  /** Since sidecars were found to be on their way to this version without a break; undefined if they were not until now. */
  pendingForMs: number | undefined;
  /** Since some sidecar, of whatever object, last took something new; undefined if none did. */
  followedMsAgo?: number | undefined;
  /** Since this object's status was last written by this replica; undefined if never. */
  writtenMsAgo: number | undefined;
}

export interface Waits {
  /** A leader's first span, in which silence and refusals prove nothing. */
  reconnectWindowMs: number;
  /** How long sidecars may take before the status says that they are still taking it; longer while the fleet follows. */
  pendingGraceMs: number;
}

export const DEFAULT_WAITS: Waits = { reconnectWindowMs: 30_000, pendingGraceMs: 1000 };

/** A pod counts when it runs this long or is connected, so that starting up is no fault. */
const STARTING_MS = 30_000;
const SILENT_MS = 60_000;
/**
 * A change for a whole fleet takes seconds, one sidecar after another. A status of each object that is on its way would double the
 * writes just then; so while there is less than this between sidecars that took something new, it waits, for so long at the most.
 */
const FOLLOWING_MS = 500;
const FOLLOWED_MS = 10_000;

type Decision =
  | { kind: 'Set'; finding: Finding; pending: boolean }
  /** The stored condition stays as it is. */
  | { kind: 'Keep'; pending: boolean }
  /** Nothing at all is written for now. */
  | { kind: 'Wait'; pending: true };

export interface Judgement {
  decision: Decision;
  expected: ProxyFact[];
  /** Milliseconds after which the same facts may give another answer; undefined if they never do. */
  againInMs: number | undefined;
}

export function judgeProgrammed(
  stored: Condition | undefined,
  generation: number,
  proxies: readonly ProxyFact[],
  clock: ClockFacts,
  waits: Waits,
): Judgement {
  const expected = proxies.filter(isExpected);
  const again = new Soonest();
  for (const { connected, runningForMs, silentForMs } of proxies) {
    if (!connected && runningForMs !== undefined) again.after(STARTING_MS - runningForMs);
    again.after(SILENT_MS + 1 - silentForMs);
  }
  const decision = decide(stored, generation, expected, clock, waits, again);
  return { decision, expected, againInMs: again.ms };
}

function decide(
  stored: Condition | undefined,
  generation: number,
  expected: readonly ProxyFact[],
  { leaderForMs, pendingForMs = 0, followedMsAgo = FOLLOWING_MS }: ClockFacts,
  waits: Waits,
  again: Soonest,
): Decision {
  const finding = judge(stored, generation, expected);
  const pending = finding.reason === PENDING;
  const followingMs = Math.min(FOLLOWING_MS - followedMsAgo, FOLLOWED_MS - pendingForMs);
  const graceMs = Math.max(waits.pendingGraceMs - pendingForMs, followingMs);
  if (pending && graceMs > 0) {
    again.after(graceMs);
    return { kind: 'Wait', pending };
  }
  const windowMs = waits.reconnectWindowMs - leaderForMs;
  if (finding.status !== 'True' && stored && windowMs > 0) {
    again.after(windowMs);
    return { kind: 'Keep', pending };
  }
  return { kind: 'Set', finding, pending };
}

function judge(stored: Condition | undefined, generation: number, expected: readonly ProxyFact[]): Finding {
  const refusals = expected.flatMap(({ pod, standing }) =>
    standing.state === 'Refused' ? [{ pod, ...standing }] : [],
  );
  const [first] = refusals;
  if (first) {
    const reason = refusals.every(({ unsupported }) => unsupported) ? UNSUPPORTED_BY_PROXY : REJECTED;
    return is(
      'False',
      reason,
      `${first.pod} refuses ${first.item}: ${first.reason}${others(refusals.length)}`,
    );
  }
  if (expected.length === 0) return is('True', NO_PROXIES, 'no running sidecar is meant');
  const silent = expected.filter(({ silentForMs }) => silentForMs > SILENT_MS);
  if (silent[0]) {
    const message = `${silent[0].pod} has not been heard of for a minute${others(silent.length)}`;
    return is('Unknown', PROXIES_UNREACHABLE, message);
  }
  const missing = expected.filter(({ standing }) => standing.state !== 'Runs');
  if (!missing[0]) return is('True', PROGRAMMED, 'all sidecars run this generation');
  const held = stored?.status === 'True' && stored.observedGeneration === generation;
  if (held && missing.every(({ standing }) => standing.state === 'New')) {
    // Sidecars that start now start on this generation; they take nothing back of what was reached.
    return missing.length === expected.length
      ? is('True', stored.reason, stored.message)
      : is('True', PROGRAMMED, 'all sidecars run this generation');
  }
  const message = `waiting for ${missing[0].pod}${others(missing.length)}`;
  return is('Unknown', PENDING, message);
}

function is(status: Finding['status'], reason: string, message: string): Finding {
  return { type: 'Programmed', status, reason, message };
}

function others(count: number): string {
  return count > 1 ? `, and ${count - 1} more` : '';
}

function isExpected({ connected, runningForMs }: ProxyFact): boolean {
  return connected || (runningForMs ?? 0) >= STARTING_MS;
}

/** The soonest of several moments to come. */
class Soonest {
  ms: number | undefined;

  after(ms: number): void {
    if (ms > 0 && (this.ms === undefined || ms < this.ms)) this.ms = ms;
  }
}
