/**
 * What says that requests belong together, as a hash: no part of routing holds, shows or logs the value itself.
 *
 * A conversation is known by the id that its client gives it. Where there is none, its beginning identifies it: that stays the
 * same from its first request to its last, and two conversations that begin alike share a vendor's cache as well.
 */
import type { RequestFacts } from '../plan.ts';
import { type KeyHash, keyHash } from './rendezvous.ts';

export type StickyKind = 'Header' | 'User' | 'Conversation' | 'PromptPrefix';

export interface StickyKey {
  /** Where it was found; PromptPrefix also where a conversation has no id. */
  readonly kind: StickyKind;
  readonly hash: KeyHash;
}

/** Members of a body that clients put the id of a conversation in, and members of `metadata`. */
const CONVERSATION_MEMBERS = ['prompt_cache_key', 'conversation'];
const CONVERSATION_METADATA = ['conversation_id', 'session_id', 'thread_id'];
const CONVERSATION_HEADERS = ['x-conversation-id', 'x-session-id', 'conversation_id', 'session_id'];
const USER_MEMBERS = ['safety_identifier', 'user'];

/** Undefined: the request says nothing of the kind. */
export function stickyKey(
  type: StickyKind,
  header: string | undefined,
  facts: RequestFacts,
  salt: string,
): StickyKey | undefined {
  switch (type) {
    case 'Header': {
      const value = header === undefined ? undefined : facts.header(header);
      return value ? { kind: type, hash: keyHash(salt, value) } : undefined;
    }
    case 'User': {
      const user = firstMember(USER_MEMBERS, facts) ?? textOf(facts.member?.('metadata'), 'user_id');
      return user === undefined ? undefined : { kind: type, hash: keyHash(salt, user) };
    }
    case 'Conversation': {
      const id = conversationOf(facts);
      return id === undefined ? byPrefix(facts, salt) : { kind: type, hash: keyHash(salt, id) };
    }
    case 'PromptPrefix':
      return byPrefix(facts, salt);
  }
}

function byPrefix(facts: RequestFacts, salt: string): StickyKey | undefined {
  const prefix = facts.promptPrefix?.();
  return prefix && { kind: 'PromptPrefix', hash: keyHash(salt, prefix) };
}

function conversationOf(facts: RequestFacts): string | undefined {
  const id = firstMember(CONVERSATION_MEMBERS, facts);
  if (id !== undefined) return id;
  const metadata = facts.member?.('metadata');
  for (const name of CONVERSATION_METADATA) {
    const text = textOf(metadata, name);
    if (text !== undefined) return text;
  }
  for (const name of CONVERSATION_HEADERS) {
    const value = facts.header(name);
    if (value) return value;
  }
  return undefined;
}

/** The first that is text, or an object with an `id` that is. */
function firstMember(names: readonly string[], facts: RequestFacts): string | undefined {
  for (const name of names) {
    const value = facts.member?.(name);
    const text = typeof value === 'string' && value !== '' ? value : textOf(value, 'id');
    if (text !== undefined) return text;
  }
  return undefined;
}

function textOf(holder: unknown, name: string): string | undefined {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined;
  const value = (holder as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
