/** A whole answer of chat in canonical form. */

import type { Block, TextBlock, ToolCallBlock } from '../canonical/request.ts';
import type { ChatResponse } from '../canonical/response.ts';
import { isCustomTool, readText } from '../canonical/tool-emulation.ts';
import type { Asked } from '../chat-format.ts';
import { type JsonNode, readJson } from '../json/tape.ts';
import { finishOf } from './finish.ts';
import { cohereLogprobs } from './logprobs.ts';
import { readUsage } from './usage.ts';

export function readCompleteChat(body: Buffer, asked: Asked): ChatResponse {
  const root = readJson(body);
  const message = root.at('message');
  const blocks: Block[] = [];
  for (const part of message?.at('content')?.elements() ?? []) {
    const thinking = part.at('thinking')?.text;
    const text = part.at('text')?.text;
    if (thinking) blocks.push({ type: 'Thinking', text: thinking });
    if (text) blocks.push({ type: 'Text', text });
  }
  const plan = message?.at('tool_plan')?.text;
  if (plan) blocks.push({ type: 'Text', text: plan });
  const citations = message?.at('citations');
  const cited = blocks.findLast((block): block is TextBlock => block.type === 'Text');
  if (cited && citations?.isArray) cited.citations = citations.raw;
  for (const call of message?.at('tool_calls')?.elements() ?? []) blocks.push(callOf(call, asked));
  const rawUsage = root.at('usage')?.value();
  const logprobs = root.at('logprobs')?.value();
  const written = Array.isArray(logprobs) ? cohereLogprobs(logprobs) : undefined;
  return {
    id: root.at('id')?.text,
    model: undefined,
    choices: [
      {
        blocks,
        finish: finishOf(root.at('finish_reason')?.text ?? ''),
        ...(written === undefined ? {} : { logprobs: written }),
      },
    ],
    usage: readUsage(rawUsage),
    rawUsage,
    serviceTier: undefined,
  };
}

function callOf(node: JsonNode, asked: Asked): ToolCallBlock {
  const name = node.at('function')?.at('name')?.text ?? '';
  const id = node.at('id')?.text ?? '';
  const text = node.at('function')?.at('arguments')?.text ?? '';
  if (isCustomTool(name, asked))
    return { type: 'ToolCall', id, name, arguments: readText(text), custom: true };
  return { type: 'ToolCall', id, name, arguments: text.trim() === '' ? '{}' : text };
}
