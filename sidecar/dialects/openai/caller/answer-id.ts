/** Ids of answers as OpenAI's clients know them: the vendor's own behind OpenAI's prefix. */
import type { AnswerContext } from '../../chat-format.ts';

export function answerId(
  prefix: 'chatcmpl-' | 'resp_',
  id: string | undefined,
  { requestId }: Pick<AnswerContext, 'requestId'>,
): string {
  if (id?.startsWith(prefix)) return id;
  return prefix + (id === undefined || id === '' ? requestId : id);
}
