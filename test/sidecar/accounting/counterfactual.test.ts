import { describe, expect, it } from 'vitest';
import { savedNanoUsd } from '../../../sidecar/accounting/counterfactual.ts';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';
import type { Attempt, Exchange } from '../../../sidecar/exchange.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';

/** Pico-USD per token: a nano-USD for each of 1,000. */
const at = (input: number, output: number) =>
  ({ model: { name: 'm', upstreamName: 'm', prices: { input, output } } }) as Candidate;
const unpriced = { model: { name: 'm', upstreamName: 'm' } } as Candidate;
const usage = { ...NO_USAGE, input: 1000, output: 100 };
const attempt = (candidate: Candidate, costNanoUsd?: bigint) =>
  ({
    candidate,
    settlement: { usage, source: 'Provider', ...(costNanoUsd !== undefined && { costNanoUsd }) },
  }) as Attempt;
const saved = (candidates: Candidate[], ...attempts: Attempt[]) =>
  savedNanoUsd({ plan: { candidates }, attempts } as unknown as Exchange, attempts.at(-1) as Attempt);

const small = at(100, 400);
const large = at(1000, 8000);
const odd = at(5000, 0);

describe('what routing saved', () => {
  it('is the same tokens at the dearest candidate, less what was paid', () => {
    expect(saved([small, large], attempt(small, 140n))).toBe(1800n - 140n);
    // Which one is the dearest depends on the tokens.
    expect(saved([small, large, odd], attempt(small, 140n))).toBe(5000n - 140n);
  });

  it('is nothing where the dearest served, and never less', () => {
    expect(saved([large, small], attempt(large, 1800n))).toBe(0n);
    expect(saved([large, small], attempt(small, 140n), attempt(large, 1800n))).toBe(0n);
  });

  it('has what failed tries cost taken off', () => {
    expect(saved([small, large], attempt(small, 140n), attempt(small, 140n))).toBe(1800n - 280n);
  });

  it('is not told where there is nothing to compare', () => {
    expect(saved([small], attempt(small, 140n))).toBeUndefined();
    expect(saved([small, small, unpriced], attempt(small, 140n))).toBeUndefined();
    expect(saved([unpriced, large], attempt(unpriced))).toBeUndefined();
  });
});
