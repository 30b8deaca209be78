import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../../operator/compile/catalogue.ts';
import { factsOf } from '../../../operator/compile/model-facts.ts';

describe('what is known of a model', () => {
  it.each([
    ['gpt-5-mini', ['Chat', 'Tools', 'Vision', 'JSONSchema'], 128_000],
    ['o3-mini-2025-01-31', ['Chat', 'Tools', 'JSONSchema'], 100_000],
    ['gpt-3.5-turbo-instruct', ['Completions'], 4_096],
    ['claude-3-haiku-20240307', ['Chat', 'Tools', 'Vision'], 4_096],
    ['claude-opus-4-20250514', ['Chat', 'Tools', 'Vision'], 32_000],
    ['claude-opus-4-5', ['Chat', 'Tools', 'Vision', 'JSONSchema'], 64_000],
    ['anthropic/claude-sonnet-4.5', ['Chat', 'Tools', 'Vision', 'JSONSchema'], 64_000],
    ['anthropic/claude-3.7-sonnet', ['Chat', 'Tools', 'Vision'], 64_000],
    ['eu.anthropic.claude-opus-4-6-v1:0', ['Chat', 'Tools', 'Vision', 'JSONSchema'], 128_000],
    ['global.amazon.nova-lite-v1:0', ['Chat', 'Tools', 'Vision'], undefined],
    ['models/gemini-2.5-flash', ['Chat', 'Tools', 'Vision', 'JSONSchema'], 65_536],
    ['rerank-v3.5', ['Rerank'], undefined],
  ])('%s', (name, capabilities, maxOutputTokens) => {
    expect(factsOf(name)).toMatchObject({ capabilities, ...(maxOutputTokens && { maxOutputTokens }) });
  });

  it.each(['gpt-4o-realtime-preview', 'o1-pro', 'gpt-5-pro', 'llama-3.3-70b', 'kimi-k3', 'my-fine-tune'])(
    'is nothing for %s, so nothing is filtered by it',
    (name) => expect(factsOf(name)).toEqual({}),
  );
});

it('says the largest output of every Claude, which Anthropic wants in each request', () => {
  const now = Date.parse('2026-11-20T00:00:00Z');
  const without = (catalogueOf('Anthropic', '', now)?.models ?? [])
    .filter(({ maxOutputTokens }) => maxOutputTokens === undefined)
    .map(({ id }) => id);
  // Retired before the API that asks for it.
  expect(without).toEqual(['claude-2', 'claude-v1']);
});
