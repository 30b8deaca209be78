/**
 * Tells the reports that say something new from the regular ones. A sidecar reports every few seconds for as long as it runs,
 * and nearly always the same; a fleet of them must not keep every status under review.
 */
import type { ProxyRegistry, ProxyState } from '../sync/registry.ts';

/** A sidecar that was silent for longer than this speaks up again; that alone may matter. */
const SILENCE_MS = 30_000;

export class ProxyNews {
  readonly #registry: ProxyRegistry;
  readonly #known = new Map<string, { facts: string; lastSeen: number }>();

  constructor(registry: ProxyRegistry) {
    this.#registry = registry;
  }

  /** Whether the sidecar's state differs from the one seen here before in anything that a status depends on. */
  isNews(uid: string): boolean {
    const state = this.#registry.get(uid);
    const before = this.#known.get(uid);
    if (!state) {
      this.#known.delete(uid);
      return before !== undefined;
    }
    const facts = factsOf(state);
    this.#known.set(uid, { facts, lastSeen: state.lastSeen });
    return before?.facts !== facts || state.lastSeen - before.lastSeen > SILENCE_MS;
  }
}

function factsOf({ connected, outdated, ack, features }: ProxyState): string {
  return JSON.stringify([connected, outdated, ack?.hash, ack?.credentialsVersion, ack?.exceptions, features]);
}
