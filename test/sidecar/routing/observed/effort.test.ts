import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { effortOf } from '../../../../sidecar/routing/observed/effort.ts';

const messages = [{ role: 'user', content: 'Hello' }];

describe('the effort a request asks for', () => {
  it.each([
    [OPENAI_CHAT, {}, ''],
    [OPENAI_CHAT, { reasoning_effort: 'high' }, 'high'],
    [OPENAI_CHAT, { reasoning_effort: null }, ''],
    [OPENAI_CHAT, { reasoning: { effort: 'Low', summary: 'auto' } }, 'low'],
    [OPENAI_CHAT, { reasoning_effort: 'x'.repeat(5000) }, ''],
    [ANTHROPIC_MESSAGES, { thinking: { type: 'enabled', budget_tokens: 10_000 } }, 'b2^13'],
    [ANTHROPIC_MESSAGES, { thinking: { type: 'disabled' } }, 'none'],
    [ANTHROPIC_MESSAGES, { output_config: { effort: 'medium' } }, 'medium'],
  ])('is read from where its dialect has it (%#)', (dialect, over, effort) => {
    const body = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 100, messages, ...over }));
    expect(effortOf(dialect.readRequest(body))).toBe(effort);
  });
});
