/** How much of a conversation a rule sends. */
import type { AskedModelBody } from './signals.ts';

export interface ContextBody {
  /** Turns at the end that are sent. Absent: all. */
  keepLast?: number;
  summarize?: SummaryBody;
  /** Of the whole prompt, by estimate. Absent: no bound. */
  maxTokens?: number;
}

/** `maxInputTokens`: of what is summarised; `cacheMs`: of summaries. */
export interface SummaryBody extends AskedModelBody {
  /** Shorter prompts are sent as they are. */
  afterTokens: number;
  keepLast: number;
  maxOutputTokens: number;
  /** Without a summary the older turns are sent as they are. Absent: they are left out. */
  onFailure?: 'Pass';
}
