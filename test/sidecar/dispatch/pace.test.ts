/** What is learned of targets, and what follows from it. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HedgeBudget } from '../../../sidecar/dispatch/hedging/budget.ts';
import { attemptLimits } from '../../../sidecar/dispatch/pace/limits.ts';
import { PaceBook } from '../../../sidecar/dispatch/pace/pace-book.ts';
import { leastFor, Quantiles } from '../../../sidecar/dispatch/pace/quantiles.ts';
import type { Attempt, Exchange } from '../../../sidecar/exchange.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';

describe('quantiles', () => {
  it('are right to within a tenth, whatever the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 900_000 }), { minLength: 250, maxLength: 400 }),
        fc.constantFrom(0.5, 0.9, 0.95, 0.99),
        (values, share) => {
          const sketch = new Quantiles();
          for (const value of values) sketch.observe(value, 0);
          const sorted = values.toSorted((a, b) => a - b);
          const at = (rank: number) => sorted[Math.min(sorted.length - 1, Math.max(0, rank))] as number;
          const rank = Math.ceil(share * sorted.length) - 1;
          const found = sketch.quantile(share, 0) as number;
          expect(found).toBeGreaterThanOrEqual(at(rank) / 1.1);
          expect(found).toBeLessThanOrEqual(at(rank) * 1.1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('say nothing before there is enough to say it', () => {
    expect([0.5, 0.9, 0.95, 0.99].map(leastFor)).toEqual([20, 20, 40, 200]);
    const sketch = new Quantiles();
    for (let i = 0; i < 39; i++) sketch.observe(100, 0);
    expect(sketch.quantile(0.95, 0)).toBeUndefined();
    sketch.observe(100, 0);
    expect(Math.abs((sketch.quantile(0.95, 0) ?? 0) - 100)).toBeLessThan(10);
  });

  it('forget: half of what is known after five minutes', () => {
    const sketch = new Quantiles();
    for (let i = 0; i < 100; i++) sketch.observe(100, 0);
    sketch.observe(100, 300_000);
    expect(sketch.weight).toBeCloseTo(51, 0);
    for (let i = 0; i < 100; i++) sketch.observe(1000, 300_000);
    expect(sketch.quantile(0.5, 300_000)).toBeGreaterThan(900);
  });

  it('count what was cut short among what lasted longer', () => {
    const sketch = new Quantiles();
    for (let i = 0; i < 90; i++) sketch.observe(100, 0);
    for (let i = 0; i < 10; i++) sketch.observe(5000, 0);
    for (let i = 0; i < 10; i++) sketch.observeAtLeast(200, 0);
    expect(sketch.quantile(0.95, 0)).toBeGreaterThan(4500);
    const never = new Quantiles();
    for (let i = 0; i < 100; i++) never.observeAtLeast(300, 0);
    expect(never.quantile(0.5, 0)).toBeCloseTo(300, -1.5);
  });
});

const candidate = (upstreamModel = 'm', capabilities?: string[]): Candidate =>
  ({
    providerId: 'p',
    upstreamModel,
    model: capabilities && { name: upstreamModel, upstreamName: upstreamModel, capabilities },
  }) as unknown as Candidate;
const TIMEOUTS = { firstTokenMs: 60_000, attemptMs: 600_000 };
const rule = (over: object): RuleBody =>
  ({ timeouts: TIMEOUTS, targets: [], ...over }) as unknown as RuleBody;
const exchange = (of: RuleBody, stream = true): Exchange =>
  ({ plan: { rule: of }, envelope: { stream } }) as unknown as Exchange;
const attempt = (over: Partial<Attempt>): Attempt =>
  ({ candidate: candidate(), startedAt: 0, ...over }) as unknown as Attempt;

function taught(book: PaceBook, of: RuleBody, ms: number, count = 250): void {
  for (let i = 0; i < count; i++) book.committed(attempt({ committedAt: ms }), exchange(of));
}
const limits = (book: PaceBook, of: RuleBody, over: object = {}, c = candidate()) => {
  const about = {
    stream: true,
    now: 1000,
    shareMs: 100_000,
    last: false,
    mayLeave: () => true,
    silent: () => {},
    ...over,
  };
  return { learnedMs: 0, firstTokenMs: 0, ...attemptLimits(of, book, c, about) };
};

describe('learned limits', () => {
  const learned = rule({ learned: { timeouts: true } });

  it('are three times what 99 in 100 take, within bounds, and only while another attempt could follow', () => {
    const book = new PaceBook();
    expect(limits(book, learned)).toMatchObject({ learnedMs: 0, commitBy: 101_000, firstTokenMs: 60_000 });
    taught(book, learned, 1000);
    const { learnedMs, commitBy } = limits(book, learned);
    expect(learnedMs).toBeGreaterThan(2900);
    expect(learnedMs).toBeLessThan(3400);
    expect(commitBy).toBe(1000 + learnedMs);
    expect(limits(book, learned, { last: true })).toMatchObject({ learnedMs: 0, commitBy: 101_000 });
    expect(limits(book, learned, { shareMs: 2000 }), 'its share is shorter').toMatchObject({
      learnedMs: 0,
      commitBy: 3000,
    });
    expect(limits(book, learned, { stream: false }), 'of complete answers nothing is known').toMatchObject({
      learnedMs: 0,
    });
    expect(limits(book, rule({})).learnedMs, 'not asked for').toBe(0);
    const fast = new PaceBook();
    taught(fast, learned, 20);
    expect(limits(fast, learned).learnedMs).toBe(500);
    const slow = new PaceBook();
    taught(slow, learned, 50_000);
    expect(limits(slow, learned).learnedMs, 'never beyond firstToken').toBe(60_000);
  });

  it('do not learn from themselves to wait longer', () => {
    const book = new PaceBook();
    taught(book, learned, 300, 1000);
    const before = limits(book, learned).learnedMs;
    const cut = attempt({ endedAt: before, failure: 'Timeout', errorCode: 'learned' });
    for (let i = 0; i < 150; i++) book.ended(cut, exchange(learned));
    expect(limits(book, learned, { now: 3000 }).learnedMs).toBeLessThan(before * 1.2);
  });

  it('give targets that reason time for the first token until it is known what they take', () => {
    const reasons = rule({ reasoningFirstTokenMs: 240_000 });
    const thinker = candidate('m', ['Chat', 'Reasoning']);
    const book = new PaceBook();
    expect(limits(book, reasons, {}, thinker).firstTokenMs).toBe(240_000);
    expect(limits(book, reasons).firstTokenMs, 'what does not reason').toBe(60_000);
    taught(book, reasons, 30_000);
    const known = limits(book, reasons, {}, thinker).firstTokenMs;
    expect(known).toBeGreaterThan(85_000);
    expect(known).toBeLessThan(105_000);
    const quick = new PaceBook();
    taught(quick, reasons, 2000);
    expect(limits(quick, reasons, {}, thinker).firstTokenMs, 'never below what holds for all').toBe(60_000);
  });

  it('are bounded, by models and by what is configured', () => {
    const book = new PaceBook();
    for (let i = 0; i < 300; i++) {
      book.committed(attempt({ candidate: candidate(`m${i}`), committedAt: 5 }), exchange(learned));
    }
    expect(book.of(candidate('m0'), true)).toBeUndefined();
    expect(book.of(candidate('m299'), true)).toBeDefined();
    book.retain(new Set());
    expect(book.of(candidate('m299'), true)).toBeUndefined();
  });

  it('are learned only for rules that ask for them', () => {
    const book = new PaceBook();
    book.committed(attempt({ committedAt: 5 }), exchange(rule({})));
    expect(book.of(candidate(), true)).toBeUndefined();
  });
});

describe('the budget of hedges', () => {
  it('never lets what was lost exceed its share, however many ask at once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ cost: fc.integer({ min: 1, max: 1000 }), asks: fc.boolean() }), {
          maxLength: 200,
        }),
        fc.integer({ min: 1, max: 50 }),
        (requests, percent) => {
          const budget = new HedgeBudget();
          let spent = 0;
          let lost = 0;
          for (const { cost, asks } of requests) {
            const charge = asks ? budget.take('r', cost / 2, percent, 0) : undefined;
            if (charge) lost += cost / 2;
            expect(lost).toBeLessThanOrEqual((spent * percent) / 100 + 1e-6);
            spent += cost;
            budget.settle('r', cost, charge, cost / 2, 0);
          }
        },
      ),
    );
  });

  it('counts requests where prices are unknown or nothing', () => {
    const budget = new HedgeBudget();
    for (let i = 0; i < 40; i++) budget.settle('r', 0, undefined, 0, 0);
    expect([undefined, 0, undefined].map((cost) => budget.take('r', cost, 5, 0) !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
    expect(budget.percent('r', 0)).toBe(5);
  });

  it('forgets with time', () => {
    const budget = new HedgeBudget();
    budget.settle('r', 1000, undefined, 0, 0);
    expect(budget.take('r', 50, 5, 0)).toBeDefined();
    expect(budget.take('r', 30, 5, 0)).toBeUndefined();
    budget.settle('r', 1000, undefined, 0, 15 * 60_000);
    expect(budget.take('r', 40, 5, 15 * 60_000)).toBeDefined();
  });
});

describe('silence', () => {
  const two = rule({ targets: [{}, {}] });
  const well = { ...candidate(), provider: { passive: { consecutiveErrors: 5 } } } as unknown as Candidate;
  const heard = (book: PaceBook, at: number, ms: number): void =>
    book.committed(attempt({ candidate: well, startedAt: at - ms, committedAt: at }), exchange(two));
  const learned = (): PaceBook => {
    const book = new PaceBook();
    for (let i = 0; i < 250; i++) heard(book, i, 300);
    return book;
  };

  it('is watched for from forty answers on, where another target could follow and nobody is patient', () => {
    const book = new PaceBook();
    for (let i = 0; i < 39; i++) heard(book, i, 300);
    expect(limits(book, two, {}, well).listening).toBeUndefined();
    heard(book, 40, 300);
    expect(limits(book, two, { now: 3000 }, well).listening).toBeDefined();
    expect(limits(book, two, { now: 3000, last: true }, well).listening).toBeUndefined();
    expect(limits(book, rule({ targets: [{}, {}], patient: true }), {}, well).listening).toBeUndefined();
    expect(limits(book, rule({ targets: [{}] }), {}, well).listening).toBeUndefined();
  });

  it('is five calls that hear nothing for twice what 99 in 100 take, each looked at twice', () => {
    const book = learned();
    const why: string[] = [];
    const waiting = Array.from(
      { length: 5 },
      (_, i) =>
        limits(book, two, { now: 1000 + i, silent: (text: string) => void why.push(text) }, well).listening,
    );
    const look = (now: number) => waiting.map((one) => one?.look(now));
    expect(look(1500), 'too early').toEqual(Array(5).fill(false));
    expect(look(2000), 'the first look').toEqual(Array(5).fill(false));
    expect(look(2050)).toEqual([false, false, false, false, true]);
    expect(why[0]).toMatch(/^5 calls have heard nothing for 6\d\d ms or more$/);
    expect(look(2100)).toEqual(Array(5).fill(true));
  });

  it('is over with any answer, and what has just been slow is given longer', () => {
    const book = learned();
    const waiting = Array.from({ length: 6 }, () => limits(book, two, {}, well).listening);
    const look = (now: number) => waiting.map((one) => one?.look(now));
    look(2000);
    heard(book, 2010, 900);
    expect(look(2050)).toEqual(Array(6).fill(false));
    const refused = attempt({
      candidate: well,
      startedAt: 2050,
      endedAt: 2640,
      httpStatus: 500,
      failure: 'ServerError',
    });
    look(2630);
    book.ended(refused, exchange(two));
    expect(look(2680), 'a refusal is an answer').toEqual(Array(6).fill(false));
    const next = limits(book, two, { now: 3000 }, well).listening;
    expect(next?.nextAt).toBe(3000 + 1800);
  });

  it('is over with the answers of other rules too', () => {
    const book = learned();
    const waiting = Array.from({ length: 6 }, () => limits(book, two, {}, well).listening);
    const look = (now: number) => waiting.map((one) => one?.look(now));
    look(2000);
    const other = attempt({ candidate: well, startedAt: 2000, committedAt: 2010 });
    book.committed(other, exchange(rule({ targets: [{}] })));
    expect(look(2050)).toEqual(Array(6).fill(false));
    expect(look(2100)).toEqual(Array(6).fill(false));
    expect(limits(book, two, { now: 2100 }, candidate('unheard')).listening).toBeUndefined();
  });

  it('does not leave while nobody else can take over', () => {
    const book = learned();
    const waiting = Array.from(
      { length: 8 },
      () => limits(book, two, { mayLeave: () => false }, well).listening,
    );
    for (const now of [2000, 2050, 2100]) for (const one of waiting) expect(one?.look(now)).toBe(false);
  });
});
