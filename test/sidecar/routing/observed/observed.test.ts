import { describe, expect, it } from 'vitest';
import { NO_USAGE, type Usage } from '../../../../sidecar/accounting/usage.ts';
import { ANTHROPIC_COUNT_TOKENS } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { newAttempt } from '../../../../sidecar/dispatch/new-attempt.ts';
import type { Attempt, Exchange } from '../../../../sidecar/exchange.ts';
import { answerKind } from '../../../../sidecar/routing/observed/answer-kind.ts';
import {
  expectedCost,
  expectedLatency,
  expectedPace,
} from '../../../../sidecar/routing/observed/expected.ts';
import type { Candidate, RequestFacts } from '../../../../sidecar/routing/plan.ts';
import { routingState } from '../../../../sidecar/routing/state.ts';
import { facts, model, provider, rule, target } from '../support.ts';

const RULE = rule('r');

function candidate(name: string, over: Partial<Candidate> = {}): Candidate {
  return {
    index: 0,
    target: target(name),
    providerId: `provider/ns/${name}`,
    provider: provider(name),
    credential: undefined,
    upstreamModel: 'm',
    model: undefined,
    ...over,
  };
}

/** A pod with its memory, and requests that happen in it. */
function pod() {
  const state = routingState();
  const { observed } = state;
  const asking = (now: number, over: Partial<RequestFacts> = {}) => ({
    rule: RULE,
    facts: facts(over),
    now,
    state,
  });
  const begin = (
    of: Candidate,
    at: number,
    over: Partial<RequestFacts> = {},
    dialect: unknown = OPENAI_CHAT,
  ) => {
    const attempt = newAttempt(of, 'First', at, undefined);
    const request = facts(over);
    answerKind(request, RULE);
    const exchange = { facts: request, plan: { rule: RULE }, attempts: [attempt], startedAt: at, dialect };
    const seen = exchange as unknown as Exchange;
    observed.started(attempt, seen);
    return {
      commit(now: number) {
        attempt.firstContentAt = now;
        attempt.committedAt = now;
        observed.committed(attempt, seen);
      },
      end(now: number, how: Partial<Attempt> = {}, usage?: Partial<Usage>) {
        Object.assign(attempt, { endedAt: now, ...how });
        observed.ended(attempt, seen);
        // A whole answer is handed on when it is there.
        if (attempt.committedAt === undefined && attempt.failure === undefined && !attempt.cancelled) {
          attempt.committedAt = now;
          observed.committed(attempt, seen);
        }
        if (usage) attempt.settlement = { usage: { ...NO_USAGE, ...usage }, source: 'Provider' };
        observed.completed(seen);
      },
    };
  };
  return { state, observed, asking, begin };
}

const STREAM = { stream: true };

