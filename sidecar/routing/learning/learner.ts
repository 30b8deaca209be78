/** Lets ranking learn from what became of requests, and from what apps say of the answers. */
import type { Attempt, Exchange, ExchangeObserver } from '../../exchange.ts';
import type { Feedback, FeedbackListener } from '../../feedback/feedback.ts';
import { ruleName } from '../observed/rule-names.ts';
import type { RoutingState } from '../state.ts';
import { contextOf } from './contexts.ts';

const NANO_PER_MICRO = 1000;

export class Learner implements ExchangeObserver, FeedbackListener {
  readonly #state: Pick<RoutingState, 'adaptive' | 'quality'>;

  constructor(state: Pick<RoutingState, 'adaptive' | 'quality'>) {
    this.#state = state;
  }

  completed(exchange: Exchange): void {
    const { plan, facts, attempts } = exchange;
    const settings = plan?.rule.strategy.adaptive;
    if (!plan || !facts || !settings || facts.unread || attempts.length === 0) return;
    const { adaptive } = this.#state;
    const rule = ruleName(plan.rule);
    const context = contextOf(facts);
    adaptive.step(rule, context);
    for (const attempt of attempts) {
      const { name } = attempt.candidate.target;
      // A request that was at fault itself, or was given up by its caller, says nothing of the target.
      if (attempt.failure === 'Caller') continue;
      if (attempt.failure !== undefined) adaptive.failed(rule, context, name, settings.memory);
      else if (attempt.committedAt !== undefined) {
        adaptive.served(rule, context, name, settings.memory, outcomeOf(attempt, attempt.committedAt));
      }
    }
  }

  scored({ rule, candidate, context, task, score, replaces, now }: Feedback): void {
    const { adaptive, quality } = this.#state;
    quality.observe(candidate, task, score, replaces, now);
    const settings = rule.strategy.adaptive;
    if (!settings) return;
    adaptive.scored(ruleName(rule), context, candidate.target.name, settings.memory, score, replaces);
  }
}

function outcomeOf({ settlement, startedAt }: Attempt, committedAt: number) {
  const nano = settlement?.costNanoUsd;
  return {
    costMicroUsd: nano === undefined ? undefined : Number(nano) / NANO_PER_MICRO,
    latencyMs: committedAt - startedAt,
  };
}
