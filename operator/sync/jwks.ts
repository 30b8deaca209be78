/**
 * The cluster's public keys for ServiceAccount tokens, cached. A key id that is not known yet asks for the list again,
 * since clusters rotate keys; a limit on how often keeps invented key ids from turning into load on the API server.
 */
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { type Clock, systemClock } from '../../sidecar/snapshot/clock.ts';

/** Fetches the key set, for instance from `/openid/v1/jwks` of the API server. */
export type FetchKeys = () => Promise<JSONWebKeySet>;

export type KeyResolver = ReturnType<typeof createLocalJWKSet>;

/** Keys are fetched again after an hour, so that a withdrawn key stops counting. */
const MAX_AGE_MS = 3_600_000;
/** Least time between two fetches, with keys in hand and without. */
const MIN_INTERVAL_MS = 10_000;
const MIN_INTERVAL_WITHOUT_KEYS_MS = 1_000;
const PATIENCE_MS = 1_000;

/** Reads the discovery document of a cluster through `get`, a caller of the API server that returns parsed JSON. */
export function clusterKeys(get: (path: string) => Promise<unknown>): FetchKeys {
  return async () => {
    const document = (await get('/openid/v1/jwks')) as { keys?: unknown } | null;
    if (!Array.isArray(document?.keys)) throw new Error('the API server returned no key set');
    return document as JSONWebKeySet;
  };
}

export class KeyCache {
  readonly #fetchKeys: FetchKeys;
  readonly #clock: Clock;
  #keys: KeyResolver | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #inFlight: Promise<void> | undefined;

  constructor(fetchKeys: FetchKeys, clock: Clock = systemClock) {
    this.#fetchKeys = fetchKeys;
    this.#clock = clock;
  }

  /**
   * The keys in hand, fetched first when there are none or they are old; undefined when none can be had. With old ones in hand
   * an API server that does not answer is not waited for long.
   */
  async current(): Promise<KeyResolver | undefined> {
    if (this.#clock.monotonic() - this.#fetchedAt <= MAX_AGE_MS) return this.#keys;
    const refreshed = this.refresh();
    if (!this.#keys) await refreshed;
    else await this.#atMost(refreshed, PATIENCE_MS);
    return this.#keys;
  }

  #atMost(work: Promise<void>, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      void work.finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Fetches anew unless that was tried a moment ago. Old keys stay when the API server cannot be reached. */
  async refresh(): Promise<void> {
    if (this.#inFlight) return this.#inFlight;
    const now = this.#clock.monotonic();
    const interval = this.#keys ? MIN_INTERVAL_MS : MIN_INTERVAL_WITHOUT_KEYS_MS;
    if (now - this.#triedAt < interval) return;
    this.#triedAt = now;
    this.#inFlight = this.#fetch().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #fetch(): Promise<void> {
    try {
      this.#keys = createLocalJWKSet(await this.#fetchKeys());
      this.#fetchedAt = this.#clock.monotonic();
    } catch {
      // Nothing to verify with is a state the caller sees; with older keys in hand sidecars outlive an API server outage.
    }
  }
}
