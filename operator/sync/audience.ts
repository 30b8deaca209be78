/**
 * The pods that listen to this replica or report to it, what each should run, and how far each has got.
 *
 * Level-triggered: publishing, a changed label and a new stream all ask the same question, what the pod should run now,
 * and announce the answer only where it differs from the last one.
 */
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { Hints } from '../../sidecar/snapshot/fleet/messages.ts';
import { PROTOCOL_VERSION, type Report } from '../../sidecar/snapshot/messages.ts';
import type { CredentialSet, Snapshot } from '../../sidecar/snapshot/schema.ts';
import type { Compiled } from '../compile/types.ts';
import type { FleetKnowledge } from '../fleet/knowledge.ts';
import { type Announcement, Announcer, type EventSink } from './announcer.ts';
import { Bodies } from './bodies.ts';
import type { Identity } from './identity.ts';
import type { SyncMetrics } from './metrics.ts';
import type { LivePod, PodLookup } from './pods.ts';
import { ProxyTable } from './registry.ts';

export interface AudienceOptions {
  pods: PodLookup;
  clock: Clock;
  metrics: SyncMetrics;
  heartbeatMs: number;
  /** A reader that takes nothing for this long is disconnected, so that it starts over. */
  drainMs: number;
  /** A pod whose stream is elsewhere counts as connected this long after a report. */
  reportWindowMs: number;
  /** Merges what reports say; unset: nothing of it is kept, and no hints are given. */
  fleet?: FleetKnowledge | undefined;
}

interface Stream {
  announcer: Announcer;
  expiresAt: number;
}

interface Member {
  pod: LivePod;
  /** Version of the protocol it is talked to in. */
  version: number;
  stream: Stream | undefined;
  wanted: Announcement | undefined;
  wantedSince: number;
  /** What is wanted was acknowledged, and its latency counted. */
  acknowledged: boolean;
  reportedAt: number | undefined;
}

/** Granularity of heartbeats, expiry and drain deadlines, in milliseconds. */
const SWEEP_MS = 1_000;

export class Audience {
  readonly registry = new ProxyTable();
  readonly #options: AudienceOptions;
  readonly #members = new Map<string, Member>();
  readonly #bodies = new Bodies();
  readonly #unsubscribe: () => void;
  readonly #outdated = new Set<string>();
  #compiled: Compiled | undefined;
  #streams = 0;
  #timer: { cancel(): void } | undefined;

  constructor(options: AudienceOptions) {
    this.#options = options;
    this.#unsubscribe = options.pods.onChange((uid) => this.#podChanged(uid));
    this.#sweepLater();
  }

  publish(compiled: Compiled): void {
    this.#compiled = compiled;
    const hashes = new Set<string>();
    for (const member of this.#members.values()) {
      this.#evaluate(member);
      if (member.wanted) hashes.add(member.wanted.hash);
    }
    this.#bodies.retain(hashes);
  }

  /** Registers an event stream; returns what must be called when its connection is gone. A pod's newer stream replaces its older. */
  open(identity: Identity, sink: EventSink, version: number = PROTOCOL_VERSION): () => void {
    const { pod } = identity;
    const { clock, metrics } = this.#options;
    const member = this.#member(pod, version);
    const announcer = new Announcer(
      sink,
      () => clock.monotonic(),
      () => metrics.pushed(),
    );
    const stream: Stream = { announcer, expiresAt: identity.expiresAt };
    const older = member.stream;
    member.stream = stream;
    this.#countOutdated(pod.uid, false);
    older?.announcer.end();
    this.#count(1);
    const now = clock.monotonic();
    this.registry.merge(
      pod,
      { connected: true, connectedSince: now, disconnectedAt: undefined, lastSeen: now, outdated: false },
      now,
    );
    this.#evaluate(member);
    if (member.wanted) announcer.announce(member.wanted);
    return () => {
      this.#count(-1);
      if (member.stream === stream) this.#disconnected(member);
    };
  }

