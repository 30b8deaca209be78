/** Why an answer ended, in canonical words. */
import type { Finish, StopReason } from '../canonical/response.ts';

const REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: 'Stop',
  stop_sequence: 'StopSequence',
  max_tokens: 'Length',
  tool_use: 'ToolCalls',
  guardrail_intervened: 'ContentFilter',
  content_filtered: 'ContentFilter',
  model_context_window_exceeded: 'ContextWindow',
  refusal: 'Refusal',
  pause_turn: 'Pause',
};

/** `answered`: what was called is the answer itself, and nothing else. */
export function finishOf(raw: string, sequence: string | undefined, answered: boolean): Finish {
  const reason = REASONS[raw] ?? 'Other';
  const finish: Finish = { reason: reason === 'ToolCalls' && answered ? 'Stop' : reason, raw };
  if (sequence !== undefined && reason === 'StopSequence') finish.sequence = sequence;
  return finish;
}

/** `{"stop_sequence": "END"}`, asked for by its path. */
export function sequenceOf(fields: unknown): string | undefined {
  const { stop_sequence: sequence } = (fields ?? {}) as { stop_sequence?: unknown };
  return typeof sequence === 'string' ? sequence : undefined;
}
