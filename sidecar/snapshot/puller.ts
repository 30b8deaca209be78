/**
 * Fetches what was announced and swaps it in, latest-only: whatever is announced during a fetch replaces what was wanted
 * before, and a body that was overtaken is not swapped in.
 */
import { jittered } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { CredentialStore } from './credentials.ts';
import type { ConfigHolder } from './holder.ts';
import { Pause } from './pause.ts';
import { readCredentials, readJson } from './read-messages.ts';
import type { CredentialSet, Snapshot } from './schema.ts';
import { ExchangeFailed, type Transport } from './transport.ts';

export interface PullerOptions {
  transport: Transport;
  holder: ConfigHolder;
  credentials: CredentialStore;
  clock: Clock;
  random: () => number;
  maxBodyBytes: number;
  maxSnapshotBytes: number;
  /** Something else runs now than before. */
  onSwapped: () => void;
  /** What was announced last is what runs. */
  onCurrent: () => void;
  onProblem: (error: Error) => void;
}

const BACKOFF = { baseMs: 250, maxMs: 10_000 };
/** Announcements faster than fetches must not keep everything out for ever: after this long an overtaken body is taken. */
const PATIENCE_MS = 2_000;

export class Puller {
  readonly #options: PullerOptions;
  readonly #pause: Pause;
  #hash: string | undefined;
  #credentialsDue = false;
  #overtakenSince: number | undefined;
  /** Hash of the snapshot whose keys were asked for a second time. */
  #askedAgain = '';
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: PullerOptions) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }

  wantSnapshot(hash: string): void {
    this.#hash = hash;
    this.#pull();
  }

  wantCredentials(version: string): void {
    this.#credentialsDue = version !== this.#options.credentials.version;
    this.#pull();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause.end();
    await this.#running;
  }

  #pull(): void {
    this.#pause.wake();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    // The events of one announcement may come apart; a turn later they are all here.
    await new Promise((resolve) => setImmediate(resolve));
    const { holder, onCurrent, onProblem, onSwapped, random } = this.#options;
    let failures = 0;
    while (!this.#stopped) {
      const hash = this.#hash === undefined || holder.confirm(this.#hash) ? undefined : this.#hash;
      const withCredentials = this.#credentialsDue;
      if (hash === undefined && !withCredentials) break;
      this.#credentialsDue = false;
      try {
        await this.#fetchAndSwap(hash, withCredentials);
        failures = 0;
        onSwapped();
      } catch (error) {
        if (this.#stopped) return;
        // The body of a hash that was overtaken is gone, which is no failure: the newer one is known.
        if (error instanceof ExchangeFailed && error.status === 404 && this.#hash !== hash) continue;
        failures += 1;
        onProblem(error as Error);
        await this.#pause.wait(jittered(BACKOFF, failures, random()));
      }
    }
    if (!this.#stopped) onCurrent();
  }

  async #fetchAndSwap(hash: string | undefined, withCredentials: boolean): Promise<void> {
    const { credentials } = this.#options;
    const [set, snapshot] = await Promise.allSettled([
      withCredentials ? this.#fetchCredentials() : undefined,
      hash === undefined ? undefined : this.#fetchSnapshot(hash),
    ]);
    if (set.status === 'rejected') this.#credentialsDue = true;
    // Keys a new route needs come before it, keys that were withdrawn go in any case.
    if (set.status === 'fulfilled' && set.value) credentials.merge(set.value);
    try {
      if (snapshot.status === 'rejected') throw snapshot.reason;
      if (snapshot.value) this.#swap(snapshot.value);
    } finally {
      if (set.status === 'fulfilled' && set.value)
        credentials.apply(set.value, this.#options.holder.keptKeys);
    }
    if (set.status === 'rejected') throw set.reason;
    if (snapshot.value) this.#checkKeys(snapshot.value);
  }

  /** A snapshot may be ahead of the keys that were fetched beside it: it names their versions. Asked again once, not for ever. */
  #checkKeys({ hash, items }: Snapshot): void {
    const { credentials } = this.#options;
    const named = items.flatMap((item) => (item.kind === 'Provider' ? (item.body?.credentials ?? []) : []));
    const behind = named.some(({ id, version }) => {
      const held = credentials.versionOf(id);
      return version !== undefined && held !== undefined && held !== version;
    });
    if (!behind || this.#askedAgain === hash) return;
    this.#askedAgain = hash;
    this.#credentialsDue = true;
  }

  #swap(snapshot: Snapshot): void {
    const { clock, holder } = this.#options;
    if (snapshot.hash !== this.#hash) {
      this.#overtakenSince ??= clock.monotonic();
      if (clock.monotonic() - this.#overtakenSince < PATIENCE_MS) return;
    }
    this.#overtakenSince = undefined;
    holder.apply(snapshot);
  }

  async #fetchSnapshot(hash: string): Promise<Snapshot> {
    const { transport, maxBodyBytes, maxSnapshotBytes } = this.#options;
    const headers = { 'accept-encoding': 'gzip' };
    const path = `/v1/snapshots/${hash}`;
    const answer = await transport.exchange({ method: 'GET', path, headers }, maxBodyBytes);
    if (answer.status !== 200) {
      throw new ExchangeFailed(`the snapshot was answered ${answer.status}`, answer.status);
    }
    const snapshot = (await readJson(answer, maxSnapshotBytes)) as Snapshot | null;
    if (snapshot?.hash !== hash) throw new Error('the snapshot is not the one that was asked for');
    return snapshot;
  }

  async #fetchCredentials(): Promise<CredentialSet> {
    const { transport, maxBodyBytes } = this.#options;
    const answer = await transport.exchange({ method: 'GET', path: '/v1/credentials' }, maxBodyBytes);
    if (answer.status !== 200) {
      throw new ExchangeFailed(`the credentials were answered ${answer.status}`, answer.status);
    }
    return readCredentials(await readJson(answer, maxBodyBytes));
  }
}
