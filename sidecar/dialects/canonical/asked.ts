/** What is kept of a request while its answer comes. */
import type { Asked } from '../chat-format.ts';
import type { ChatRequest } from './request.ts';

export function askedOf(chat: ChatRequest): Asked {
  const { turns: _turns, source: _source, ...rest } = chat;
  return {
    ...rest,
    tools: rest.tools.map((tool) => ({ ...tool, description: undefined, schema: undefined })),
  };
}
