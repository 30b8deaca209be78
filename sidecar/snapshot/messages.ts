/**
 * The messages of the sync protocol. All JSON over HTTPS/1.1, watchable with curl.
 *
 *   GET  /v1/stream                 text/event-stream: events `snapshot`, `credentials`, `hints`; comments as heartbeat
 *   GET  /v1/snapshots/{hash}       a Snapshot, gzip, immutable
 *   GET  /v1/credentials            a CredentialSet of the caller's identity, identity encoding, no-store
 *   POST /v1/report                 a Report, answered by a ReportAnswer; 421 + `x-outrider-leader` on a non-leader
 *
 * Every request carries `authorization: Bearer <projected token>` and `x-outrider-protocol: <version>`.
 *
 * A stream that is asked for with `connection: Upgrade` and `upgrade: outrider-stream` may be answered 101; the same events follow, without
 * chunks around them. Who asks takes 200 as well, and who does not ask, such as curl, gets 200.
 */
import type { FleetReport, Hints } from './fleet/messages.ts';
import type { BudgetDemand, BudgetLease } from './lease-messages.ts';
import type { RateAnswer, RateReport } from './rate-messages.ts';
import { SNAPSHOT_VERSION } from './schema.ts';

/**
 * Version of the protocol; a server talks its own and the previous one, and answers 426 to older ones. Messages and
 * snapshots have one version: the one that a sidecar states is also that of the snapshots it reads.
 */
export const PROTOCOL_VERSION: number = SNAPSHOT_VERSION;

/** Both sides state their protocol version in it, in every request and every answer. */
export const PROTOCOL_HEADER = 'x-outrider-protocol';

/** What a stream is upgraded to: the connection carries its events and nothing else from then on, so that neither side keeps a parser for it. */
export const BARE_STREAM = 'outrider-stream';

/** `host:port` of the leader, on 421. Its certificate must be valid for the name the sidecar was configured with. */
export const LEADER_HEADER = 'x-outrider-leader';

/** Longest silence of a stream in milliseconds: a comment is sent where no event is due. */
export const HEARTBEAT_MS = 15_000;

/** Bounds of a report: bytes of its JSON, exceptions named and rows carried in one. */
export const MAX_REPORT_BYTES = 2_097_152;
export const MAX_EXCEPTIONS = 1_000;
export const MAX_ROWS = 1_000;

/** Data of event `snapshot`: what the sidecar should run now. */
export interface SnapshotEvent {
  hash: string;
}

/** Data of event `credentials`: the version of the CredentialSet to fetch. */
export interface CredentialsEvent {
  version: string;
}

/** What a sidecar runs, told after every change and with every regular report. */
export interface Acknowledgement {
  /** Hash of the last snapshot that was evaluated; empty before the first. */
  hash: string;
  credentialsVersion: string;
  /** One entry per item that does not run as sent. Items not named here run their generation in `hash`. */
  exceptions: ItemException[];
}

export interface ItemException {
  id: string;
  /** Stale: an older body is kept. Rejected: the item is refused; requests for it answer 503. */
  state: 'Stale' | 'Rejected';
  /** Generation that runs instead; absent when none does. */
  runningGeneration?: number;
  reason: string;
}

export interface Report {
  /** Random per process start: (pod uid, epoch, seq) identifies a row for ever. */
  epoch: string;
  ack: Acknowledgement;
  /** Rows since the last acknowledged sequence number. */
  rows: unknown[];
  proxyVersion: string;
  features: string[];
  /** SHA-256 in hex of the CA file that the sidecar trusts the operator by. Absent from versions that do not tell, or without a file. */
  trustBundle?: string;
  /** What this pod learnt that others could use. Absent where there is nothing new, and from versions that do not tell. */
  fleet?: FleetReport;
  /** What this process needs of budgets. Absent: none applies to it, or it does not know of them. */
  demands?: BudgetDemand[];
  /** What it holds of limits of rates, and what it could use. Absent: none applies to it. */
  rates?: RateReport;
}

export interface ReportAnswer {
  /** Milliseconds until the next regular report. */
  nextReportIn: number;
  /** Shard the rows of this pod belong to; one today. */
  ledgerShard: number;
  /** Rows up to this sequence number need not be sent again. */
  acknowledgedSeq: number;
  /** What all pods know, as far as this one may; replaces all hints before. Absent: nothing, or not told. */
  hints?: Hints;
  /** One for each demand that is met, now or in part; a demand without one stands as before. */
  leases?: BudgetLease[];
  /** Absent: nothing was asked of rates, or this leader does not share any. */
  rates?: RateAnswer;
}
