/**
 * What providers say in the headers of their answers about what is left: a key that is nearly used up is left alone before it
 * is refused. A feed only ever lowers what configured limits allow, and it is forgotten when the provider says the limit is
 * full again, at the latest after a minute; the next answer says it anew. Times are monotonic milliseconds.
 */
import type { RetryAfterForms } from '../providers/provider-type.ts';
import { parseReset, responseTime } from '../providers/retry-after.ts';
import type { Shortage } from '../routing/headroom.ts';
import type { Candidate } from '../routing/plan.ts';

/** Of one key for one model. */
export interface Fed {
  /** What is left of each kind; Infinity where nothing is known. */
  requests: number;
  tokens: number;
  requestsUntil: number;
  tokensUntil: number;
  /** When the attempt began whose answer said so. */
  said: number;
  /** Percent that is left of the tightest limit; undefined where no limit was told. */
  percent?: number | undefined;
  /** Sent since it is known, and not answered. */
  inFlight: number;
}

/** Monotonic milliseconds, and those since the epoch for answers without a `Date` of their own. */
export interface FeedClock {
  readonly now: () => number;
  readonly wall: () => number;
}

/** No feed is believed for longer. */
const LONGEST_MS = 60_000;
/** What is left is of interest below this share of the limit, or below these numbers where the limit is not told. */
const LOW = 0.25;
const LOW_REQUESTS = 50;
const LOW_TOKENS = 50_000;
const MAX_FEEDS = 1024;
const COUNT = /^\d{1,15}$/;

export class HeadroomFeeds {
  readonly #fed = new Map<string, Fed>();

  /** Nothing is known to be short. */
  get none(): boolean {
    return this.#fed.size === 0;
  }

  find(candidate: Candidate): Fed | undefined {
    return this.#fed.size === 0 ? undefined : this.#fed.get(keyOf(candidate));
  }

  shortage(candidate: Candidate, tokens: number, now: number): Shortage | undefined {
    const fed = this.find(candidate);
    if (fed === undefined) return undefined;
    if (now < fed.requestsUntil && fed.requests < 1) {
      return { until: fed.requestsUntil, detail: said(candidate, 'no request is left') };
    }
    if (now < fed.tokensUntil && fed.tokens < tokens) {
      const left = `${Math.max(0, fed.tokens)} tokens are left and about ${tokens} are needed`;
      return { until: fed.tokensUntil, detail: said(candidate, left) };
    }
    return undefined;
  }

  /** One more is sent. */
  take(candidate: Candidate, tokens: number): Fed | undefined {
    const fed = this.find(candidate);
    if (fed === undefined) return undefined;
    fed.requests--;
    fed.tokens -= tokens;
    fed.inFlight++;
    return fed;
  }

  /** Reads the head of an answer to an attempt that began at `startedAt`; `share` of what is left is this pod's. */
  hear(
    candidate: Candidate,
    startedAt: number,
    forms: RetryAfterForms,
    rawHeaders: readonly string[],
    clock: FeedClock,
    share: number,
  ): void {
    const read = readLimits(forms, rawHeaders);
    if (read === undefined) return;
    const now = clock.now();
    const key = keyOf(candidate);
    const known = this.#fed.get(key);
    // Of an attempt that began earlier: what is known is newer.
    if (known && startedAt < known.said) return;
    const fed: Fed = known ?? { ...NOTHING, said: startedAt };
    fed.said = startedAt;
    fed.requests = fed.tokens = Number.POSITIVE_INFINITY;
    fed.percent = undefined;
    const date = responseTime(rawHeaders, clock.wall());
    for (const { of, remaining, limit, reset } of read) {
      const low = limit === undefined ? (of === 'Requests' ? LOW_REQUESTS : LOW_TOKENS) : limit * LOW;
      if (remaining > low) continue;
      const ms = reset === undefined ? undefined : parseReset(reset, date);
      if (ms === undefined || ms === 0) continue;
      const until = now + Math.min(ms, LONGEST_MS);
      if (limit !== undefined && limit > 0)
        fed.percent = Math.min(fed.percent ?? 100, Math.floor((100 * Math.max(0, remaining)) / limit));
      const ours = Math.floor(remaining * share) - (of === 'Requests' ? fed.inFlight : 0);
      if (of === 'Requests' && ours < fed.requests)
        Object.assign(fed, { requests: ours, requestsUntil: until });
      if (of === 'Tokens' && ours < fed.tokens) Object.assign(fed, { tokens: ours, tokensUntil: until });
    }
    if (fed.requests === Number.POSITIVE_INFINITY && fed.tokens === Number.POSITIVE_INFINITY) {
      this.#fed.delete(key);
    } else if (known === undefined) {
      const [oldest] = this.#fed.size >= MAX_FEEDS ? this.#fed.keys() : [];
      if (oldest !== undefined) this.#fed.delete(oldest);
      this.#fed.set(key, fed);
    }
  }

