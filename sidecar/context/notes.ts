/** What an explanation, and the caller, are told of what is left out. Numbers only: nothing of the prompt. */
import type { Exchange } from '../exchange.ts';

export type ContextNote = 'OutputCapped' | 'Shortened' | 'Summarised' | 'Whole' | 'NoSummary';

/** `lossy`: something of what the caller sent is lost. */
export function noteContext(
  { steps, warnings }: Pick<Exchange, 'steps' | 'warnings'>,
  what: ContextNote,
  detail: string,
  lossy: boolean,
): void {
  steps.push({ stage: 'context', what, detail });
  if (lossy) warnings.push(`context: ${detail}`);
}
