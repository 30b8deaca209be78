/** Finish reasons of chat completions, and the words that imitators use, as canonical ones. */
import type { Finish, StopReason } from '../../canonical/response.ts';

const REASONS: ReadonlyMap<string, StopReason> = new Map<string, StopReason>([
  ['stop', 'Stop'],
  ['eos', 'Stop'],
  ['eos_token', 'Stop'],
  ['end_turn', 'Stop'],
  ['complete', 'Stop'],
  ['completed', 'Stop'],
  ['stop_sequence', 'StopSequence'],
  ['length', 'Length'],
  ['max_tokens', 'Length'],
  ['max_output_tokens', 'Length'],
  ['model_length', 'ContextWindow'],
  ['model_context_window_exceeded', 'ContextWindow'],
  ['tool_calls', 'ToolCalls'],
  ['tool_use', 'ToolCalls'],
  ['tool_call', 'ToolCalls'],
  ['function_call', 'ToolCalls'],
  ['content_filter', 'ContentFilter'],
  ['safety', 'ContentFilter'],
  ['sensitive', 'ContentFilter'],
  ['refusal', 'Refusal'],
]);

/** Many servers say `stop`, or nothing, though tools were called. `raw` undefined: the vendor gave none. */
export function finishOf(raw: string | undefined, called: boolean, refused: boolean): Finish {
  const reason = raw === undefined ? 'Stop' : (REASONS.get(raw.toLowerCase()) ?? 'Other');
  if (called && reason === 'Stop') return { reason: 'ToolCalls', raw: raw ?? '' };
  if (refused && reason === 'Stop') return { reason: 'Refusal', raw: raw ?? '' };
  return { reason, raw: raw ?? '' };
}
