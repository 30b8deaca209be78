/**
 * Follows the operator: a stream announces what to run, bodies are fetched when they differ from what runs, and what
 * became of them is reported. Nothing the operator sends, or fails to send, takes away what runs.
 */
import { randomUUID } from 'node:crypto';
import { jittered } from './backoff.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import type { CredentialStore } from './credentials.ts';
import { EventReader, type ServerEvent } from './event-reader.ts';
import type { FleetLink } from './fleet/link.ts';
import type { ConfigHolder } from './holder.ts';
import type { LastKnownGood } from './last-known-good.ts';
import type { LeaseParty } from './lease-party.ts';
import { HEARTBEAT_MS, PROTOCOL_HEADER, PROTOCOL_VERSION } from './messages.ts';
import { Pause } from './pause.ts';
import { Puller } from './puller.ts';
import type { RateSource } from './rate-source.ts';
import { readCredentialsEvent, readHintsEvent, readSnapshotEvent } from './read-messages.ts';
import { type InheritedSource, Reporter, type RowSource } from './reporter.ts';
import { FEATURES } from './schema.ts';
import { type ConfigSource, type SourceLog, type SourceStatus, silentLog } from './source.ts';
import { ExchangeFailed, Transport } from './transport.ts';

export interface SnapshotClientOptions {
  /** `https://host:port` of the operator's service. */
  url: string;
  /** The projected token, read anew for every stream, after every failure and every minute. */
  tokenFile: string;
  /** PEM; read along with the token. Unset: the roots of the system. */
  caFile?: string;
  /** Version of this build, for reports. */
  proxyVersion: string;
  /** Random per process start; usage rows carry it too. */
  epoch?: string;
  lastKnownGood?: LastKnownGood;
  rows?: RowSource;
  inherited?: readonly InheritedSource[];
  features?: readonly string[];
  log?: SourceLog;
  clock?: Clock;
  /** In [0, 1). */
  random?: () => number;
  protocol?: number;
  /** Silence after which the stream counts as dead. */
  idleMs?: number;
  /** For one exchange from connect to the last byte. */
  requestMs?: number;
  /** Bytes of a snapshot as sent, and decompressed. */
  maxBodyBytes?: number;
  maxSnapshotBytes?: number;
}

const BACKOFF = { baseMs: 500, maxMs: 15_000 };
/** A stream that held this long counts as a success; a shorter one as one more failure. */
const STABLE_MS = 5_000;
const OUTDATED_MS = 300_000;
const REQUEST_MS = 10_000;
const MAX_BODY_BYTES = 4 * 1_048_576;
const MAX_SNAPSHOT_BYTES = 16 * 1_048_576;

export class SnapshotClient implements ConfigSource {
  readonly #options: SnapshotClientOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: SourceLog;
  readonly #protocol: number;
  readonly #transport: Transport;
  readonly #pause: Pause;
  #puller: Puller | undefined;
  #reporter: Reporter | undefined;
  #running: Promise<void> | undefined;
  #saving: Promise<void> | undefined;
  #stopped = false;
  #connected = false;
  #outdated = false;
  #problem: string | undefined;
  #fleet: FleetLink | undefined;
  #leases: LeaseParty | undefined;
  #rates: RateSource | undefined;

