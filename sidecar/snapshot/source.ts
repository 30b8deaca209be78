/** Where configuration comes from: the operator over the network (`client.ts`), or `compile` in the same process. */
import type { CredentialStore } from './credentials.ts';
import type { FleetLink } from './fleet/link.ts';
import type { ConfigHolder } from './holder.ts';
import type { LeaseParty } from './lease-party.ts';
import type { Acknowledgement } from './messages.ts';
import type { RateSource } from './rate-source.ts';
import type { CredentialSet, Snapshot } from './schema.ts';

export interface ConfigSource {
  /** Before `start`: what this pod learns goes out through `fleet`, and hints come in. Absent where there is no fleet. */
  join?(fleet: FleetLink): void;
  /** Before `start`: leases of budgets come with it. Absent: nobody grants any, and this process has all there is. */
  lease?(party: LeaseParty): void;
  /** Before `start`: limits of rates are shared with other pods. Absent: there are none, and this process has all there is. */
  share?(rates: RateSource): void;
  /** Begins to feed the two; resolves once what can be had without waiting for anyone is in. */
  start(holder: ConfigHolder, credentials: CredentialStore): Promise<void>;
  /** Hands in what is still to be reported, within `deadlineMs`; for the end of the process, before `stop`. */
  flush?(deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
  status(): SourceStatus;
}

export interface SourceStatus {
  /** Changes reach this sidecar now. */
  connected: boolean;
  /** The control plane refuses this sidecar's protocol version; only a newer sidecar will be served. */
  outdated: boolean;
  /** What went wrong last, until it works again. */
  problem: string | undefined;
}

/** The part of a structured logger that sources use. */
export interface SourceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export const silentLog: SourceLog = { info() {}, warn() {} };

/** For `outrider run`: whoever compiles publishes straight into the sidecar of this process. */
export class InProcessSource implements ConfigSource {
  #sink: { holder: ConfigHolder; credentials: CredentialStore } | undefined;

  start(holder: ConfigHolder, credentials: CredentialStore): Promise<void> {
    this.#sink = { holder, credentials };
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#sink = undefined;
    return Promise.resolve();
  }

  status(): SourceStatus {
    return { connected: this.#sink !== undefined, outdated: false, problem: undefined };
  }

  /** Swaps in snapshot and keys as one change. Throws SnapshotRefused when the snapshot as a whole is unusable. */
  publish(snapshot: Snapshot, set: CredentialSet): Acknowledgement {
    if (!this.#sink) throw new Error('published to a source that is not started');
    const { holder, credentials } = this.#sink;
    credentials.merge(set);
    try {
      holder.apply(snapshot);
    } finally {
      credentials.apply(set, holder.keptKeys);
    }
    return holder.acknowledgement();
  }
}
