/**
 * The requests that were answered last, for feedback to come: by id, which rule, target and arm served them. A ring of a fixed
 * size, in lists that are made with the first request and filled without making anything. Nothing of a prompt or an answer.
 */
import type { Exchange, ExchangeObserver } from '../exchange.ts';
import type { PlannedArm } from '../routing/experiment/arms.ts';
import { contextOf } from '../routing/learning/contexts.ts';
import type { Candidate } from '../routing/plan.ts';
import type { RuleBody } from '../snapshot/schema.ts';

/** Answers that feedback is taken for. */
export const REMEMBERED = 4096;

export interface RecentAnswer {
  readonly route: string;
  readonly rule: RuleBody;
  readonly candidate: Candidate;
  readonly context: number;
  readonly arm: PlannedArm | undefined;
}

export class RecentAnswers implements ExchangeObserver {
  readonly #size: number;
  #at = 0;
  readonly #ids: string[] = [];
  readonly #routes: string[] = [];
  readonly #rules: RuleBody[] = [];
  readonly #candidates: Candidate[] = [];
  readonly #contexts: number[] = [];
  readonly #arms: (PlannedArm | undefined)[] = [];
  /** Scores that were given; NaN: none. */
  readonly #scores: number[] = [];

  constructor(size: number = REMEMBERED) {
    this.#size = size;
  }

  completed(exchange: Exchange): void {
    const { plan, facts, route, attempts } = exchange;
    if (exchange.internal || !plan || !facts || route === undefined) return;
    // The one that was handed to the caller; others may have been under way beside it.
    const answered = attempts.find(({ committedAt }) => committedAt !== undefined);
    if (!answered) return;
    const at = this.#at;
    this.#at = (at + 1) % this.#size;
    this.#ids[at] = exchange.id;
    this.#routes[at] = route;
    this.#rules[at] = plan.rule;
    this.#candidates[at] = answered.candidate;
    this.#contexts[at] = contextOf(facts);
    this.#arms[at] = plan.arm;
    this.#scores[at] = Number.NaN;
  }

  find(id: string): RecentAnswer | undefined {
    const at = this.#ids.indexOf(id);
    if (at < 0) return undefined;
    return {
      route: this.#routes[at] as string,
      rule: this.#rules[at] as RuleBody,
      candidate: this.#candidates[at] as Candidate,
      context: this.#contexts[at] as number,
      arm: this.#arms[at],
    };
  }

  /** Keeps the score and gives the one before; undefined: there was none, or the request is not known any more. */
  score(id: string, score: number): number | undefined {
    const at = this.#ids.indexOf(id);
    if (at < 0) return undefined;
    const before = this.#scores[at] as number;
    this.#scores[at] = score;
    return Number.isNaN(before) ? undefined : before;
  }
}
