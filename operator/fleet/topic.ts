/** What the leader makes of one topic of the reports, and what it tells pods of it. */
import type { FleetTopicName } from '../../sidecar/snapshot/fleet/messages.ts';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import type { LivePod } from '../sync/pods.ts';

/** Who is told, and all that it may know of: what its snapshot names. */
export interface HintAudience {
  readonly pod: LivePod;
  readonly snapshot: Snapshot;
}

export interface FleetTopic {
  readonly name: FleetTopicName;
  /**
   * Merges what a pod says it learnt; comes once for each number. It is any JSON and may be a lie: false for what is not
   * of the agreed form, and nothing of it is merged. What it names and the pod's snapshot does not is to be left aside.
   * `now` is in milliseconds of the operator's monotonic clock.
   */
  accept(audience: HintAudience, value: unknown, now: number): boolean;
  /** All that the audience may know now; undefined: nothing. */
  hintsFor(audience: HintAudience, now: number): unknown;
  /** The pod is gone. */
  forget(uid: string): void;
}
