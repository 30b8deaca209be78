/**
 * Thinking, as far as a model and the rest of the request let it be asked for. Two things stand against it:
 *
 * - A call of a tool that is demanded. The demand wins, because the app cannot do without the call; the model thinks not.
 * - A tool call without its thinking in the turn the vendor is to go on with, as other vendors' calls are. The vendor refuses
 *   such turns where thinking is on, so it is off for this request.
 */
import type { AlternatingTurn } from '../../canonical/conversation.ts';
import type { Block, Reasoning } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';
import { type JsonText, json, object } from '../../json/write.ts';
import type { ModelTraits } from './model-traits.ts';

export interface Thinking {
  /** The member `thinking`. */
  readonly text: JsonText | undefined;
  /** `output_config.effort`. */
  readonly effort: string | undefined;
  /** The model thinks, as far as can be told: sampling and forced calls are ruled out. */
  readonly on: boolean;
}

/** Tokens of thinking by effort, for models that want a number. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};
const LEAST_BUDGET = 1024;
/** Tokens left for the answer where the cap is small. */
const LEAST_ANSWER = 256;

export function writeThinking(
  reasoning: Reasoning | undefined,
  turns: readonly AlternatingTurn[],
  traits: ModelTraits,
  maxTokens: number,
  forced: boolean,
  context: WriteContext,
): Thinking {
  const { losses } = context;
  const asked = reasoning !== undefined && reasoning.mode !== 'Off';
  const effort = effortOf(reasoning, traits, context);
  const against = obstacleTo(turns, traits, forced);
  if (traits.unasked === 'Always') {
    if (reasoning?.mode === 'Off') losses.dropped('reasoning_effort', 'the model always thinks');
    return { text: asked ? adaptive(reasoning) : undefined, effort, on: true };
  }
  if (!asked || against !== undefined) {
    if (asked && against !== undefined && traits.thinking !== 'None')
      losses.dropped('reasoning_effort', against);
    const off = reasoning?.mode === 'Off' || (traits.unasked === 'Optional' && against !== undefined);
    const text = off && traits.thinking !== 'None' ? '{"type":"disabled"}' : undefined;
    // The highest levels are not to be had without thinking.
    const level = text !== undefined && (effort === 'xhigh' || effort === 'max') ? 'high' : effort;
    return { text, effort: level, on: text === undefined && traits.unasked === 'Optional' };
  }
  if (traits.thinking === 'None') {
    losses.dropped('reasoning_effort', 'the model does not think');
    return { text: undefined, effort, on: false };
  }
  if (traits.thinking === 'Adaptive') return { text: adaptive(reasoning), effort, on: true };
  const budget = budgetOf(reasoning, maxTokens);
  if (budget === undefined) {
    losses.dropped(
      'reasoning_effort',
      `max_tokens ${maxTokens} leaves no room for thinking, which takes ${LEAST_BUDGET}`,
    );
    return { text: undefined, effort, on: false };
  }
  return { text: object({ type: '"enabled"', budget_tokens: json(budget) }), effort, on: true };
}

/** What it thought is left out of the answer unless it is asked for. */
function adaptive({ show }: Reasoning): JsonText {
  const display = show === undefined ? undefined : json(show ? 'summarized' : 'omitted');
  return object({ type: '"adaptive"', display });
}

/** Undefined: none fits below the cap. */
function budgetOf({ budgetTokens, effort }: Reasoning, maxTokens: number): number | undefined {
  const wanted = budgetTokens ?? BUDGETS[effort ?? 'medium'] ?? BUDGETS['medium'] ?? LEAST_BUDGET;
  const most = maxTokens - LEAST_ANSWER;
  return most < LEAST_BUDGET ? undefined : Math.max(LEAST_BUDGET, Math.min(wanted, most));
}

/** The level asked for, or the nearest below it that the model has. */
function effortOf(
  reasoning: Reasoning | undefined,
  { efforts }: ModelTraits,
  { losses }: WriteContext,
): string | undefined {
  const asked = reasoning?.mode === 'Off' ? undefined : reasoning?.effort;
  if (asked === undefined || efforts.length === 0) return undefined;
  if (efforts.includes(asked)) return asked;
  const near = asked === 'minimal' ? 'low' : asked === 'xhigh' || asked === 'max' ? 'high' : undefined;
  if (near === undefined)
    losses.dropped('reasoning_effort', `the model has no effort "${asked.slice(0, 20)}"`);
  else losses.changed('reasoning_effort', `the model's nearest effort is ${near}`);
  return near;
}

function obstacleTo(
  turns: readonly AlternatingTurn[],
  traits: ModelTraits,
  forced: boolean,
): string | undefined {
  if (forced) return 'no call of a tool can be demanded of a model that thinks';
  // Models that think as they see fit take turns without it.
  if (traits.thinking === 'Budget' && continuesForeignCall(turns)) {
    return 'the conversation goes on with tool calls whose thinking is missing';
  }
  return undefined;
}

/** Whether calls of tools go on now that began without thinking of this vendor. */
function continuesForeignCall(turns: readonly AlternatingTurn[]): boolean {
  let at = turns.findLastIndex(({ role }) => role === 'assistant');
  if (!turns[at]?.blocks.some(({ type }) => type === 'ToolCall')) return false;
  while (at >= 2 && turns[at - 1]?.blocks.every(({ type }) => type === 'ToolResult')) at -= 2;
  const first = turns[at]?.blocks[0];
  return first === undefined || !isOwnThinking(first);
}

function isOwnThinking(block: Block): boolean {
  if (block.type === 'RedactedThinking') return block.vendor === 'anthropic';
  return block.type === 'Thinking' && block.signature?.vendor === 'anthropic';
}
