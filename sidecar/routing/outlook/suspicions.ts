/**
 * What the fleet holds against targets, as this pod was told. Suspicion, not fact: it ends by itself on this pod's own clock,
 * at the first own attempt that proves it wrong, and it never does more than change an order.
 */
import { type ProviderHint, readProviderHints } from '../../snapshot/fleet/providers.ts';
import type { Candidate } from '../plan.ts';
import { knownName, type Sighting } from './sightings.ts';

/** Own evidence within this long counts more than what others say of speed. */
const OWN_MS = 60_000;
const OWN_ATTEMPTS = 5;
/** Of a limit, below which others are better asked. */
const SHORT_PERCENT = 5;
/** When a request may first go to a suspect to see for itself, and how often then. */
const FIRST_LOOK_MS = 5_000;
const LOOK_EVERY_MS = 10_000;

export interface Suspicion {
  /** Short: a limit of the provider is nearly used up. */
  readonly state: 'Down' | 'Slow' | 'Short';
  /** When it was first heard; monotonic milliseconds. */
  readonly since: number;
  readonly hint: ProviderHint;
  lookAt: number;
}

export class Suspicions {
  readonly #hints = new Map<string, ProviderHint>();
  readonly #suspects = new Map<string, Suspicion>();
  readonly #random: () => number;
  #until = Number.NEGATIVE_INFINITY;
  #probe: readonly string[] = [];

  /** In [0, 1): spreads the pods' own looks. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Takes what came, whatever it is, in place of all before. `now` is monotonic. */
  hear(value: unknown, now: number): void {
    const { holds, hints, probe = [] } = readProviderHints(value);
    const before = now < this.#until ? new Map(this.#suspects) : undefined;
    this.#hints.clear();
    this.#suspects.clear();
    this.#until = now + holds;
    this.#probe = probe;
    for (const hint of hints) {
      const key = keyOf(hint.provider, hint.model ?? '');
      this.#hints.set(key, hint);
      const state = hint.state ?? ((hint.headroom ?? 100) <= SHORT_PERCENT ? 'Short' : undefined);
      if (state === undefined) continue;
      const known = before?.get(key);
      const lookAt = now + FIRST_LOOK_MS * (1 + this.#random());
      this.#suspects.set(key, {
        state,
        since: known?.state === state ? known.since : now,
        hint,
        lookAt: known?.lookAt ?? lookAt,
      });
    }
  }

  /** Whether there may be a suspect at all; a look at two numbers. */
  any(now: number): boolean {
    return this.#suspects.size > 0 && now < this.#until;
  }

  /** Of the model, or of the whole provider. */
  of(candidate: Candidate, now: number): Suspicion | undefined {
    if (!this.any(now)) return undefined;
    const { providerId } = candidate;
    return (
      this.#suspects.get(keyOf(providerId, knownName(candidate))) ?? this.#suspects.get(keyOf(providerId, ''))
    );
  }

  /** What is usual there, as all pods see it; undefined where nobody said so lately. */
  hint(candidate: Candidate, now: number): ProviderHint | undefined {
    if (now >= this.#until) return undefined;
    return this.#hints.get(keyOf(candidate.providerId, knownName(candidate)));
  }

  /** Providers that this pod probes for all. */
  probes(now: number): readonly string[] {
    return now < this.#until ? this.#probe : [];
  }

  /** One request may go and see; the next one not before some seconds. */
  look(suspicion: Suspicion, now: number): boolean {
    if (now < suspicion.lookAt) return false;
    suspicion.lookAt = now + LOOK_EVERY_MS * (1 + this.#random());
    return true;
  }
}

/** Whether this pod's own evidence outweighs what it was told. */
export function refuted(suspicion: Suspicion, own: Sighting | undefined, now: number): boolean {
  if (!own) return false;
  if (suspicion.state === 'Down') return own.answeredAt >= suspicion.since;
  return own.evidence >= OWN_ATTEMPTS && now - own.seenAt <= OWN_MS;
}

const keyOf = (provider: string, model: string): string => `${provider} ${model}`;
