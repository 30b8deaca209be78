/**
 * What a model takes, by its name. Claude's parameters differ by generation, and a parameter that a model no longer has is a
 * 400. Other vendors' models behind this API get what every generation up to 4.5 took.
 */
import type { Quirks } from '../../chat-format.ts';

export interface ModelTraits {
  /** Budget: `enabled` with a budget. Adaptive: `adaptive` with an effort. None: it does not think. */
  readonly thinking: 'None' | 'Budget' | 'Adaptive';
  /** It thinks where nothing is asked. Optional: unless told not to. Always: whatever is asked. */
  readonly unasked: 'No' | 'Optional' | 'Always';
  /** Levels of `output_config.effort`, the least first; empty: none. */
  readonly efforts: readonly string[];
  /** `temperature`, `top_p`, `top_k`. OneOf: not temperature and top_p together. */
  readonly sampling: 'All' | 'OneOf' | 'None';
  /** `output_config.format` and strict tools. */
  readonly structured: boolean;
  /** An assistant turn at the end is the beginning of the answer. */
  readonly prefill: boolean;
  /** Instructions may stand between turns. */
  readonly laterSystem: boolean;
}

const FOUR_FIVE = 4.05;
const FOUR_SIX = 4.06;
const FOUR_SEVEN = 4.07;
const FOUR_EIGHT = 4.08;

export function traitsOf(model: string, quirks: Quirks): ModelTraits {
  const name = model.toLowerCase();
  const claude = name.lastIndexOf('claude');
  const generation = claude < 0 ? undefined : generationOf(name.slice(claude));
  const at = generation ?? 0;
  const always = /claude-(fable|mythos)/.test(name);
  const refused = (parameter: string) => quirks.refuses?.includes(parameter) ?? false;
  const effort = at >= FOUR_SIX || (at === FOUR_FIVE && name.includes('opus'));
  return {
    thinking: generation !== undefined && at < 3.07 ? 'None' : at >= FOUR_SIX ? 'Adaptive' : 'Budget',
    unasked: always ? 'Always' : at >= 5 ? 'Optional' : 'No',
    efforts: effort && !refused('output_config.effort') ? effortsOf(at) : [],
    sampling: at >= FOUR_SEVEN ? 'None' : at >= 4.01 ? 'OneOf' : 'All',
    structured: at >= FOUR_FIVE && !refused('output_config.format'),
    prefill: at < FOUR_SIX,
    // Of the first-party API only.
    laterSystem: at >= FOUR_EIGHT && name.includes('opus') && quirks.anthropicVersion === undefined,
  };
}

function effortsOf(generation: number): readonly string[] {
  if (generation >= FOUR_SEVEN) return ['low', 'medium', 'high', 'xhigh', 'max'];
  return generation >= FOUR_SIX ? ['low', 'medium', 'high', 'max'] : ['low', 'medium', 'high'];
}

/**
 * `claude-opus-4-6`, `claude-3-5-sonnet-20241022`, `claude-sonnet-4-5@20250929`, `anthropic.claude-opus-4-20250514-v1:0`:
 * the major number, and hundredths for the minor one. A Claude without a number is newer than those with one were.
 */
function generationOf(name: string): number {
  const numbers = name.split(/[^a-z0-9]+/).slice(1);
  const at = numbers.findIndex((part) => /^\d{1,2}$/.test(part));
  if (at < 0) return FOUR_SEVEN;
  const minor = numbers[at + 1];
  return Number(numbers[at]) + (minor !== undefined && /^\d{1,2}$/.test(minor) ? Number(minor) / 100 : 0);
}
