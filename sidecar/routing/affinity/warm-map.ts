/**
 * Where prompts are cached: for each key, who has read or written how much of it, as far as answers of this pod told. A hint
 * only: what is forgotten or out of date costs a cold prompt, never a wrong answer.
 */
import { inputTokens, type Usage } from '../../accounting/usage.ts';
import type { Candidate } from '../plan.ts';

/** Keys; the one that was noted longest ago goes first. */
const MAX_KEYS = 4096;
/** Places per key. */
const MAX_PLACES = 4;
/** What vendors keep at the least once a prompt was used; an hour where that was asked for. */
const FIVE_MINUTES = 300_000;
const HOUR = 3_600_000;
/** Vendors cache nothing shorter, so an answer about a shorter prompt says nothing. */
const MIN_PROMPT = 1024;

interface Place {
  providerId: string;
  credential: string | undefined;
  model: string;
  tokens: number;
  /** Monotonic milliseconds. */
  until: number;
}

export class WarmMap {
  readonly #keys = new Map<number, Place[]>();

  get size(): number {
    return this.#keys.size;
  }

  /** Tokens of the key's prompt that the candidate has in its cache; 0 where nothing is known. */
  tokens(key: number, candidate: Candidate, now: number): number {
    const places = this.#keys.get(key);
    if (places === undefined) return 0;
    for (const place of places) if (isAt(place, candidate)) return now < place.until ? place.tokens : 0;
    return 0;
  }

  /** Whether any place may be warm: the cheap question before the dear one. */
  knows(key: number): boolean {
    return this.#keys.has(key);
  }

  /** The vendor's own usage of an answer. `ttlMs`: how long it keeps a prompt; undefined: what is known of vendors. */
  note(key: number, candidate: Candidate, usage: Usage, ttlMs: number | undefined, now: number): void {
    const hourly = usage.cacheWrite1h ?? 0;
    const tokens = usage.cacheRead + (usage.cacheWrite5m ?? 0) + hourly;
    const places = this.#keys.get(key);
    if (tokens === 0) {
      if (places && inputTokens(usage) >= MIN_PROMPT) this.#forget(key, places, candidate);
      return;
    }
    const until = now + (ttlMs ?? (hourly > 0 ? HOUR : FIVE_MINUTES));
    const { providerId, credential, upstreamModel: model } = candidate;
    const others = (places ?? []).filter((place) => !isAt(place, candidate) && now < place.until);
    const place = { providerId, credential: credential?.id, model, tokens, until };
    // Behind all others: the map is in the order in which its keys were noted.
    this.#keys.delete(key);
    this.#keys.set(key, [place, ...others.slice(0, MAX_PLACES - 1)]);
    if (this.#keys.size <= MAX_KEYS) return;
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest);
      break;
    }
  }

  #forget(key: number, places: Place[], candidate: Candidate): void {
    const others = places.filter((place) => !isAt(place, candidate));
    if (others.length === 0) this.#keys.delete(key);
    else this.#keys.set(key, others);
  }
}

const isAt = (place: Place, { providerId, credential, upstreamModel }: Candidate): boolean =>
  place.model === upstreamModel && place.providerId === providerId && place.credential === credential?.id;
