/** What limits have to say of an attempt: asked in the turn in which it is sent, so that no two take the same room. */
import { OutriderError } from '../../errors/table.ts';
import type { Attempt, Exchange } from '../exchange.ts';
import type { Permit } from '../limits/permit.ts';
import type { Candidate } from '../routing/plan.ts';

export interface AttemptGate {
  /**
   * Takes the most that an attempt there may use, to be kept in `attempt.permit`. Free: nothing is limited. Refused: there is
   * no room now, and the next candidate is asked.
   */
  take(candidate: Candidate, exchange: Exchange, now: number): Permit | 'Free' | 'Refused';
  /** So little is left there that none of it is spent on hedges. */
  isLow(candidate: Candidate, exchange: Exchange, now: number): boolean;
  /** The head of an answer has come: it may tell what is left. */
  heard(attempt: Attempt, rawHeaders: readonly string[]): void;
}

/** When a caller may ask again who found no room, in milliseconds. */
const NO_ROOM_MS = 1000;

export function noRoom({ target }: Candidate, { plan, route }: Exchange): OutriderError {
  const params = { rule: plan?.rule.name ?? '', route: route ?? '', reasons: `${target.name}: no room` };
  return new OutriderError('rate_limited', params, NO_ROOM_MS);
}

/** For those who have no other candidate: throws `rate_limited` where there is no room. */
export function roomFor(
  gate: AttemptGate | undefined,
  candidate: Candidate,
  exchange: Exchange,
  now: number,
): Permit | undefined {
  const taken = gate?.take(candidate, exchange, now);
  if (taken === 'Refused') throw noRoom(candidate, exchange);
  return taken === 'Free' ? undefined : taken;
}
