/** `input` of a Responses request as turns: items of one speaker that follow one another are one turn. */

import { parseDataUrl } from '../../canonical/data-url.ts';
import type {
  Block,
  ChatRequest,
  ImageBlock,
  Signature,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
  Turn,
} from '../../canonical/request.ts';
import { unseal, unsealCall } from '../../canonical/sealed.ts';
import { expectSaid, expectText, unexpected } from '../../json/expect.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readReasoningItem } from '../../openai/caller/read-extra-content.ts';
import { imageSource, readCacheMark, readFile, required } from '../../openai/caller/read-parts.ts';
import { unmarkRedacted } from './redacted.ts';

interface Draft {
  request: ChatRequest;
  /** Names of calls by id, in the order of the conversation. */
  calls: Map<string, string>;
  /** Of the call that comes next. */
  signature: Signature | undefined;
}

export function readInput(node: JsonNode, request: ChatRequest): void {
  const text = node.said;
  if (text !== undefined) {
    request.turns.push({ role: 'user', blocks: [{ type: 'Text', text }] });
    return;
  }
  const draft: Draft = { request, calls: new Map(), signature: undefined };
  let index = 0;
  for (const item of node.elements()) {
    const at = index++;
    if (!readPlain(item, request)) readItem(item, `input[${at}]`, draft);
  }
}

/** A message of nothing but its role and a text, as many are. False: it is another item. */
function readPlain(node: JsonNode, request: ChatRequest): boolean {
  if (node.size !== 2) return false;
  const role = node.get('role')?.text;
  const text = node.get('content')?.said;
  if (text === undefined || (role !== 'user' && role !== 'assistant' && role !== 'system')) return false;
  if (role === 'assistant') addAssistant(request, { type: 'Text', text });
  else request.turns.push({ role, blocks: [{ type: 'Text', text }] });
  return true;
}

function readItem(node: JsonNode, path: string, draft: Draft): void {
  const { request } = draft;
  const type = node.at('type')?.text ?? (node.at('role') ? 'message' : 'item_reference');
  switch (type) {
    case 'message':
      readMessage(node, path, draft);
      return;
    case 'function_call':
    case 'custom_tool_call':
      addAssistant(request, readCall(node, type === 'custom_tool_call', path, draft));
      return;
    case 'function_call_output':
    case 'custom_tool_call_output':
      addResult(request.turns, readResult(node, path, draft));
      return;
    case 'reasoning':
      readReasoning(node, draft);
      return;
    default:
      request.untranslatable ??= `an input item of type "${type.slice(0, 40)}" has no form in other dialects`;
  }
}

function readMessage(node: JsonNode, path: string, { request }: Draft): void {
  const role = required(node, 'role', path);
  const blocks = readContent(required(node, 'content', path), `${path}.content`, request);
  switch (role.text) {
    case 'user':
      request.turns.push({ role: 'user', blocks });
      return;
    case 'system':
    case 'developer':
      request.turns.push({ role: 'system', blocks });
      return;
    case 'assistant':
      for (const block of blocks) addAssistant(request, block);
      return;
    default:
      unexpected(role, `${path}.role`, 'user, assistant, system or developer');
  }
}

function readContent(node: JsonNode, path: string, request: ChatRequest): Block[] {
  const text = node.said;
  if (text !== undefined) return [{ type: 'Text', text }];
  if (!node.isArray) unexpected(node, path, 'a string or an array of parts');
  const blocks: Block[] = [];
  let index = 0;
  for (const part of node.elements()) {
    const block = readPart(part, `${path}[${index++}]`, request);
    const cache = readCacheMark(part);
    if (block && cache && 'type' in block && (block.type === 'Text' || block.type === 'Image')) {
      block.cache = cache;
    }
    if (block) blocks.push(block);
  }
  return blocks;
}

