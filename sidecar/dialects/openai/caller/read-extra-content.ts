/**
 * `extra_content`: what a vendor wants back in the next turn and OpenAI's messages have no member for. Clients echo messages
 * as they got them, so it comes back here.
 *
 *   assistant message  {"anthropic": {"thinking_blocks": [...]}, "openai": {"reasoning_items": [...]}, "google": {"thought_signature": "..."}}
 *   tool call          {"google": {"thought_signature": "..."}}
 */
import type { RedactedThinkingBlock, Signature, ThinkingBlock, Vendor } from '../../canonical/request.ts';
import type { JsonNode } from '../../json/tape.ts';

export interface ExtraContent {
  thinking: (ThinkingBlock | RedactedThinkingBlock)[];
  /** Of the message's text, or of the call. */
  signature: Signature | undefined;
}

const NONE: ExtraContent = { thinking: [], signature: undefined };

export function readExtraContent(node: JsonNode | undefined): ExtraContent {
  if (!node?.isObject) return NONE;
  const thinking: ExtraContent['thinking'] = [];
  for (const vendor of ['anthropic', 'bedrock'] as const) {
    for (const block of node.at(vendor)?.at('thinking_blocks')?.elements() ?? []) {
      const read = readThinkingBlock(block, vendor);
      if (read) thinking.push(read);
    }
  }
  for (const item of node.at('openai')?.at('reasoning_items')?.elements() ?? [])
    thinking.push(readReasoningItem(item));
  return { thinking, signature: googleSignature(node) };
}

function googleSignature(node: JsonNode): Signature | undefined {
  const value = node.at('google')?.at('thought_signature')?.text;
  return value ? { vendor: 'google', value } : undefined;
}

/** As Anthropic writes them: `thinking` with a signature, or `redacted_thinking` with data. */
function readThinkingBlock(
  node: JsonNode,
  vendor: Vendor,
): ThinkingBlock | RedactedThinkingBlock | undefined {
  const type = node.at('type')?.text;
  if (type === 'redacted_thinking') {
    const data = node.at('data')?.text;
    return data === undefined ? undefined : { type: 'RedactedThinking', data, vendor };
  }
  if (type !== 'thinking') return undefined;
  const value = node.at('signature')?.text;
  const text = node.at('thinking')?.text ?? '';
  return value ? { type: 'Thinking', text, signature: { vendor, value } } : { type: 'Thinking', text };
}

/** As OpenAI writes them in Responses: a summary, and the reasoning itself in encrypted form. */
export function readReasoningItem(node: JsonNode): ThinkingBlock {
  const texts: string[] = [];
  for (const name of ['summary', 'content']) {
    for (const part of node.at(name)?.elements() ?? []) texts.push(part.at('text')?.text ?? '');
    if (texts.length > 0) break;
  }
  const text = texts.join('\n\n');
  const value = node.at('encrypted_content')?.text;
  return value
    ? { type: 'Thinking', text, signature: { vendor: 'openai', value } }
    : { type: 'Thinking', text };
}
