/** `messages` of a chat request as turns. */
import type {
  Block,
  ChatRequest,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
  Turn,
} from '../../canonical/request.ts';
import { makeCallId } from '../../canonical/tool-ids.ts';
import { expectText, optionalText, unexpected } from '../../json/expect.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readExtraContent } from './read-extra-content.ts';
import { readContent, required } from './read-parts.ts';

/** Names of calls by id, in the order of the conversation. */
type Calls = Map<string, string>;

export function readMessages(node: JsonNode, request: ChatRequest): void {
  const calls: Calls = new Map();
  let index = 0;
  for (const message of node.elements()) {
    const at = index++;
    const plain = readPlain(message);
    if (plain) {
      request.turns.push(plain);
      continue;
    }
    const path = `messages[${at}]`;
    const role = required(message, 'role', path).text;
    switch (role) {
      case 'system':
      case 'developer':
        request.turns.push(readTurn(message, 'system', path, request));
        break;
      case 'user':
        request.turns.push(readTurn(message, 'user', path, request));
        break;
      case 'assistant':
        request.turns.push(readAssistant(message, path, request, calls));
        break;
      case 'tool':
      case 'function':
        addResult(request.turns, readResult(message, role, path, request, calls));
        break;
      default:
        unexpected(
          required(message, 'role', path),
          `${path}.role`,
          'system, developer, user, assistant or tool',
        );
    }
  }
}

/** A message of nothing but its role and a text, as most are. */
function readPlain(node: JsonNode): Turn | undefined {
  if (node.size !== 2) return undefined;
  const role = node.get('role')?.text;
  const text = node.get('content')?.said;
  if (text === undefined || (role !== 'user' && role !== 'assistant' && role !== 'system')) return undefined;
  return { role, blocks: [{ type: 'Text', text }] };
}

function readTurn(node: JsonNode, role: 'system' | 'user', path: string, request: ChatRequest): Turn {
  const turn: Turn = {
    role,
    blocks: readContent(required(node, 'content', path), `${path}.content`, request),
  };
  return named(turn, node);
}

function readAssistant(node: JsonNode, path: string, request: ChatRequest, calls: Calls): Turn {
  const blocks: Block[] = [];
  const extra = readExtraContent(node.at('extra_content'));
  const reasoning = node.at('reasoning_content') ?? node.at('reasoning');
  blocks.push(...extra.thinking);
  // Signed blocks hold the same text, as the vendor that signed it wants it back.
  if (extra.thinking.length === 0 && reasoning?.text) blocks.push({ type: 'Thinking', text: reasoning.text });
  const content = node.at('content');
  if (content) blocks.push(...readContent(content, `${path}.content`, request));
  const refusal = node.at('refusal');
  if (refusal) blocks.push({ type: 'Refusal', text: expectText(refusal, `${path}.refusal`) });
  if (extra.signature) blocks.push({ type: 'Thinking', text: '', signature: extra.signature });
  if (node.at('audio')) request.untranslatable ??= 'earlier audio output is referred to (messages[].audio)';
  const legacy = node.at('function_call');
  if (legacy) {
    const id = makeCallId('function_call', request.turns.length, 0);
    blocks.push({ type: 'ToolCall', id, ...readFunctionCall(legacy, `${path}.function_call`) });
  }
  let index = 0;
  for (const call of node.at('tool_calls')?.elements() ?? []) {
    blocks.push(readCall(call, `${path}.tool_calls[${index++}]`));
  }
  for (const block of blocks) if (block.type === 'ToolCall') calls.set(block.id, block.name);
  return named({ role: 'assistant', blocks }, node);
}

function readCall(node: JsonNode, path: string): ToolCallBlock {
  const id = expectText(required(node, 'id', path), `${path}.id`);
  const custom = node.at('custom');
  if (custom) {
    const name = expectText(required(custom, 'name', `${path}.custom`), `${path}.custom.name`);
    return { type: 'ToolCall', id, name, arguments: custom.at('input')?.text ?? '', custom: true };
  }
  const call: ToolCallBlock = {
    type: 'ToolCall',
    id,
    ...readFunctionCall(required(node, 'function', path), `${path}.function`),
  };
  const { signature } = readExtraContent(node.at('extra_content'));
  if (signature) call.signature = signature;
  return call;
}

/** Arguments are text, which may be broken or empty; some clients send the object itself. */
function readFunctionCall(node: JsonNode, path: string): { name: string; arguments: string } {
  const args = node.at('arguments');
  return {
    name: expectText(required(node, 'name', path), `${path}.name`),
    arguments: args === undefined ? '' : (args.text ?? args.raw),
  };
}

function readResult(
  node: JsonNode,
  role: 'tool' | 'function',
  path: string,
  request: ChatRequest,
  calls: Calls,
): ToolResultBlock {
  const content = node.at('content');
  const blocks = content ? readContent(content, `${path}.content`, request) : [];
  const result = blocks.filter(
    (block): block is ToolResultBlock['blocks'][number] =>
      block.type === 'Text' || block.type === 'Image' || block.type === 'File',
  );
  const cache = result.findLast((block): block is TextBlock => block.cache !== undefined)?.cache;
  const callId =
    role === 'tool'
      ? expectText(required(node, 'tool_call_id', path), `${path}.tool_call_id`)
      : lastCallOf(calls, expectText(required(node, 'name', path), `${path}.name`));
  const name = calls.get(callId) ?? node.at('name')?.text ?? '';
  return { type: 'ToolResult', callId, name, blocks: result, isError: false, ...(cache ? { cache } : {}) };
}

/** Results of functions name no call: the last one of that name is meant. */
function lastCallOf(calls: Calls, name: string): string {
  let found = '';
  for (const [id, called] of calls) if (called === name) found = id;
  return found;
}

/** Results that follow one another answer the calls of one turn. */
function addResult(turns: Turn[], result: ToolResultBlock): void {
  const last = turns.at(-1);
  if (last?.role === 'user' && last.blocks[0]?.type === 'ToolResult') last.blocks.push(result);
  else turns.push({ role: 'user', blocks: [result] });
}

function named(turn: Turn, node: JsonNode): Turn {
  const name = node.at('name');
  const text = name && optionalText(name, 'messages[].name');
  if (text !== undefined) turn.name = text;
  return turn;
}
