/** `system` and `messages` of a request as turns. */
import type { Block, CacheMark, ChatRequest, Turn } from '../../canonical/request.ts';
import { unexpected } from '../../json/expect.ts';
import type { JsonNode } from '../../json/tape.ts';
import { BlockReader } from './read-blocks.ts';

/** It stands before every message, wherever it is written. */
export function readSystem(node: JsonNode, request: ChatRequest, name: string): void {
  if (node.isNull) return;
  const blocks = new BlockReader(request).content(node, name);
  if (blocks.length > 0) request.turns.unshift({ role: 'system', blocks });
}

export function readMessages(node: JsonNode, request: ChatRequest): void {
  const reader = new BlockReader(request);
  let index = 0;
  for (const message of node.elements()) {
    const at = index++;
    const role = message.get('role');
    const content = message.get('content');
    const name = role?.text;
    if (name !== 'user' && name !== 'assistant' && name !== 'system') {
      unexpected(role ?? message, `messages[${at}].role`, 'user, assistant or system');
    }
    if (content === undefined) unexpected(message, `messages[${at}]`, 'an object with role and content');
    // Most messages are a text: no path is written for them.
    const text = content.said;
    const blocks: Block[] =
      text === undefined ? reader.content(content, `messages[${at}].content`) : [{ type: 'Text', text }];
    request.turns.push({ role: name, blocks });
  }
}

/** A mark on the request as a whole is one on its last block. */
export function markLast(turns: readonly Turn[], mark: CacheMark): void {
  const last: Block | undefined = turns.findLast(({ blocks }) => blocks.length > 0)?.blocks.at(-1);
  if (last && MARKED.has(last.type)) (last as { cache?: CacheMark }).cache ??= mark;
}

const MARKED: ReadonlySet<Block['type']> = new Set([
  'Text',
  'Image',
  'File',
  'ToolCall',
  'ToolResult',
] as const);
