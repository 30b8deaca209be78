/** Output items of a response as blocks, and how a response ended. */
import type { Block, ThinkingBlock } from '../../canonical/request.ts';
import type { Finish } from '../../canonical/response.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readReasoningItem } from '../../openai/caller/read-extra-content.ts';

export function readOutput(output: JsonNode | undefined): Block[] {
  const blocks: Block[] = [];
  for (const item of output?.elements() ?? []) blocks.push(...readItem(item));
  return blocks;
}

function readItem(node: JsonNode): Block[] {
  const type = node.at('type')?.text;
  switch (type) {
    case 'message':
      return Array.from(node.at('content')?.elements() ?? [], readPart).filter(
        (block) => block !== undefined,
      );
    case 'reasoning':
      return readReasoning(node);
    case 'function_call':
    case 'custom_tool_call':
      return [readCall(node, type === 'custom_tool_call')];
    default:
      return [{ type: 'Native', vendor: 'openai', json: node.raw }];
  }
}

function readPart(node: JsonNode): Block | undefined {
  const refusal = node.at('refusal')?.text;
  if (refusal !== undefined) return { type: 'Refusal', text: refusal };
  const text = node.at('text')?.text;
  if (text === undefined) return undefined;
  const annotations = node.at('annotations');
  const cited = annotations !== undefined && [...annotations.elements()].length > 0;
  return cited ? { type: 'Text', text, citations: annotations.raw } : { type: 'Text', text };
}

/** Without a summary and without a cipher there is nothing to tell of. */
function readReasoning(node: JsonNode): ThinkingBlock[] {
  const block = readReasoningItem(node);
  return block.text === '' && block.signature === undefined ? [] : [block];
}

function readCall(node: JsonNode, custom: boolean): Block {
  const text = node.at(custom ? 'input' : 'arguments');
  const call = {
    type: 'ToolCall' as const,
    id: node.at('call_id')?.text ?? node.at('id')?.text ?? '',
    name: node.at('name')?.text ?? '',
    arguments: text === undefined ? '' : (text.text ?? text.raw),
  };
  return custom ? { ...call, custom: true } : call;
}

/** `status`: of the response. `reason`: of its `incomplete_details`. */
export function finishOf(
  status: string | undefined,
  reason: string | undefined,
  called: boolean,
  refused: boolean,
): Finish {
  if (status === 'incomplete') {
    if (reason === 'content_filter') return { reason: 'ContentFilter', raw: reason };
    if (reason === 'max_output_tokens' || reason === 'max_tokens') return { reason: 'Length', raw: reason };
    return { reason: 'Other', raw: reason ?? status };
  }
  const raw = status ?? '';
  if (called) return { reason: 'ToolCalls', raw };
  return { reason: refused ? 'Refusal' : 'Stop', raw };
}
