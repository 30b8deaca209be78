import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideIntent, lexicalFor, NO_INTENT } from '../../../sidecar/signals/intents.ts';
import { trainLexical } from '../../../sidecar/signals/lexical/classifier.ts';
import { BUCKETS, featuresOf } from '../../../sidecar/signals/lexical/features.ts';

const SHOP = [
  {
    name: 'refund',
    examples: [
      'I want my money back for the broken lamp',
      'How do I get a refund?',
      'Please refund my last order',
      'The shoes do not fit, can I return them and get the money back?',
      'You charged me although I returned the parcel, refund me',
    ],
  },
  {
    name: 'delivery',
    examples: [
      'Where is my parcel?',
      'When will my order arrive?',
      'The courier did not come yesterday',
      'Has my delivery been sent?',
      'My package is late, where is it now?',
    ],
  },
  {
    name: 'recipe',
    examples: [
      'How long do I boil pasta?',
      'Give me a recipe for lentil soup',
      'What can I cook with eggs and rice?',
      'How hot should the oven be for bread?',
    ],
  },
];
const SURE = { minScorePercent: 40, marginPercent: 5 };

describe('intents by words', () => {
  const classifier = trainLexical(SHOP);

  it.each([
    ['refund', 'can i have a refund for the lamp that arrived broken'],
    ['refund', 'i want to return these shoes, money back please'],
    ['delivery', 'my order should have arrived, where is the parcel'],
    ['delivery', 'Has the courier been sent yet?'],
    ['recipe', 'what should i cook with rice and lentils'],
    ['recipe', 'recipe for bread'],
  ])('are told apart in other words: %s', (intent, prompt) => {
    expect(decideIntent(classifier.classify(prompt), SURE)).toMatchObject({ value: intent });
  });

  it.each(['', '???', '今日は天気がいいですね', 'qzx vbw kjh', 'Zwölf Boxkämpfer jagen Viktor quer'])(
    'are none for %j',
    (prompt) => {
      const decided = decideIntent(classifier.classify(prompt), { minScorePercent: 60, marginPercent: 20 });
      expect(decided).toMatchObject({ known: true, value: NO_INTENT });
    },
  );

  it('are known to be none of a single one, too', () => {
    const [only] = SHOP;
    const one = trainLexical(only ? [only] : []);
    expect(decideIntent(one.classify('Please refund my lamp'), SURE)).toMatchObject({ value: 'refund' });
    expect(decideIntent(one.classify('xylophon zwitschert'), SURE)).toMatchObject({ value: NO_INTENT });
  });

  it('find every example they were trained on', () => {
    for (const { name, examples } of SHOP) {
      for (const example of examples) expect(classifier.classify(example)[0]?.name).toBe(name);
    }
  });

  const words = fc.array(
    fc.constantFrom('refund', 'parcel', 'soup', 'where', 'is', 'my', '?', '中文', 'é', '\n', '12'),
    {
      maxLength: 40,
    },
  );
  const text = fc.oneof(
    words.map((list) => list.join(' ')),
    fc.string({ maxLength: 200 }),
  );

  it('are scores of 0 to 100 that share one whole, the best first, and always the same', () => {
    const again = trainLexical(structuredClone(SHOP));
    fc.assert(
      fc.property(text, (prompt) => {
        const scored = classifier.classify(prompt);
        const scores = scored.map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
        expect(scores.every((score) => Number.isInteger(score) && score >= 0 && score <= 100)).toBe(true);
        expect(scores.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(100 + SHOP.length);
        expect(scored.map(({ name }) => name).sort()).toEqual(SHOP.map(({ name }) => name).sort());
        expect(again.classify(prompt)).toEqual(scored);
      }),
    );
  });

  it('train on any examples', () => {
    const list = fc.uniqueArray(
      fc.record({
        name: fc.stringMatching(/^[a-z]{1,8}$/),
        examples: fc.array(fc.string({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 5, selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(list, text, (intents, prompt) => {
        const scored = trainLexical(intents).classify(prompt);
        expect(scored).toHaveLength(intents.length);
        expect(scored.every(({ score }) => score >= 0 && score <= 100)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('are trained once for the same examples', () => {
    const intents = { method: 'Lexical' as const, ...SURE, list: SHOP };
    expect(lexicalFor(intents)).toBe(lexicalFor(structuredClone(intents)));
  });
});

describe('what a prompt is compared by', () => {
  it('is a vector of fixed size, however long the prompt is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (prompt) => {
        const { buckets, weights } = featuresOf(prompt);
        expect(weights).toHaveLength(buckets.length);
        expect(
          buckets.every((bucket, i) => bucket < BUCKETS && (i === 0 || bucket > (buckets[i - 1] ?? 0))),
        ).toBe(true);
        const squares = weights.reduce((sum, weight) => sum + weight * weight, 0);
        expect(squares).toBeCloseTo(buckets.length > 0 ? 1 : 0, 3);
      }),
      { numRuns: 40 },
    );
    const long = featuresOf('what is it '.repeat(100_000));
    expect(long.buckets.length).toBeLessThan(200);
  });
});

describe('the decision', () => {
  const ranked = [
    { name: 'a', score: 50 },
    { name: 'b', score: 45 },
  ];
  it.each([
    [50, 5, 'a', 'intent a 50, next b 45'],
    [51, 5, NO_INTENT, 'intent none: a 50, next b 45, 51 needed'],
    [50, 6, NO_INTENT, 'intent none: a 50, next b 45, 6 apart needed'],
  ])('with at least %i and ahead by %i is %s', (minScorePercent, marginPercent, expected, said) => {
    expect(decideIntent(ranked, { minScorePercent, marginPercent })).toEqual({
      known: true,
      value: expected,
      said,
    });
  });
});
