/**
 * Tells the reports that say something new from the regular ones. A sidecar reports every few seconds for as long as it runs,
 * and nearly always the same; a fleet of them must not keep every status under review.
 */
import type { Acknowledgement } from '../../sidecar/snapshot/messages.ts';
import type { ProxyRegistry, ProxyState } from '../sync/registry.ts';

/** A sidecar that was silent for longer than this speaks up again; that alone may matter. */
const SILENCE_MS = 30_000;

/** What is new of a sidecar. */
export interface News {
  /** It took a step and nothing else is new of it: what it ran before. Undefined: anything may be new. */
  from: Acknowledgement | undefined;
}

const ANYTHING: News = { from: undefined };

export class ProxyNews {
  readonly #registry: ProxyRegistry;
  readonly #known = new Map<string, { facts: string; ack: ProxyState['ack']; lastSeen: number }>();
  #followedAt: number | undefined;

  constructor(registry: ProxyRegistry) {
    this.#registry = registry;
  }

  /** When a sidecar last said that it runs something else than before. */
  get followedAt(): number | undefined {
    return this.#followedAt;
  }

  /** How the sidecar's state differs from the one seen here before, in anything that a status depends on; undefined if it does not. */
  of(uid: string): News | undefined {
    const state = this.#registry.get(uid);
    const before = this.#known.get(uid);
    if (!state) {
      this.#known.delete(uid);
      return before && ANYTHING;
    }
    const facts = factsOf(state);
    const { ack, lastSeen } = state;
    this.#known.set(uid, { facts, ack, lastSeen });
    const stepped =
      ack?.hash !== before?.ack?.hash || ack?.credentialsVersion !== before?.ack?.credentialsVersion;
    if (ack && stepped) this.#followedAt = lastSeen;
    if (before?.facts !== facts || lastSeen - before.lastSeen > SILENCE_MS) return ANYTHING;
    return stepped ? { from: before.ack } : undefined;
  }
}

function factsOf({ connected, outdated, ack, features }: ProxyState): string {
  return JSON.stringify([connected, outdated, ack?.exceptions, features]);
}
