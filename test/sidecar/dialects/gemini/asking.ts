/** What these tests share. */
import { expect } from 'vitest';
import { checkGeminiRequest } from '../../../../dev/providers/gemini-check.ts';
import type { ChatRequest, Tool, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { type Asking, obstacleOf, write as writeFor } from '../support/vendor.ts';

export const FLASH3 = 'gemini-3-flash-preview';
export const FLASH25 = 'gemini-2.5-flash';

/** Whatever is written must pass the vendor's own checks. */
export function write(request: Partial<ChatRequest>, model = FLASH25, more: Partial<Asking> = {}) {
  expect(obstacleOf(GEMINI_VENDOR, request, { model, ...more })).toBeUndefined();
  const written = writeFor(GEMINI_VENDOR, request, { model, ...more });
  expect(checkGeminiRequest(model, written.body)).toBeUndefined();
  return written;
}

export const tool = (schema: string, more: Partial<Tool> = {}): Tool => ({
  type: 'Function',
  name: 'search',
  description: 'Finds things',
  schema,
  strict: undefined,
  ...more,
});
export const call = (id: string, args: string, signature?: string): Turn['blocks'][number] => ({
  type: 'ToolCall',
  id,
  name: 'search',
  arguments: args,
  signature: signature === undefined ? undefined : { vendor: 'google', value: signature },
});
export const result = (callId: string, text: string, isError = false): Turn['blocks'][number] => ({
  type: 'ToolResult',
  callId,
  name: 'search',
  blocks: [{ type: 'Text', text }],
  isError,
});
