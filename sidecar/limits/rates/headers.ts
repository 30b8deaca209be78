/**
 * What callers are told of the limits that their request fell under, by the names that their SDKs know. Only limits of rules are
 * told of: what a provider says of its own is about the whole organisation.
 */
import type { Bucket } from './bucket.ts';
import type { FleetStanding } from './quota.ts';

type Kind = 'Requests' | 'Tokens';

/** The limit with the least left, in parts; of several, callers have to mind the tightest. */
interface Told {
  readonly amount: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** Appends names and values to `out`. `dialect`: name of the caller's. `wall`: milliseconds since the epoch. */
export function rateHeaders(
  buckets: readonly Bucket[],
  dialect: string,
  fleet: FleetStanding,
  now: number,
  wall: number,
  out: string[],
): void {
  const anthropic = dialect.startsWith('anthropic');
  for (const kind of ['Requests', 'Tokens'] as const) {
    const told = tightest(buckets, kind, fleet, now);
    if (told === undefined) continue;
    const { amount, remaining, resetMs } = told;
    const word = kind === 'Requests' ? 'requests' : 'tokens';
    const name = (part: string): string =>
      anthropic ? `anthropic-ratelimit-${word}-${part}` : `x-ratelimit-${part}-${word}`;
    out.push(name('limit'), String(amount));
    out.push(name('remaining'), String(Math.floor(remaining)));
    out.push(name('reset'), anthropic ? new Date(wall + resetMs).toISOString() : duration(resetMs));
  }
}

function tightest(
  buckets: readonly Bucket[],
  kind: Kind,
  fleet: FleetStanding,
  now: number,
): Told | undefined {
  let least: Bucket | undefined;
  let part = Number.POSITIVE_INFINITY;
  for (const bucket of buckets) {
    if (bucket.body.rate?.of !== kind || bucket.rate === undefined) continue;
    const left = bucket.remaining(fleet, now) / bucket.rate.capacity;
    if (left >= part) continue;
    part = left;
    least = bucket;
  }
  if (least?.rate === undefined || least.body.rate === undefined) return undefined;
  const { amount, burst } = least.body.rate;
  return {
    amount: burst ?? amount,
    remaining: least.remaining(fleet, now),
    resetMs: Math.max(0, Math.ceil(least.fullAt(now) - now)),
  };
}

/** As OpenAI writes it: `120ms`, `1.5s`, `6m0s`, `1h2m3s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  if (ms < 60_000) return `${Math.ceil(ms / 100) / 10}s`;
  const seconds = Math.ceil(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${h > 0 ? `${h}h` : ''}${m}m${s}s`;
}
