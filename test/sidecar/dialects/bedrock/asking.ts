/** What these tests share. */
import { expect } from 'vitest';
import { checkConverseRequest } from '../../../../dev/providers/bedrock-check.ts';
import { BEDROCK_CONVERSE_VENDOR } from '../../../../sidecar/dialects/bedrock/formats.ts';
import type {
  Block,
  ChatRequest,
  Reasoning,
  Tool,
  Turn,
} from '../../../../sidecar/dialects/canonical/request.ts';
import { type Asking, obstacleOf, user, write as writeFor } from '../support/vendor.ts';

export const SONNET45 = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
export const SONNET37 = 'us.anthropic.claude-3-7-sonnet-20250219-v1:0';
export const OPUS46 = 'global.anthropic.claude-opus-4-6-v1';
export const NOVA = 'amazon.nova-pro-v1:0';

export function write(request: Partial<ChatRequest>, model = SONNET45, more: Partial<Asking> = {}) {
  expect(obstacleOf(BEDROCK_CONVERSE_VENDOR, request, { model, ...more })).toBeUndefined();
  const written = writeFor(BEDROCK_CONVERSE_VENDOR, request, { model, ...more });
  expect(checkConverseRequest(model, written.body)).toBeUndefined();
  return written;
}

export const tool = (schema = '{"type":"object","properties":{}}', more: Partial<Tool> = {}): Tool => ({
  type: 'Function',
  name: 'search',
  description: 'Finds things',
  schema,
  strict: undefined,
  ...more,
});
export const call = (id: string, args = '{}', more: object = {}): Block => ({
  type: 'ToolCall',
  id,
  name: 'search',
  arguments: args,
  ...more,
});
export const result = (callId: string, text: string, isError = false): Block => ({
  type: 'ToolResult',
  callId,
  name: 'search',
  blocks: [{ type: 'Text', text }],
  isError,
});
export const looped = (first: Block[] = []): Turn[] => [
  user('x'),
  { role: 'assistant', blocks: [...first, call('a'), call('b')] },
  { role: 'user', blocks: [result('b', 'two')] },
  { role: 'user', blocks: [result('a', 'one')] },
];
export const thinking = (more: Partial<Reasoning> = {}): Reasoning => ({
  mode: 'On',
  effort: undefined,
  budgetTokens: undefined,
  show: undefined,
  ...more,
});