  constructor(options: SnapshotClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log ?? silentLog;
    this.#protocol = options.protocol ?? PROTOCOL_VERSION;
    this.#pause = new Pause(this.#clock);
    this.#transport = new Transport({
      url: options.url,
      tokenFile: options.tokenFile,
      ...(options.caFile !== undefined && { caFile: options.caFile }),
      protocol: this.#protocol,
      clock: this.#clock,
      requestMs: options.requestMs ?? REQUEST_MS,
    });
  }

  join(fleet: FleetLink): void {
    this.#fleet = fleet;
  }

  lease(party: LeaseParty): void {
    this.#leases = party;
  }

  share(rates: RateSource): void {
    this.#rates = rates;
  }

  async start(holder: ConfigHolder, credentials: CredentialStore): Promise<void> {
    if (this.#running) throw new Error('started twice');
    await this.#restore(holder, credentials);
    const reporter = new Reporter({
      transport: this.#transport,
      acknowledgement: () => holder.acknowledgement(),
      epoch: this.#options.epoch ?? randomUUID(),
      proxyVersion: this.#options.proxyVersion,
      features: this.#options.features ?? FEATURES,
      rows: this.#options.rows,
      inherited: this.#options.inherited,
      fleet: this.#fleet,
      leases: this.#leases,
      rates: this.#rates,
      clock: this.#clock,
      random: this.#random,
      onProblem: (error) => this.#failed('report', error),
    });
    this.#reporter = reporter;
    this.#fleet?.onUrgent(() => reporter.urgent());
    this.#leases?.onNeed(() => reporter.need());
    this.#rates?.onUrgent(() => reporter.need());
    this.#puller = new Puller({
      transport: this.#transport,
      holder,
      credentials,
      clock: this.#clock,
      random: this.#random,
      maxBodyBytes: this.#options.maxBodyBytes ?? MAX_BODY_BYTES,
      maxSnapshotBytes: this.#options.maxSnapshotBytes ?? MAX_SNAPSHOT_BYTES,
      onSwapped: () => {
        reporter.notify();
        this.#remember(holder, credentials);
      },
      onCurrent: () => {
        this.#problem = undefined;
      },
      onProblem: (error) => this.#failed('fetch', error),
    });
    this.#running = this.#follow();
  }

  async flush(deadlineMs: number): Promise<void> {
    let timer: Timer | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = this.#clock.after(deadlineMs, resolve);
    });
    await Promise.race([this.#handIn(), deadline]);
    timer?.cancel();
  }

  async #handIn(): Promise<void> {
    // What is left of leases goes back, whether there are rows or not.
    for (let i = 0; i < 3 && this.#leases?.end(); i++) await this.#reporter?.once();
    await this.#reporter?.flush();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause.end();
    this.#transport.close();
    await Promise.all([this.#running, this.#puller?.stop(), this.#reporter?.stop()]);
    await this.#saving;
  }

  status(): SourceStatus {
    return { connected: this.#connected, outdated: this.#outdated, problem: this.#problem };
  }

  async #restore(holder: ConfigHolder, credentials: CredentialStore): Promise<void> {
    const result = await this.#options.lastKnownGood?.load();
    if (!result) return;
    try {
      if (!result.ok) {
        if (result.reason !== undefined) throw new Error(result.reason);
        return;
      }
      const { remembered, ageMs } = result.loaded;
      // First: keys beside a snapshot that is not believed are not believed either.
      holder.restore(remembered, ageMs);
      if (result.loaded.credentials) credentials.apply(result.loaded.credentials);
      this.#log.info({ hash: holder.hash, ageMs }, 'started from the last known good configuration');
    } catch (error) {
      const { message } = error as Error;
      this.#log.warn({ reason: message }, 'the last known good configuration was not usable');
    }
  }

  #remember(holder: ConfigHolder, credentials: CredentialStore): void {
    const remembered = holder.remembered();
    if (!remembered) return;
    const saved = this.#options.lastKnownGood?.save(remembered, credentials.current());
    this.#saving = saved?.catch((error: unknown) => {
      this.#log.warn(
        { reason: (error as Error).message },
        'the last known good configuration was not written',
      );
    });
  }

  async #follow(): Promise<void> {
    let failures = 0;
    while (!this.#stopped) {
      const since = this.#clock.monotonic();
      try {
        await this.#listen();
      } catch (error) {
        if (this.#stopped) return;
        this.#failed('stream', error as Error);
      }
      this.#connected = false;
      failures = this.#clock.monotonic() - since >= STABLE_MS ? 1 : failures + 1;
      // An outdated sidecar asks now and then all the same: the operator may be rolled back.
      const random = this.#random();
      const wait = this.#outdated ? OUTDATED_MS * (0.5 + random) : jittered(BACKOFF, failures, random);
      await this.#pause.wait(wait);
    }
  }

  /** One stream from opening to its end. Returns when the server ended it in order, as it does when the token expires. */
  async #listen(): Promise<void> {
    const { status, headers, body } = await this.#transport.stream('/v1/stream', 'text/event-stream');
    let idle: Timer | undefined;
    try {
      this.#outdated = status === 426;
      if (status !== 200) throw new ExchangeFailed(`the stream was answered ${status}`, status);
      const spoken = Number(headers[PROTOCOL_HEADER]);
      if (!(spoken >= this.#protocol - 1)) {
        throw new ExchangeFailed(
          'the operator speaks a protocol that is older than this sidecar understands',
        );
      }
      if (!/^text\/event-stream\b/.test(headers['content-type'] ?? '')) {
        throw new ExchangeFailed('the stream is no event stream');
      }
      this.#connected = true;
      this.#problem = undefined;
      this.#reporter?.notify();
      const idleMs = this.#options.idleMs ?? 3 * HEARTBEAT_MS;
      const dead = (): void => void body.destroy(new Error(`the stream was silent for ${idleMs} ms`));
      idle = this.#clock.after(idleMs, dead);
      const reader = new EventReader();
      for await (const chunk of body as AsyncIterable<Buffer>) {
        idle.cancel();
        idle = this.#clock.after(idleMs, dead);
        for (const event of reader.read(chunk)) this.#take(event);
      }
    } finally {
      idle?.cancel();
      body.destroy();
    }
  }

  /** Events of other types belong to versions to come. */
  #take(event: ServerEvent): void {
    if (event.type === 'snapshot') this.#puller?.wantSnapshot(readSnapshotEvent(event.data));
    if (event.type === 'credentials') this.#puller?.wantCredentials(readCredentialsEvent(event.data));
    if (event.type === 'hints') this.#fleet?.hear(readHintsEvent(event.data));
  }

  #failed(what: string, error: Error): void {
    this.#problem = `${what}: ${error.message}`;
    this.#log.warn({ reason: error.message }, `the operator was not heard: ${what} failed`);
  }
}
