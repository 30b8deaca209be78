/** How hard a request asks its model to think, as one word that answers can be told apart by. */
import type { Envelope } from '../../dialects/envelope.ts';

/** Members that say so, of the dialects: Chat Completions, Responses, Messages, Gemini. */
const MEMBERS = ['reasoning_effort', 'reasoning', 'thinking', 'output_config', 'generationConfig'] as const;
/** A configuration may hold whole schemas; the effort is looked for in so many bytes of it. */
const LOOKED_AT = 4096;
const WORD = /"(?:effort|thinkingLevel|thinking_level)"\s*:\s*"([A-Za-z]{1,16})"/;
const BUDGET = /"(?:budget_tokens|thinkingBudget|thinking_budget)"\s*:\s*(-?\d{1,9})/;
const BARE = /^"([A-Za-z]{1,16})"$/;
const OFF = /"type"\s*:\s*"disabled"/;

/** Empty: the request says nothing. Budgets are rounded to powers of two. */
export function effortOf({ body, members }: Pick<Envelope, 'body' | 'members'>): string {
  for (const name of MEMBERS) {
    const found = members.get(name);
    if (found === undefined) continue;
    const end = Math.min(found.end, found.valueStart + LOOKED_AT);
    const effort = read(body.toString('latin1', found.valueStart, end));
    if (effort !== '') return effort;
  }
  return '';
}

function read(value: string): string {
  const word = BARE.exec(value.trim())?.[1] ?? WORD.exec(value)?.[1];
  if (word !== undefined) return word.toLowerCase();
  const budget = BUDGET.exec(value)?.[1];
  if (budget !== undefined)
    return Number(budget) <= 0 ? `b${budget}` : `b2^${Math.round(Math.log2(Number(budget)))}`;
  return OFF.test(value) ? 'none' : '';
}
