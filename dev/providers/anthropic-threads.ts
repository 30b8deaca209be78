/** Conversations that the Anthropic API keeps between turns, for clients that ask for its beta. */
import type { AnthropicRequest } from './anthropic-bodies.ts';

const BETA = 'message-threads-2026-08-12';
/** Conversations that are kept; the oldest goes first. */
const MAX_KEPT = 100;

type Thread = { type: 'create' } | { type: 'continue'; previous_message_id: string };
type Messages = NonNullable<AnthropicRequest['messages']>;
/** What a later turn does not say again. */
interface Kept {
  messages: Messages;
  fixed: Pick<AnthropicRequest, 'tools'> & { system?: unknown };
}

const kept = new Map<string, Kept>();

export interface Turn {
  /** With all that was said before. */
  request: AnthropicRequest;
  /** Keeps the conversation under the id of its newest message. */
  keep(id: string, said: Messages[number]['content']): void;
}

/** Undefined: the thread is not there. Requests without a thread, or without the beta, stay as they are. */
export function turnOf(body: AnthropicRequest, betas: string): Turn | undefined {
  const { thread, ...request } = body as AnthropicRequest & { thread?: Thread | null; system?: unknown };
  if (thread == null || !betas.split(',').some((beta) => beta.trim() === BETA)) {
    return { request: body, keep: () => undefined };
  }
  const before = thread.type === 'continue' ? kept.get(thread.previous_message_id) : undefined;
  if (thread.type === 'continue' && before === undefined) return undefined;
  const { tools, system } = request;
  const fixed = before?.fixed ?? { ...(tools && { tools }), ...(system !== undefined && { system }) };
  const messages = [...(before?.messages ?? []), ...(request.messages ?? [])];
  return {
    request: { ...request, ...fixed, messages },
    keep: (id, content) => {
      kept.set(id, { messages: [...messages, { role: 'assistant', content }], fixed });
      for (const [oldest] of kept) {
        if (kept.size <= MAX_KEPT) return;
        kept.delete(oldest);
      }
    },
  };
}