  /** Percent left of the tightest limit of any key of the provider for the model; undefined where none is known to be short. */
  percent(providerId: string, model: string, now: number): number | undefined {
    const owner = providerId.slice(providerId.indexOf('/') + 1);
    let least: number | undefined;
    for (const [key, { percent, requestsUntil, tokensUntil }] of this.#fed) {
      if (percent === undefined || Math.max(requestsUntil, tokensUntil) <= now) continue;
      if (!key.endsWith(` ${model}`) || !(key.startsWith(`${owner}/`) || key.startsWith(`${providerId} `)))
        continue;
      least = Math.min(least ?? 100, percent);
    }
    return least;
  }

  clear(): void {
    this.#fed.clear();
  }
}

const NOTHING: Fed = {
  requests: Number.POSITIVE_INFINITY,
  tokens: Number.POSITIVE_INFINITY,
  requestsUntil: 0,
  tokensUntil: 0,
  said: 0,
  inFlight: 0,
};

const keyOf = ({ credential, providerId, upstreamModel }: Candidate): string =>
  `${credential?.id ?? providerId} ${upstreamModel}`;

const said = ({ credential }: Candidate, what: string): string =>
  `the provider said of ${credential === undefined ? 'its limit' : `key ${credential.name}`}: ${what}`;

interface Told {
  of: 'Requests' | 'Tokens';
  remaining: number;
  limit: number | undefined;
  reset: string | undefined;
}

/** By lower-case name: which limit a header is about, and what it says of it. */
interface Names {
  readonly lengths: ReadonlySet<number>;
  readonly parts: ReadonlyMap<
    string,
    { readonly index: number; readonly part: 'remaining' | 'limit' | 'reset' }[]
  >;
}
const known = new WeakMap<RetryAfterForms, Names>();

/** Undefined: the answer says nothing of limits. Most headers are passed over by their length. */
function readLimits(forms: RetryAfterForms, rawHeaders: readonly string[]): Told[] | undefined {
  if (forms.resets.length === 0) return undefined;
  let names = known.get(forms);
  if (names === undefined) {
    names = namesOf(forms);
    known.set(forms, names);
  }
  let found: { remaining?: string; limit?: string; reset?: string }[] | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!names.lengths.has(name.length)) continue;
    for (const { index, part } of names.parts.get(name.toLowerCase()) ?? []) {
      found ??= [];
      (found[index] ??= {})[part] = rawHeaders[i + 1] as string;
    }
  }
  if (found === undefined) return undefined;
  const told: Told[] = [];
  for (const [index, { remaining, limit, reset } = {}] of found.entries()) {
    const of = forms.resets[index]?.of;
    if (of === undefined || remaining === undefined || !COUNT.test(remaining)) continue;
    const whole = limit !== undefined && COUNT.test(limit) ? Number(limit) : undefined;
    told.push({ of, remaining: Number(remaining), limit: whole, reset });
  }
  return told;
}

function namesOf({ resets }: RetryAfterForms): Names {
  const parts = new Map<string, { index: number; part: 'remaining' | 'limit' | 'reset' }[]>();
  const add = (name: string | undefined, index: number, part: 'remaining' | 'limit' | 'reset'): void => {
    if (name !== undefined) parts.set(name, [...(parts.get(name) ?? []), { index, part }]);
  };
  resets.forEach(({ remaining, limit, reset }, index) => {
    add(remaining, index, 'remaining');
    add(limit, index, 'limit');
    add(reset, index, 'reset');
  });
  return { lengths: new Set([...parts.keys()].map((name) => name.length)), parts };
}
