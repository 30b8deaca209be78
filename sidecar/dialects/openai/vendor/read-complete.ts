/** A whole chat completion as a canonical answer. */

import type { Block, ToolCallBlock } from '../../canonical/request.ts';
import type { ChatChoice, ChatResponse } from '../../canonical/response.ts';
import { makeCallId } from '../../canonical/tool-ids.ts';
import { isObject } from '../../json/parsed.ts';
import { type JsonNode, readJson } from '../../json/tape.ts';
import { readUsage } from '../usage.ts';
import { contentOf, thinkingOf } from './message-reading.ts';
import { finishOf } from './stop-reason.ts';

/** `body` has been read by the dialect's `readComplete`: it is JSON with choices. */
export function readComplete(body: Buffer): ChatResponse {
  const root = readJson(body);
  const id = root.at('id')?.text || undefined;
  const choices = Array.from(root.at('choices')?.elements() ?? [], (choice, index) =>
    readChoice(choice, index, id),
  );
  const rawUsage = root.at('usage')?.value();
  return {
    id,
    model: root.at('model')?.text || undefined,
    choices,
    usage: readUsage(rawUsage),
    rawUsage,
    serviceTier: root.at('service_tier')?.text,
  };
}

function readChoice(node: JsonNode, index: number, id: string | undefined): ChatChoice {
  const message = node.at('message');
  const blocks: Block[] = message?.isObject ? readMessage(message, index, id ?? '') : [];
  const called = blocks.some(({ type }) => type === 'ToolCall');
  const refused = blocks.some(({ type }) => type === 'Refusal');
  const finish = finishOf(node.at('finish_reason')?.text || undefined, called, refused);
  const logprobs = node.at('logprobs')?.raw;
  return logprobs === undefined ? { blocks, finish } : { blocks, finish, logprobs };
}

function readMessage(node: JsonNode, choice: number, seed: string): Block[] {
  const blocks: Block[] = [];
  const message = node.value();
  const thinking = isObject(message) ? thinkingOf(message) : '';
  if (thinking !== '') blocks.push({ type: 'Thinking', text: thinking });
  const annotations = node.at('annotations');
  const citations = annotations && [...annotations.elements()].length > 0 ? annotations.raw : undefined;
  for (const { type, text } of contentOf(node.at('content')?.value())) {
    blocks.push(type === 'Text' && citations !== undefined ? { type, text, citations } : { type, text });
  }
  const refusal = node.at('refusal')?.text;
  if (refusal) blocks.push({ type: 'Refusal', text: refusal });
  for (const call of node.at('tool_calls')?.elements() ?? []) {
    blocks.push(readCall(call, () => makeCallId(seed, choice, blocks.length)));
  }
  const legacy = node.at('function_call');
  if (legacy) blocks.push(readCall(legacy, () => makeCallId(seed, choice, blocks.length)));
  return blocks;
}

function readCall(node: JsonNode, makeId: () => string): ToolCallBlock {
  const custom = node.at('custom');
  const body = custom ?? node.at('function') ?? node;
  const args = body.at(custom ? 'input' : 'arguments');
  const call: ToolCallBlock = {
    type: 'ToolCall',
    id: node.at('id')?.text || makeId(),
    name: body.at('name')?.text ?? '',
    arguments: args === undefined ? '' : (args.text ?? args.raw),
  };
  if (custom) call.custom = true;
  const signature = node.at('extra_content')?.at('google')?.at('thought_signature')?.text;
  if (signature) call.signature = { vendor: 'google', value: signature };
  return call;
}
