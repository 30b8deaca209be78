/** Why an answer ended: the words of the Messages API and their meanings. */
import type { Finish, StopReason } from '../canonical/response.ts';
import type { UpstreamError } from '../dialect.ts';

const MEANINGS: ReadonlyMap<string, StopReason> = new Map([
  ['end_turn', 'Stop'],
  ['stop_sequence', 'StopSequence'],
  ['max_tokens', 'Length'],
  ['model_context_window_exceeded', 'ContextWindow'],
  ['tool_use', 'ToolCalls'],
  ['refusal', 'Refusal'],
  ['pause_turn', 'Pause'],
]);

const WORDS: Readonly<Record<StopReason, string>> = {
  Stop: 'end_turn',
  StopSequence: 'stop_sequence',
  Length: 'max_tokens',
  ContextWindow: 'model_context_window_exceeded',
  ToolCalls: 'tool_use',
  ContentFilter: 'refusal',
  Refusal: 'refusal',
  Pause: 'pause_turn',
  // Nobody knows the word; clients that check it against a list must not fail on it. It goes beside, as it was.
  Other: 'end_turn',
};

export function readStop(raw: string, sequence: string | undefined): Finish {
  const reason = MEANINGS.get(raw) ?? 'Other';
  return sequence === undefined ? { reason, raw } : { reason, raw, sequence };
}

/** `called`: the answer holds a call of a tool. Agents go on only where the reason says so, whatever the vendor called it. */
export function stopWord({ reason, sequence }: Finish, called: boolean): string {
  if (called && (reason === 'Stop' || reason === 'Other')) return 'tool_use';
  // Clients read the sequence wherever the word says that one was met.
  return reason === 'StopSequence' && sequence === undefined ? 'end_turn' : WORDS[reason];
}

/** Servers that imitate this API end broken answers with such words, inside a 200. */
export function failedStop(raw: string): UpstreamError | undefined {
  return raw.includes('error') || raw.includes('overload')
    ? { status: undefined, code: raw, type: undefined, message: `stop_reason is ${raw}` }
    : undefined;
}
