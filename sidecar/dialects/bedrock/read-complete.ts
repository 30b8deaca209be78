/** A whole answer of `Converse` in canonical form; arguments and citations as they were written. */

import type { Block } from '../canonical/request.ts';
import type { ChatResponse } from '../canonical/response.ts';
import { isAnswerTool, isCustomTool, readText } from '../canonical/tool-emulation.ts';
import type { Asked } from '../chat-format.ts';
import { type JsonNode, readJson } from '../json/tape.ts';
import { finishOf, sequenceOf } from './finish.ts';
import { readUsage } from './usage.ts';

export function readCompleteChat(body: Buffer, asked: Asked): ChatResponse {
  const root = readJson(body);
  const content = root.at('output')?.at('message')?.at('content');
  let answered = false;
  const blocks: Block[] = [];
  for (const node of content?.elements() ?? []) {
    const name = node.at('toolUse')?.at('name')?.text;
    if (name !== undefined && isAnswerTool(name, asked)) {
      answered = true;
      blocks.push({ type: 'Text', text: node.at('toolUse')?.at('input')?.raw ?? '{}' });
    } else {
      blocks.push(...blockOf(node, asked));
    }
  }
  const called = blocks.some(({ type }) => type === 'ToolCall');
  const sequence = sequenceOf(root.at('additionalModelResponseFields')?.value());
  const rawUsage = root.at('usage')?.value();
  return {
    id: undefined,
    model: undefined,
    choices: [{ blocks, finish: finishOf(root.at('stopReason')?.text ?? '', sequence, answered && !called) }],
    usage: readUsage(rawUsage),
    rawUsage,
    serviceTier: root.at('serviceTier')?.at('type')?.text,
  };
}

function blockOf(node: JsonNode, asked: Asked): Block[] {
  const text = node.at('text')?.text;
  if (text !== undefined) return text === '' ? [] : [{ type: 'Text', text }];
  const call = node.at('toolUse');
  if (call) {
    const name = call.at('name')?.text ?? '';
    const input = call.at('input')?.raw ?? '{}';
    const id = call.at('toolUseId')?.text ?? '';
    return isCustomTool(name, asked)
      ? [{ type: 'ToolCall', id, name, arguments: readText(input), custom: true }]
      : [{ type: 'ToolCall', id, name, arguments: input }];
  }
  const reasoning = node.at('reasoningContent');
  if (reasoning) return thinkingOf(reasoning);
  const cited = node.at('citationsContent');
  if (cited) {
    const said = [...(cited.at('content')?.elements() ?? [])]
      .map((part) => part.at('text')?.text ?? '')
      .join('');
    const citations = cited.at('citations')?.raw;
    return [{ type: 'Text', text: said, ...(citations === undefined ? {} : { citations }) }];
  }
  return [{ type: 'Native', vendor: 'bedrock', json: node.raw }];
}

function thinkingOf(node: JsonNode): Block[] {
  const data = node.at('redactedContent')?.text;
  if (data !== undefined) return [{ type: 'RedactedThinking', vendor: 'anthropic', data }];
  const value = node.at('reasoningText')?.at('signature')?.text;
  const text = node.at('reasoningText')?.at('text')?.text ?? '';
  if (value === undefined || value === '') return text === '' ? [] : [{ type: 'Thinking', text }];
  // Signatures are made by Claude, and hold wherever it is served.
  return [{ type: 'Thinking', text, signature: { vendor: 'anthropic', value } }];
}
