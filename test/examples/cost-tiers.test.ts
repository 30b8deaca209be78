import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TableRoute } from '../../sidecar/routing/table.ts';
import {
  confusion,
  type Prompt,
  promptFile,
  readPrompts,
  TIERS,
  type Tier,
  tierExample,
} from './support/tiers.ts';

/** Fixed before there was a classifier: whoever changes the prompts has to say so here. */
const EVALUATION_SHA256 = '07f57360d7e80b199ac5e5182512e1a5cf6c212bb570e1545b5fc19d4dd288e6';
const README = readFileSync(new URL('../../examples/cost-tiers/README.md', import.meta.url), 'utf8');

/** 100 tokens in and 50 out, in micro-USD: at 15/45, 0.25/1.25 and 0.10/0.10 dollars per million. */
const COST = { complex: 3750, general: 87.5, basic: 15 };
const evaluation = readPrompts('evaluation');

let route: TableRoute;
beforeAll(async () => {
  ({ route } = await tierExample());
});

test('the prompts that the tiers are judged by are those that were fixed beforehand', () => {
  expect(createHash('sha256').update(promptFile('evaluation')).digest('hex')).toBe(EVALUATION_SHA256);
  const share = (tier: Tier) => evaluation.filter((one) => one.tier === tier).length / evaluation.length;
  expect([share('complex'), share('general'), share('basic')]).toEqual([0.2, 0.5, 0.3]);
});

describe('nothing that the classifier learned from, or was tuned on, is in the evaluation', () => {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  /** Words that two texts share, of all they have. */
  const likeness = (one: Set<string>, other: Set<string>) => {
    const shared = [...one].filter((word) => other.has(word)).length;
    return shared / (one.size + other.size - shared);
  };
  const judged = evaluation.map(({ prompt }) => words(prompt));

  test('no example of the route', () => {
    const examples = route.body?.signals?.intents?.list.flatMap((intent) => intent.examples) ?? [];
    expect(examples.length).toBeGreaterThan(300);
    const most = Math.max(...examples.flatMap((text) => judged.map((one) => likeness(words(text), one))));
    expect(most).toBeLessThan(0.75);
  });

  test('no prompt of the development set', () => {
    const most = Math.max(
      ...readPrompts('development').flatMap(({ prompt }) =>
        judged.map((one) => likeness(words(prompt), one)),
      ),
    );
    expect(most).toBeLessThan(0.75);
  });
});

/** As the README has it. */
function table({ counts }: ReturnType<typeof confusion>): string {
  const rows = TIERS.map((tier) => `| ${tier} | ${TIERS.map((got) => counts[tier][got]).join(' | ')} |`);
  return [`| belongs to | ${TIERS.join(' | ')} |`, '|---|---|---|---|', ...rows].join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Share of the spend that is saved, compared with the top model for every prompt. */
function saved({ costNano, of }: ReturnType<typeof confusion>): number {
  return 1 - Number(costNano) / (of * COST.complex * 1000);
}

test('at least 95 % of prompts reach their tier, and at least 75 % of the spend is saved', () => {
  const found = confusion(route, evaluation);
  expect(found.right / found.of).toBeGreaterThanOrEqual(0.95);
  expect(saved(found)).toBeGreaterThanOrEqual(0.75);
  expect(README).toContain(table(found));
  expect(README).toContain(`${percent(found.right / found.of)} of prompts in their tier`);
  expect(README).toContain(`${percent(saved(found))} saved`);
});

test('what was seen in development is published too', () => {
  expect(README).toContain(table(confusion(route, readPrompts('development'))));
});

test('what perfect routing would save follows from the prices', () => {
  const perfect = (prompts: readonly Prompt[]) =>
    1 - prompts.reduce((sum, { tier }) => sum + COST[tier], 0) / (prompts.length * COST.complex);
  expect(perfect(evaluation)).toBeCloseTo(1 - (0.2 * 3750 + 0.5 * 87.5 + 0.3 * 15) / 3750, 10);
  expect(README).toContain(`${percent(perfect(evaluation))} is what perfect routing saves`);
});
