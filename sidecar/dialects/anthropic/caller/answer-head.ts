/** What stands at the head of every message. */
import type { AnswerContext } from '../../chat-format.ts';
import { type JsonText, json } from '../../json/write.ts';

export function headMembers(
  id: string | undefined,
  model: string | undefined,
  context: Pick<AnswerContext, 'requestId' | 'model'>,
): Record<string, JsonText> {
  return {
    id: json(messageId(id ?? context.requestId)),
    type: '"message"',
    role: '"assistant"',
    model: json(model ?? context.model),
  };
}

/** The vendor's own id behind the prefix that clients of this API know. */
function messageId(id: string): string {
  return id.startsWith('msg_') ? id : `msg_${id.replace(/[^a-zA-Z0-9_-]/g, '_')}`;
}