describe('time to the committing event', () => {
  it('is that of the first content of streams, and of whole answers', () => {
    const { begin, asking } = pod();
    const [a] = [candidate('a')];
    expect(expectedLatency(a, asking(0))).toBeUndefined();
    const stream = begin(a, 0, STREAM);
    stream.commit(150);
    stream.end(900);
    begin(a, 1000).end(1800);
    expect(expectedLatency(a, asking(2000, STREAM))).toBe(150);
    expect(expectedLatency(a, asking(2000))).toBe(800);
  });

  it('is kept by provider and model, whichever target and credential asks', () => {
    const { begin, asking } = pod();
    begin(candidate('a'), 0).end(100);
    expect(expectedLatency(candidate('a', { target: target('other') }), asking(100))).toBe(100);
    expect(expectedLatency(candidate('a', { upstreamModel: 'n' }), asking(100))).toBeUndefined();
    expect(expectedLatency(candidate('b'), asking(100))).toBeUndefined();
  });

  it('is kept by size of the input; of a size that was not seen the nearest is taken', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    begin(a, 0, { inputTokens: 100 }).end(100);
    begin(a, 1000, { inputTokens: 10_000 }).end(1500);
    const at = (inputTokens: number) => expectedLatency(a, asking(2000, { inputTokens }));
    expect([at(50), at(300), at(5000), at(15_000), at(900_000)]).toEqual([100, 100, 500, 500, 500]);
  });

  it('is not that of a stream handed on before it had content', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    const held = begin(a, 0, STREAM);
    // Commit by time, then content, then the end.
    held.end(9000, { committedAt: 5000, firstContentAt: 7000 });
    expect(expectedLatency(a, asking(9000, STREAM))).toBe(7000);
  });

  it('is at least what was waited, where a timeout, a caller or a faster attempt ended it', () => {
    for (const how of [{ failure: 'Timeout' }, { cancelled: true }] as const) {
      const { begin, asking } = pod();
      const a = candidate('a');
      begin(a, 0).end(1000);
      begin(a, 1000).end(4000, how);
      expect(expectedLatency(a, asking(4000))).toBeGreaterThan(1500);
      // Having waited less than expected says nothing.
      const before = expectedLatency(a, asking(4000));
      begin(a, 4000).end(4100, how);
      expect(expectedLatency(a, asking(4100))).toBe(before);
    }
  });

  it('hears nothing of errors, of counts and of what passes unread', () => {
    const { begin, asking, observed } = pod();
    const a = candidate('a');
    begin(a, 0).end(5, { failure: 'ServerError' });
    begin(a, 0, {}, ANTHROPIC_COUNT_TOKENS).end(5);
    begin(a, 0, { unread: true }).end(5);
    expect(expectedLatency(a, asking(10))).toBeUndefined();
    expect(observed.inFlight(a)).toBe(0);
  });

  it('believes that a target has become slow before the first slow answer is there', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    for (let i = 0; i < 50; i++) begin(a, i * 50).end(i * 50 + 200);
    const waiting = [0, 50, 100, 150].map((more) => begin(a, 3000 + more));
    expect(expectedLatency(a, asking(3200))).toBe(200);
    expect(expectedLatency(a, asking(3800))).toBeGreaterThan(600);
    expect(expectedLatency(a, asking(4800))).toBeGreaterThan(1600);
    // One that hangs is no reason.
    for (const one of waiting.slice(1)) one.end(3250 + 100);
    expect(expectedLatency(a, asking(4800))).toBeLessThan(300);
  });

  it('lets a sudden change of one size tell of the others', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    for (let i = 0; i < 20; i++) begin(a, i * 100, { inputTokens: 3000 }).end(i * 100 + 400);
    for (let i = 0; i < 20; i++) begin(a, 2000 + i * 100).end(2000 + i * 100 + 200);
    for (let i = 0; i < 4; i++) begin(a, 5000 + i).end(5000 + i + 1000);
    expect(expectedLatency(a, asking(7000, { inputTokens: 3000 }))).toBeGreaterThan(1500);
  });

  it('of the total adds the expected answer at the pace of the target', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    const short = begin(a, 0, STREAM);
    short.commit(200);
    expect(expectedLatency(a, asking(2000, STREAM), 'Total')).toBe(200);
    short.end(210, { failure: 'StreamError' });
    const one = begin(a, 0, STREAM);
    one.commit(200);
    one.end(200 + 100 * 10, {}, { input: 100, output: 101 });
    expect(expectedPace(a, asking(2000, STREAM))).toBe(10);
    expect(expectedLatency(a, asking(2000, STREAM), 'Total')).toBe(200 + 100 * 10);
    expect(expectedLatency(a, asking(2000, { ...STREAM, maxOutputTokens: 11 }), 'Total')).toBe(200 + 10 * 10);
  });
});

describe('pace', () => {
  it('is learned from streams of twenty tokens and more', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    const stream = (output: number) => {
      const one = begin(a, 0, STREAM);
      one.commit(100);
      one.end(100 + (output - 1) * 5, {}, { output });
    };
    stream(19);
    expect(expectedPace(a, asking(0))).toBeUndefined();
    stream(20);
    expect(expectedPace(a, asking(0))).toBe(5);
  });

  it('is slower by what is under way beyond the usual', () => {
    const { begin, asking } = pod();
    const a = candidate('a');
    const one = begin(a, 0, STREAM);
    one.commit(100);
    one.end(100 + 20 * 5, {}, { output: 21 });
    begin(a, 300, STREAM);
    expect(expectedPace(a, asking(300))).toBe(10);
    begin(a, 300, STREAM);
    expect(expectedPace(a, asking(300))).toBe(15);
  });
});

