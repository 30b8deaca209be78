/** What limits have to say of an attempt: asked in the turn in which it is sent, so that no two take the same room. */
import type { Exchange } from '../exchange.ts';
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
}
