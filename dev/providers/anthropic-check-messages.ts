/** Conversations that the Anthropic API takes: roles, blocks, calls with their results, and thinking it signed itself. */

import { isSealed, verify } from './anthropic-seal.ts';
import { isObject, type Json, list, word } from './json.ts';

const ID = /^[a-zA-Z0-9_-]+$/;
const IMAGES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  text: ['text', 'citations'],
  image: ['source', 'transformations'],
  document: ['source', 'title', 'context', 'citations'],
  search_result: ['content', 'source', 'title', 'citations'],
  tool_use: ['id', 'name', 'input', 'caller'],
  tool_result: ['tool_use_id', 'content', 'is_error'],
  thinking: ['thinking', 'signature'],
  redacted_thinking: ['data'],
  server_tool_use: ['id', 'name', 'input', 'caller'],
  web_search_tool_result: ['tool_use_id', 'content', 'caller'],
};

export function checkMessages(body: Json, version: number): string | undefined {
  const messages = list(body.messages);
  if (messages.length === 0) return 'messages: at least one message is required';
  if (messages[0]?.role !== 'user') return 'messages: first message must use the "user" role';
  for (const [index, message] of messages.entries()) {
    const refused =
      checkRole(messages, index, version) ?? checkContent(message, index, index === messages.length - 1);
    if (refused !== undefined) return refused;
  }
  const system =
    body.system === undefined ? undefined : checkContent({ role: 'system', content: body.system }, -1, false);
  return (
    system ??
    checkCalls(messages) ??
    checkEnd(messages, version) ??
    checkThinkingFirst(body, messages) ??
    checkCache(body) ??
    checkDefined(body, messages)
  );
}

function checkRole(messages: Json[], index: number, version: number): string | undefined {
  const { role } = messages[index] ?? {};
  if (role === 'user' || role === 'assistant') return undefined;
  if (role !== 'system' || version < 4.08)
    return `messages.${index}.role: Input should be 'user' or 'assistant'`;
  const next = messages[index + 1]?.role;
  const placed = messages[index - 1]?.role === 'user' && (next === undefined || next === 'assistant');
  return placed
    ? undefined
    : `messages.${index}: system messages must follow a user message and precede an assistant message`;
}

