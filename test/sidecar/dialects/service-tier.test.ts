import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES } from '../../../sidecar/dialects/anthropic/dialects.ts';
import type { WireReader } from '../../../sidecar/dialects/dialect.ts';
import { GEMINI } from '../../../sidecar/dialects/gemini/formats.ts';
import { OPENAI_CHAT } from '../../../sidecar/dialects/openai/dialects.ts';
import { OPENAI_RESPONSES } from '../../../sidecar/dialects/responses/dialects.ts';
import { serviceTierOf } from '../../../sidecar/dialects/service-tier.ts';

it.each([
  ['default', 'Standard'],
  ['STANDARD', 'Standard'],
  ['on_demand', 'Standard'],
  ['fast', 'Priority'],
  ['performance', 'Reserved'],
  ['auto', undefined],
  ['', undefined],
  [null, undefined],
  [7, undefined],
  ['constructor', 'Other'],
])('the word %s means %s', (word, tier) => {
  expect(serviceTierOf(word)).toBe(tier);
});

const told = (wire: WireReader, ...events: object[]) => {
  const reader = wire.openStream();
  for (const event of events) {
    const data = Buffer.from(JSON.stringify(event));
    reader.read(Buffer.from(`data: ${data.toString()}\n\n`), data);
  }
  return reader.serviceTier;
};
const whole = (wire: WireReader, body: object) =>
  wire.readComplete(Buffer.from(JSON.stringify(body))).serviceTier;

describe('streams', () => {
  it('may know better at their end, and say nothing of it in between', () => {
    const response = (service_tier: unknown) => ({ type: 'response.x', response: { id: 'r', service_tier } });
    expect(told(OPENAI_RESPONSES, response('auto'))).toBeUndefined();
    expect(told(OPENAI_RESPONSES, response('auto'), response('flex'), { type: 'a.delta', delta: 'x' })).toBe(
      'Flex',
    );
    const chunk = (more: object) => ({ id: 'c', choices: [], ...more });
    expect(told(OPENAI_CHAT, chunk({ service_tier: 'flex' }), chunk({ service_tier: null }), chunk({}))).toBe(
      'Flex',
    );
    expect(told(OPENAI_CHAT, chunk({ service_tier: 'flex' }), chunk({ service_tier: 'default' }))).toBe(
      'Standard',
    );
    expect(told(OPENAI_CHAT, chunk({ service_tier: 'fl\\u0065x' }))).toBe('Other');
  });

  it('tell it with the usage, in its first event or its last', () => {
    const start = (usage: object) => ({ type: 'message_start', message: { usage } });
    const delta = { type: 'message_delta', delta: {}, usage: { output_tokens: 5 } };
    expect(told(ANTHROPIC_MESSAGES, start({ input_tokens: 1, service_tier: 'priority' }), delta)).toBe(
      'Priority',
    );
    expect(told(ANTHROPIC_MESSAGES, start({ service_tier: 'standard', speed: 'fast' }), delta)).toBe('Fast');
    expect(told(ANTHROPIC_MESSAGES, start({ service_tier: 'batch', speed: 'standard' }))).toBe('Batch');
    const chunk = (usageMetadata: object) => ({ candidates: [], usageMetadata });
    expect(told(GEMINI, chunk({ serviceTier: 'flex' }), chunk({ promptTokenCount: 1 }))).toBe('Flex');
    expect(told(GEMINI, chunk({ trafficType: 'ON_DEMAND' }))).toBe('Standard');
  });
});

it('whole answers without a word tell nothing', () => {
  expect(whole(OPENAI_CHAT, { choices: [], service_tier: null })).toBeUndefined();
  expect(whole(OPENAI_CHAT, { choices: [], service_tier: { type: 'flex' } })).toBeUndefined();
  expect(
    whole(ANTHROPIC_MESSAGES, { type: 'message', content: [], usage: { input_tokens: 1 } }),
  ).toBeUndefined();
  expect(whole(GEMINI, { candidates: [], usageMetadata: { serviceTier: 'unspecified' } })).toBeUndefined();
});