  /** The pod's snapshot in compressed form, when `hash` is what it should run. */
  body(
    pod: LivePod,
    hash: string,
    version: number = PROTOCOL_VERSION,
  ): { compressed: Promise<Buffer>; snapshot: Snapshot } | undefined {
    const snapshot = this.#compiled && snapshotIn(version, this.#compiled, pod);
    if (snapshot?.hash !== hash) return undefined;
    return { snapshot, compressed: this.#bodies.compressed(snapshot) };
  }

  /** Keys that the pod's routes may use; undefined before anything was published. */
  credentials(pod: LivePod): CredentialSet | undefined {
    return this.#compiled?.credentialsFor(pod);
  }

  reported(pod: LivePod, report: Report, version: number = PROTOCOL_VERSION): void {
    const { clock, fleet, metrics, pods } = this.#options;
    // The pod may have gone while its report was read.
    if (!pods.get(pod.uid)) return;
    const now = clock.monotonic();
    const member = this.#member(pod, version);
    member.reportedAt = now;
    this.#countOutdated(pod.uid, false);
    this.#evaluate(member);
    if (report.fleet && fleet && this.#compiled) {
      const snapshot = snapshotIn(version, this.#compiled, pod);
      fleet.accept({ pod, snapshot }, report.epoch, report.fleet, now);
    }
    const { wanted } = member;
    const current =
      wanted?.hash === report.ack.hash && wanted.credentialsVersion === report.ack.credentialsVersion;
    if (current && !member.acknowledged) {
      member.acknowledged = true;
      metrics.acknowledged(now - member.wantedSince);
    }
    const connectedSince = this.registry.get(pod.uid)?.connectedSince ?? now;
    this.registry.merge(
      pod,
      {
        connected: true,
        connectedSince,
        disconnectedAt: undefined,
        lastSeen: now,
        ack: report.ack,
        proxyVersion: report.proxyVersion,
        features: report.features,
        trustBundle: report.trustBundle,
        outdated: false,
      },
      now,
    );
  }

  /** What the pod may know of what all know. */
  hintsFor(pod: LivePod, version: number = PROTOCOL_VERSION): Hints | undefined {
    const { clock, fleet } = this.#options;
    if (!fleet || !this.#compiled) return undefined;
    return fleet.hintsFor({ pod, snapshot: snapshotIn(version, this.#compiled, pod) }, clock.monotonic());
  }

  /** Tells every stream of this replica what its pod may know now, where that is not what it was told last. */
  hint(): void {
    for (const { pod, stream, version } of this.#members.values()) {
      if (stream) stream.announcer.hint(JSON.stringify(this.hintsFor(pod, version) ?? {}));
    }
  }

  /** The pod's sidecar speaks a protocol that is no longer served. */
  outdated(pod: LivePod): void {
    const now = this.#options.clock.monotonic();
    const { labels } = this.#member(pod).pod;
    this.#countOutdated(pod.uid, true);
    this.registry.merge(pod, { outdated: true, labels, lastSeen: now }, now);
  }

  /** Ends every stream; clients come back elsewhere. */
  close(): void {
    this.#unsubscribe();
    this.#timer?.cancel();
    for (const { stream } of this.#members.values()) stream?.announcer.end();
  }

  #member(pod: LivePod, version?: number): Member {
    let member = this.#members.get(pod.uid);
    if (member && version !== undefined) member.version = version;
    if (!member) {
      const wantedSince = this.#options.clock.monotonic();
      const none = { stream: undefined, wanted: undefined, reportedAt: undefined };
      member = { pod, version: version ?? PROTOCOL_VERSION, wantedSince, acknowledged: false, ...none };
      this.#members.set(pod.uid, member);
      this.registry.merge(pod, { labels: pod.labels }, wantedSince);
    }
    return member;
  }

  #evaluate(member: Member): void {
    if (!this.#compiled) return;
    const { hash } = snapshotIn(member.version, this.#compiled, member.pod);
    const { version } = this.#compiled.credentialsFor(member.pod);
    const { wanted } = member;
    if (wanted?.hash === hash && wanted.credentialsVersion === version) return;
    const now = this.#options.clock.monotonic();
    member.wanted = { hash, credentialsVersion: version };
    member.wantedSince = now;
    member.acknowledged = false;
    member.stream?.announcer.announce(member.wanted);
    if (wanted?.hash !== hash) this.registry.merge(member.pod, { sentHash: hash }, now);
  }

  #podChanged(uid: string): void {
    const member = this.#members.get(uid);
    if (!member) return;
    const pod = this.#options.pods.get(uid);
    if (!pod) {
      this.#members.delete(uid);
      this.#countOutdated(uid, false);
      this.registry.remove(uid);
      member.stream?.announcer.destroy();
      return;
    }
    const relabelled = !sameLabels(member.pod.labels, pod.labels);
    member.pod = pod;
    if (!relabelled) return;
    this.registry.merge(pod, { labels: pod.labels }, this.#options.clock.monotonic());
    this.#evaluate(member);
  }

  #disconnected(member: Member): void {
    member.stream = undefined;
    member.reportedAt = undefined;
    if (!this.#members.has(member.pod.uid)) return;
    const now = this.#options.clock.monotonic();
    this.registry.merge(
      member.pod,
      { connected: false, connectedSince: undefined, disconnectedAt: now },
      now,
    );
  }

  #count(change: number): void {
    this.#streams += change;
    this.#options.metrics.connected(this.#streams);
  }

  #countOutdated(uid: string, isOutdated: boolean): void {
    if (isOutdated === this.#outdated.has(uid)) return;
    if (isOutdated) this.#outdated.add(uid);
    else this.#outdated.delete(uid);
    this.#options.metrics.outdated(this.#outdated.size);
  }

  #sweepLater(): void {
    this.#timer = this.#options.clock.after(SWEEP_MS, () => {
      this.#sweep();
      this.#sweepLater();
    });
  }

  #sweep(): void {
    const { clock, metrics, drainMs, heartbeatMs, reportWindowMs } = this.#options;
    const [now, wall] = [clock.monotonic(), clock.wall()];
    for (const member of this.#members.values()) {
      const { stream, reportedAt } = member;
      if (!stream) {
        if (reportedAt !== undefined && now - reportedAt > reportWindowMs) this.#disconnected(member);
      } else if (stream.announcer.closed) {
        // Its connection is on its way down.
      } else if (stream.announcer.stalledFor() >= drainMs) {
        metrics.slowClosed();
        stream.announcer.destroy();
      } else if (stream.expiresAt <= wall) {
        stream.announcer.end();
      } else if (stream.announcer.quietFor() >= heartbeatMs - SWEEP_MS) {
        stream.announcer.heartbeat();
      }
    }
  }
}

/** In the newest version that a caller of `version` reads. Throws RangeError where there is none. */
function snapshotIn(version: number, compiled: Compiled, pod: LivePod): Snapshot {
  return compiled.snapshotFor(pod, compiled.versions.find((served) => served <= version) ?? version);
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
