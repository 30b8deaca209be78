import { describe, expect, it } from 'vitest';
import { ParseBudget } from '../../../sidecar/limits/parse-budget.ts';

const LARGE = 1024 * 1024 + 1;

function world() {
  let now = 1000;
  const budget = new ParseBudget(() => now);
  /** A parse that takes so long. */
  const parse = (ms: number, bytes = LARGE) => budget.run(bytes, () => ((now += ms), 'parsed'));
  return { parse, wait: (ms: number) => (now += ms) };
}

describe('parsing large bodies', () => {
  it('goes on until its share of the second is used up, and again in the next', () => {
    const { parse, wait } = world();
    expect(parse(200)).toBe('parsed');
    expect(parse(60)).toBe('parsed');
    expect(() => parse(1)).toThrow(
      expect.objectContaining({ code: 'parse_budget_spent', retryAfterMs: 740 }),
    );
    wait(740);
    expect(parse(400)).toBe('parsed');
    expect(() => parse(1)).toThrow(expect.objectContaining({ status: 503, retryAfterMs: 600 }));
  });

  it('does not count small ones, nor hold them up', () => {
    const { parse } = world();
    for (let i = 0; i < 10; i++) parse(100, LARGE - 1);
    expect(parse(300)).toBe('parsed');
    expect(parse(1, 2000)).toBe('parsed');
    expect(() => parse(1)).toThrow(/large request bodies/);
  });

  it('counts a parse that throws', () => {
    let now = 0;
    const budget = new ParseBudget(() => now);
    const broken = () => {
      now += 300;
      throw new Error('not JSON');
    };
    expect(() => budget.run(LARGE, broken)).toThrow('not JSON');
    expect(() => budget.run(LARGE, () => 1)).toThrow(/large request bodies/);
  });
});
