/**
 * The stage between match and plan: how much of a conversation is sent, and how much may come back, as the rule says. Most
 * rules say nothing, and most requests of the others are short enough; what shortens is loaded with the first that is not.
 */
import type { Ask } from '../internal/asker.ts';
import type { ParseBudget } from '../limits/parse-budget.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { Clock } from '../snapshot/clock.ts';
import { capOutput } from './cap-output.ts';
import { mayShorten } from './may-shorten.ts';
import type { Shaper } from './shaper.ts';

export interface ContextParts {
  ask: Ask;
  clock: Pick<Clock, 'monotonic'>;
  parse: Pick<ParseBudget, 'run'>;
}

export class ContextDoor {
  readonly #parts: ContextParts;
  #shaper: Shaper | undefined;

  constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  /** Undefined: there is nothing to wait for. Rejects with OutriderError where there is no room for what is to be sent. */
  shape(exchange: HttpExchange, route: TableRoute, rule: TableRule): Promise<void> | undefined {
    const { context, maxOutputTokens } = rule.body;
    if (maxOutputTokens !== undefined) capOutput(exchange, maxOutputTokens);
    const { facts } = exchange;
    if (!context || !facts || !mayShorten(facts, context)) return undefined;
    return this.#shaper
      ? this.#shaper.shape(exchange, route, rule, context)
      : this.load().then((shaper) => shaper.shape(exchange, route, rule, context));
  }

  /** For explanations too, so that they find what is remembered. */
  async load(): Promise<Shaper> {
    const { Shaper } = await import('./shaper.ts');
    this.#shaper ??= new Shaper(this.#parts);
    return this.#shaper;
  }
}