describe('expected cost', () => {
  const priced = (prices: NonNullable<ReturnType<typeof model>['fullPrices']>) =>
    candidate('a', { model: model('m', { fullPrices: prices }) });

  it('is unknown without a price', () => {
    expect(expectedCost(candidate('a'), pod().asking(0))).toBeUndefined();
  });

  it('takes what answers of the kind were, and before that the request’s own limit', () => {
    const { begin, asking } = pod();
    const a = priced({ input: 10, output: 100, reasoning: 200 });
    expect(expectedCost(a, asking(0, { maxOutputTokens: 50 }))?.picoUsd).toBe(100 * 10 + 50 * 100);
    for (let i = 0; i < 200; i++) begin(a, i).end(i + 1, {}, { input: 100, output: 40, reasoning: 60 });
    const { picoUsd = 0, output = 0, reasoning = 0, seen = 0 } = expectedCost(a, asking(200)) ?? {};
    expect(output).toBeCloseTo(40);
    expect(reasoning).toBeCloseTo(60);
    expect(picoUsd).toBeCloseTo(100 * 10 + 40 * 100 + 60 * 200);
    expect(seen).toBeGreaterThan(90);
  });

  it('tells efforts, sizes and rules apart', () => {
    const { begin, asking } = pod();
    const a = priced({ input: 0, output: 1 });
    const high = { effort: () => 'high' };
    for (let i = 0; i < 50; i++) {
      begin(a, i).end(i, {}, { output: 10 });
      begin(a, i, high).end(i, {}, { output: 1000 });
    }
    const length = (over: Partial<RequestFacts>, of = RULE) =>
      expectedCost(a, { ...asking(50, over), rule: of })?.output ?? Number.NaN;
    expect(length({})).toBeCloseTo(10, 0);
    expect(length(high)).toBeCloseTo(1000, 0);
    expect(length({ inputTokens: 5000 })).toBe(256);
    expect(length({}, rule('another'))).toBe(256);
  });

  it('counts on the cache as far as the vendor’s has been read', () => {
    const { begin, asking } = pod();
    const a = priced({ input: 100, cacheRead: 10, output: 0 });
    for (let i = 0; i < 50; i++) begin(a, i).end(i, {}, { input: 20, cacheRead: 80, output: 1 });
    expect(expectedCost(a, asking(50))?.picoUsd).toBeCloseTo(20 * 100 + 80 * 10);
  });

  it('takes the tier that the input falls into', () => {
    const a = priced({ input: 1, output: 0, tiers: [{ aboveInputTokens: 1000, input: 3, output: 0 }] });
    const { asking } = pod();
    expect(expectedCost(a, asking(0, { inputTokens: 1000 }))?.picoUsd).toBe(1000);
    expect(expectedCost(a, asking(0, { inputTokens: 1001 }))?.picoUsd).toBe(3003);
  });

  it('expects no answer of what generates none', () => {
    const a = priced({ input: 5, output: 7 });
    expect(expectedCost(a, pod().asking(0, { needs: 'Embeddings' }))?.picoUsd).toBe(500);
  });
});

describe('what is kept', () => {
  it('is bounded per provider, and goes with it', () => {
    const { begin, observed } = pod();
    for (let i = 0; i < 300; i++) begin(candidate('a', { upstreamModel: `m${i}` }), i).end(i + 1);
    expect(observed.of(candidate('a', { upstreamModel: 'm0' }))).toBeUndefined();
    expect(observed.of(candidate('a', { upstreamModel: 'm299' }))).toBeDefined();
    begin(candidate('b'), 0).end(1);
    observed.retain(new Set(['provider/ns/a']));
    expect(observed.of(candidate('b'))).toBeUndefined();
    expect(observed.of(candidate('a', { upstreamModel: 'm299' }))).toBeDefined();
  });

  it('counts every attempt under way once, however it ends', () => {
    const { begin, observed } = pod();
    const a = candidate('a');
    const open = [begin(a, 0), begin(a, 0, STREAM), begin(a, 0)];
    expect(observed.inFlight(a)).toBe(3);
    open[0]?.end(10);
    open[1]?.commit(10);
    expect(observed.inFlight(a)).toBe(2);
    open[1]?.end(20);
    open[2]?.end(20, { cancelled: true });
    expect(observed.inFlight(a)).toBe(0);
  });
});
