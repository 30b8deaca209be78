/** What the sync server counts. The operator hands in an implementation over its metrics registry. */
import type { RefusalReason } from './identity.ts';

export interface SyncMetrics {
  /** Streams open now. */
  connected(count: number): void;
  /** One announcement written to one client. */
  pushed(): void;
  /** Milliseconds from the publication of a pod's snapshot to its acknowledgement. */
  acknowledged(ms: number): void;
  authenticationFailed(reason: RefusalReason): void;
  /** A stream was closed because its reader did not drain it. */
  slowClosed(): void;
  /** A sidecar older than the previous protocol version was answered 426. */
  outdatedRefused(version: number): void;
  /** Pods whose sidecar was refused last for its protocol. */
  outdated(pods: number): void;
  /** Usage rows that arrived in one report. */
  rowsReceived(count: number): void;
}

export const noMetrics: SyncMetrics = {
  connected: () => {},
  pushed: () => {},
  acknowledged: () => {},
  authenticationFailed: () => {},
  slowClosed: () => {},
  outdatedRefused: () => {},
  outdated: () => {},
  rowsReceived: () => {},
};