function readPart(node: JsonNode, path: string, request: ChatRequest): Block | undefined {
  const type = node.at('type')?.text;
  switch (type) {
    case 'input_text':
    case 'text':
      return { type: 'Text', text: expectSaid(required(node, 'text', path), `${path}.text`) };
    case 'output_text':
      return readOutputText(node, path);
    case 'refusal':
      return { type: 'Refusal', text: expectText(required(node, 'refusal', path), `${path}.refusal`) };
    case 'input_image':
      return readImage(node, path);
    case 'input_file':
      return readFile(node, path);
    case 'input_audio': {
      const audio = required(node, 'input_audio', path);
      const data = expectText(required(audio, 'data', `${path}.input_audio`), `${path}.input_audio.data`);
      return {
        type: 'Audio',
        data: parseDataUrl(data)?.data ?? data,
        format: audio.at('format')?.text ?? 'wav',
      };
    }
    case undefined:
      return unexpected(node, path, 'a part with a type');
    default:
      request.untranslatable ??= `a content part of type "${type.slice(0, 40)}" has no form in other dialects`;
      return undefined;
  }
}

function readOutputText(node: JsonNode, path: string): TextBlock {
  const text = expectSaid(required(node, 'text', path), `${path}.text`);
  const annotations = node.at('annotations');
  const cited = annotations !== undefined && [...annotations.elements()].length > 0;
  return cited ? { type: 'Text', text, citations: annotations.raw } : { type: 'Text', text };
}

function readImage(node: JsonNode, path: string): ImageBlock {
  const id = node.at('file_id')?.text;
  const detail = node.at('detail')?.text;
  const url = node.at('image_url');
  const source =
    url === undefined && id !== undefined
      ? ({ kind: 'FileId', id, vendor: 'openai' } as const)
      : imageSource(expectText(url ?? required(node, 'image_url', path), `${path}.image_url`));
  if (!source) unexpected(node, path, 'an image with an http(s) or data URL');
  return detail === undefined ? { type: 'Image', source } : { type: 'Image', source, detail };
}

function readCall(node: JsonNode, custom: boolean, path: string, draft: Draft): ToolCallBlock {
  const call: ToolCallBlock = {
    type: 'ToolCall',
    id: expectText(required(node, 'call_id', path), `${path}.call_id`),
    name: expectText(required(node, 'name', path), `${path}.name`),
    arguments: node.at(custom ? 'input' : 'arguments')?.text ?? '',
  };
  if (custom) call.custom = true;
  if (draft.signature) call.signature = draft.signature;
  draft.signature = undefined;
  draft.calls.set(call.id, call.name);
  return call;
}

function readResult(node: JsonNode, path: string, { request, calls }: Draft): ToolResultBlock {
  const callId = expectText(required(node, 'call_id', path), `${path}.call_id`);
  const content = readContent(required(node, 'output', path), `${path}.output`, request);
  const blocks = content.filter(
    (block): block is ToolResultBlock['blocks'][number] =>
      block.type === 'Text' || block.type === 'Image' || block.type === 'File',
  );
  return { type: 'ToolResult', callId, name: calls.get(callId) ?? '', blocks, isError: false };
}

/** Encrypted content is OpenAI's own, or that of another vendor, sealed when the answer was written. */
function readReasoning(node: JsonNode, draft: Draft): void {
  const block = readReasoningItem(node);
  const sealed = block.signature?.value;
  const ofCall = sealed === undefined ? undefined : unsealCall(sealed);
  if (ofCall) {
    draft.signature = ofCall;
    return;
  }
  if (sealed !== undefined) {
    block.signature = unseal(sealed, 'openai');
    const redacted = unmarkRedacted(block.signature);
    if (redacted) {
      addAssistant(draft.request, { type: 'RedactedThinking', ...redacted });
      return;
    }
  }
  addAssistant(draft.request, block);
}

function addAssistant({ turns }: ChatRequest, block: Block): void {
  const last = turns.at(-1);
  if (last?.role === 'assistant') last.blocks.push(block);
  else turns.push({ role: 'assistant', blocks: [block] });
}

/** Results that follow one another answer the calls of one turn. */
function addResult(turns: Turn[], result: ToolResultBlock): void {
  const last = turns.at(-1);
  if (last?.role === 'user' && last.blocks[0]?.type === 'ToolResult') last.blocks.push(result);
  else turns.push({ role: 'user', blocks: [result] });
}
