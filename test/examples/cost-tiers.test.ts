import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const PROMPTS = new URL('../../examples/cost-tiers/prompts/', import.meta.url);

/** Fixed before there was a classifier: whoever changes the prompts has to say so here. */
const EVALUATION_SHA256 = '07f57360d7e80b199ac5e5182512e1a5cf6c212bb570e1545b5fc19d4dd288e6';

test('the prompts that the tiers are judged by are those that were fixed beforehand', () => {
  const bytes = readFileSync(new URL('evaluation.jsonl', PROMPTS));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(EVALUATION_SHA256);
  const tiers = bytes
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { tier: string }).tier);
  const share = (tier: string) => tiers.filter((one) => one === tier).length / tiers.length;
  expect([share('complex'), share('general'), share('basic')]).toEqual([0.2, 0.5, 0.3]);
});
