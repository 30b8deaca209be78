/** Stop reasons in OpenAI's words, and what those words leave out. */
import type { Finish } from '../../canonical/response.ts';
import { type JsonText, json, object } from '../../json/write.ts';

/**
 * A vendor that pauses wants the conversation sent again, and a word nobody knows may mean anything: neither is `stop`, which
 * tells an agent that the answer is whole.
 */
export function finishReason({ reason }: Finish, refused: boolean, legacyFunctions: boolean): string {
  switch (reason) {
    case 'Stop':
    case 'StopSequence':
      return 'stop';
    case 'ToolCalls':
      return legacyFunctions ? 'function_call' : 'tool_calls';
    case 'ContentFilter':
      return 'content_filter';
    case 'Refusal':
      // With a refusal in the message this is how OpenAI itself ends; without one only the reason can tell.
      return refused ? 'stop' : 'content_filter';
    case 'Length':
    case 'ContextWindow':
    case 'Pause':
    case 'Other':
      return 'length';
  }
}

/** `extra_content` of a choice: the vendor's own word, where OpenAI's says less. */
export function finishExtra(finish: Finish, refused: boolean): JsonText | undefined {
  switch (finish.reason) {
    case 'Stop':
    case 'Length':
    case 'ToolCalls':
    case 'ContentFilter':
      return undefined;
    case 'Refusal':
      return refused ? undefined : own(finish);
    default:
      return own(finish);
  }
}

function own({ raw, sequence }: Finish): JsonText {
  const stop = { stop_reason: json(raw), stop_sequence: sequence === undefined ? undefined : json(sequence) };
  return object({ outrider: object(stop) });
}
