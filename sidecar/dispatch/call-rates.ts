/**
 * How many of the last minute's calls of each model were slow or failed, for providers whose configuration asks: a model that
 * answers, but late, or fails every other time, never fails so many times in a row that a breaker opens. Times are monotonic
 * milliseconds.
 */
import type { Attempt, AttemptObserver } from '../exchange.ts';
import type { Candidate } from '../routing/plan.ts';
import type { ProviderBody } from '../snapshot/schema.ts';

const SLOT_MS = 5000;
const SLOTS = 12;
/** Asked names of models may be invented by callers; the oldest go first. */
const MAX_MODELS = 1024;

/** Of one slot of time. */
interface Slot {
  number: number;
  calls: number;
  slow: number;
  failed: number;
}

/** Too many were slow, or failed: `why` in words. */
export type Trip = (candidate: Candidate, why: string, now: number) => void;

export class CallRates implements AttemptObserver {
  readonly #trip: Trip;
  readonly #models = new Map<string, Slot[]>();

  constructor(trip: Trip) {
    this.#trip = trip;
  }

  ended(attempt: Attempt): void {
    const { candidate, endedAt = attempt.startedAt } = attempt;
    const { slowCall, errorRate } = candidate.provider.passive;
    if (slowCall === undefined && errorRate === undefined) return;
    const slow = isSlow(attempt);
    const failed = attempt.scope === 'Model' || attempt.scope === 'Endpoint';
    // Of a call that nobody waited for it is only known how long it had taken; keys and callers have their own faults.
    if (!slow && !failed && (attempt.cancelled || attempt.failure !== undefined)) return;
    const key = `${candidate.providerId} ${candidate.upstreamModel}`;
    const slots = this.#slots(key);
    const slot = current(slots, endedAt);
    slot.calls++;
    if (slow) slot.slow++;
    if (failed) slot.failed++;
    const why = tooMany(slots, candidate.provider.passive);
    if (why === undefined) return;
    this.#models.delete(key);
    this.#trip(candidate, why, endedAt);
  }

  /** Forgets providers that are no longer configured. */
  retain(providerIds: ReadonlySet<string>): void {
    for (const key of this.#models.keys()) {
      if (!providerIds.has(key.slice(0, key.indexOf(' ')))) this.#models.delete(key);
    }
  }

  #slots(key: string): Slot[] {
    const known = this.#models.get(key);
    if (known) return known;
    const [oldest] = this.#models.size >= MAX_MODELS ? this.#models.keys() : [];
    if (oldest !== undefined) this.#models.delete(oldest);
    const slots: Slot[] = [];
    this.#models.set(key, slots);
    return slots;
  }
}

/** Its answer began later than the provider's configuration calls slow, or had not begun that late. */
export function isSlow({ candidate, startedAt, committedAt, endedAt }: Attempt): boolean {
  const { slowCall } = candidate.provider.passive;
  if (slowCall === undefined) return false;
  return (committedAt ?? endedAt ?? startedAt) - startedAt > slowCall.thresholdMs;
}

/** The slot of now; those that are out of the minute go. */
function current(slots: Slot[], now: number): Slot {
  const number = Math.floor(now / SLOT_MS);
  while (slots[0] !== undefined && slots[0].number <= number - SLOTS) slots.shift();
  const last = slots.at(-1);
  if (last !== undefined && last.number >= number) return last;
  const slot: Slot = { number, calls: 0, slow: 0, failed: 0 };
  slots.push(slot);
  return slot;
}

function tooMany(
  slots: readonly Slot[],
  { slowCall, errorRate }: ProviderBody['passive'],
): string | undefined {
  let calls = 0;
  let slow = 0;
  let failed = 0;
  for (const slot of slots) {
    calls += slot.calls;
    slow += slot.slow;
    failed += slot.failed;
  }
  if (slowCall && calls >= slowCall.minCalls && slow * 100 >= slowCall.percent * calls) {
    return `${slow} of ${calls} calls of the last minute took longer than ${slowCall.thresholdMs} ms`;
  }
  if (errorRate && calls >= errorRate.minCalls && failed * 100 >= errorRate.percent * calls) {
    return `${failed} of ${calls} calls of the last minute failed`;
  }
  return undefined;
}
