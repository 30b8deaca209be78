import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  estimateInputTokens,
  LearnedRatio,
  MAX_RATIO,
  MIN_RATIO,
  TOKENS_PER_ATTACHMENT,
} from '../../../sidecar/accounting/estimate.ts';

const NOTHING = { images: 0, audio: 0, files: 0, bytes: 0 };
const text = (ascii: number, nonAscii = 0, escaped = 0) => ({ ascii, nonAscii, escaped });

describe('the estimate of input tokens', () => {
  it('goes by fixed ratios per class of byte', () => {
    expect(estimateInputTokens(text(1000), NOTHING)).toEqual({ tokens: 235, lowerBound: 117 });
    expect(estimateInputTokens(text(0, 1000), NOTHING)).toEqual({ tokens: 175, lowerBound: 87 });
    expect(estimateInputTokens(text(0, 0, 1000), NOTHING)).toEqual({ tokens: 200, lowerBound: 100 });
  });

  it('counts attachments by kind and never by their bytes', () => {
    const estimate = estimateInputTokens(text(0), { images: 2, audio: 1, files: 1, bytes: 5_000_000 });
    const { images, audio, files } = TOKENS_PER_ATTACHMENT;
    expect(estimate).toEqual({ tokens: 2 * images + audio + files, lowerBound: 2 * 65 + 2 });
  });

  it('counts token ids as what they are', () => {
    expect(estimateInputTokens(text(0), NOTHING, 42)).toEqual({ tokens: 42, lowerBound: 42 });
  });

  it('is a whole number, is never below its lower bound, and never falls when text is added', () => {
    const n = fc.nat(10_000_000);
    fc.assert(
      fc.property(n, n, n, n, (ascii, nonAscii, escaped, more) => {
        const before = estimateInputTokens(text(ascii, nonAscii, escaped), NOTHING);
        const after = estimateInputTokens(text(ascii + more, nonAscii, escaped), NOTHING);
        expect(Number.isSafeInteger(before.tokens) && Number.isSafeInteger(before.lowerBound)).toBe(true);
        expect(before.lowerBound).toBeLessThanOrEqual(before.tokens);
        expect(after.tokens).toBeGreaterThanOrEqual(before.tokens);
      }),
    );
  });
});

describe('a learned ratio', () => {
  const after = (observations: [number, number][]) => {
    const learned = new LearnedRatio();
    for (const [estimated, counted] of observations) learned.observe(estimated, counted);
    return learned.ratio;
  };
  const many = (estimated: number, counted: number): [number, number][] =>
    Array.from({ length: 200 }, () => [estimated, counted]);

  it('starts at the fixed ratios and comes close to what the provider counts', () => {
    expect(new LearnedRatio().ratio).toBe(1);
    expect(after(many(1000, 1300))).toBeCloseTo(1.3, 3);
    expect(after([[1000, 1300]])).toBeCloseTo(1.03, 6);
  });

  it('is moved by one odd count no further than by double', () => {
    expect(after([[1000, 1_000_000]])).toBeCloseTo(1.1, 6);
  });

  it('stays between half and double, whatever is counted', () => {
    expect(after(many(1000, 50_000))).toBeCloseTo(MAX_RATIO, 3);
    expect(after(many(1000, 1))).toBeCloseTo(MIN_RATIO, 3);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double(), fc.double())), (observations) => {
        const ratio = after(observations);
        expect(ratio).toBeGreaterThanOrEqual(MIN_RATIO);
        expect(ratio).toBeLessThanOrEqual(MAX_RATIO);
      }),
    );
  });

  it('learns nothing from short prompts and from counts that are none', () => {
    expect(
      after([
        [10, 100],
        [1000, 0],
        [1000, -5],
        [1000, Number.NaN],
        [1000, Number.POSITIVE_INFINITY],
      ]),
    ).toBe(1);
  });

  it('scales an estimate to a whole number', () => {
    const learned = new LearnedRatio();
    for (const [e, c] of many(1000, 1300)) learned.observe(e, c);
    expect(learned.apply(100)).toBe(130);
  });
});