const blocksOf = ({ content }: Json): Json[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : list(content);

function checkContent(message: Json, index: number, last: boolean): string | undefined {
  const path = index < 0 ? 'system' : `messages.${index}`;
  if (typeof message.content !== 'string' && !Array.isArray(message.content))
    return `${path}.content: Field required`;
  const blocks = blocksOf(message);
  if (blocks.length === 0 && !(last && message.role === 'assistant'))
    return `${path}: all messages must have non-empty content`;
  for (const [at, block] of blocks.entries()) {
    const refused = checkBlock(block, `${path}.content.${at}`, word(message.role));
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function checkBlock(block: Json, path: string, role: string): string | undefined {
  const type = word(block.type);
  const members = BLOCKS[type];
  if (members === undefined)
    return `${path}: Input tag '${type}' found using 'type' does not match any of the expected tags`;
  const extra = Object.keys(block).find(
    (name) => name !== 'type' && name !== 'cache_control' && !members.includes(name),
  );
  if (extra !== undefined) return `${path}.${type}.${extra}: Extra inputs are not permitted`;
  if (role === 'system' && type !== 'text') return `${path}: system takes text only`;
  switch (type) {
    case 'text':
      if (typeof block.text !== 'string') return `${path}.text.text: Field required`;
      return block.text.trim() === ''
        ? 'messages: text content blocks must contain non-whitespace text'
        : undefined;
    case 'image':
    case 'document':
      return checkSource(type, block.source, path);
    case 'tool_use':
      if (role !== 'assistant') return `${path}: \`tool_use\` blocks can only be in \`assistant\` messages`;
      if (!ID.test(word(block.id)))
        return `${path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`;
      return isObject(block.input) ? undefined : `${path}.tool_use.input: Input should be a valid dictionary`;
    case 'tool_result':
      if (role !== 'user') return `${path}: \`tool_result\` blocks can only be in \`user\` messages`;
      return checkResult(block, path);
    case 'thinking':
      if (role !== 'assistant') return `${path}: \`thinking\` blocks can only be in \`assistant\` messages`;
      return verify(word(block.thinking), word(block.signature))
        ? undefined
        : `${path}: Invalid \`signature\` in \`thinking\` block`;
    case 'redacted_thinking':
      return isSealed(word(block.data))
        ? undefined
        : `${path}: Invalid \`data\` in \`redacted_thinking\` block`;
    default:
      return undefined;
  }
}

function checkResult(block: Json, path: string): string | undefined {
  for (const [index, part] of (typeof block.content === 'string' ? [] : list(block.content)).entries()) {
    if (!['text', 'image', 'document', 'search_result'].includes(word(part.type))) {
      return `${path}.tool_result.content.${index}: Input tag '${word(part.type)}' does not match`;
    }
    const refused = checkBlock(part, `${path}.tool_result.content.${index}`, 'user');
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function checkSource(kind: string, source: unknown, path: string): string | undefined {
  if (!isObject(source)) return `${path}.${kind}.source: Field required`;
  switch (source.type) {
    case 'base64': {
      const types = kind === 'image' ? IMAGES : ['application/pdf'];
      if (!types.includes(word(source.media_type)))
        return `${path}.${kind}.source.base64.media_type: Input should be ${types.join(', ')}`;
      return /^[A-Za-z0-9+/]+={0,2}$/.test(word(source.data))
        ? undefined
        : `${path}.${kind}.source.base64.data: invalid base64 data`;
    }
    case 'url':
      return word(source.url).startsWith('https://')
        ? undefined
        : `${path}.${kind}.source.url.url: Only HTTPS URLs are supported.`;
    case 'file':
      return typeof source.file_id === 'string'
        ? undefined
        : `${path}.${kind}.source.file.file_id: Field required`;
    case 'text':
    case 'content':
      return kind === 'document' ? undefined : `${path}.${kind}.source: Input tag does not match`;
    default:
      return `${path}.${kind}.source: Input tag does not match`;
  }
}

/** Messages of one role in a row count as one. */
function merged(messages: Json[]): { role: unknown; blocks: Json[] }[] {
  const turns: { role: unknown; blocks: Json[] }[] = [];
  for (const message of messages) {
    if (message.role === 'system') continue;
    const last = turns.at(-1);
    if (last !== undefined && last.role === message.role) last.blocks.push(...blocksOf(message));
    else turns.push({ role: message.role, blocks: [...blocksOf(message)] });
  }
  return turns;
}

function checkCalls(messages: Json[]): string | undefined {
  const seen = new Set<unknown>();
  const turns = merged(messages);
  for (const [index, { blocks }] of turns.entries()) {
    const calls = new Set(
      (turns[index - 1]?.blocks ?? []).filter(({ type }) => type === 'tool_use').map(({ id }) => id),
    );
    let text = false;
    for (const [at, block] of blocks.entries()) {
      if (block.type === 'tool_use') {
        if (seen.has(block.id)) return `messages: \`tool_use\` ids must be unique`;
        seen.add(block.id);
      }
      if (block.type !== 'tool_result') {
        text = true;
        continue;
      }
      if (!calls.delete(block.tool_use_id)) {
        return `messages.${index}.content.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${word(block.tool_use_id)}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`;
      }
      if (text) return `messages.${index}: \`tool_result\` blocks must come first in the content`;
    }
    if (calls.size > 0) return missing(index - 1, calls);
  }
  const open = (turns.at(-1)?.blocks ?? []).filter(({ type }) => type === 'tool_use').map(({ id }) => id);
  return open.length > 0 ? missing(turns.length - 1, open) : undefined;
}

function missing(index: number, ids: Iterable<unknown>): string {
  return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${[...ids].join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`;
}

function checkEnd(messages: Json[], version: number): string | undefined {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return undefined;
  if (version >= 4.06) {
    return 'This model does not support assistant message prefill. The conversation must end with a user message.';
  }
  const text = blocksOf(last).at(-1)?.text;
  return typeof text === 'string' && text !== text.trimEnd()
    ? 'messages: final assistant content cannot end with trailing whitespace'
    : undefined;
}

function checkThinkingFirst(body: Json, messages: Json[]): string | undefined {
  if (!isObject(body.thinking) || body.thinking.type !== 'enabled') return undefined;
  const turns = merged(messages);
  if (turns.at(-1)?.role === 'assistant')
    return 'messages: prefill is not supported while thinking is enabled';
  const [turn] = turns.slice(-2);
  if (turn?.role !== 'assistant' || !turn.blocks.some(({ type }) => type === 'tool_use')) return undefined;
  // Of the whole run of calls, the first turn begins with what was thought.
  let at = turns.length - 2;
  while (at >= 2 && turns[at - 1]?.blocks.every(({ type }) => type === 'tool_result')) at -= 2;
  const first = turns[at]?.blocks[0]?.type;
  return first === 'thinking' || first === 'redacted_thinking'
    ? undefined
    : `messages.${at}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${word(first)}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block.`;
}

function checkCache(body: Json): string | undefined {
  const marks = JSON.stringify(body).split('"cache_control":{').length - 1;
  return marks > 4 ? `A maximum of 4 blocks with cache_control may be provided. Found ${marks}.` : undefined;
}

function checkDefined(body: Json, messages: Json[]): string | undefined {
  const used = messages.some((message) =>
    blocksOf(message).some(({ type }) => type === 'tool_use' || type === 'tool_result'),
  );
  return used && list(body.tools).length === 0
    ? 'Requests which include `tool_use` or `tool_result` blocks must define tools'
    : undefined;
}
