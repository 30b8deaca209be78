/** Two requests in a hundred take ten times as long, at either of two providers: a second call beside them pays for itself. */
import { describe, expect, it } from 'vitest';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import { model, provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import { hedging } from './hedging.ts';
import { simulate } from './simulator.ts';
import type { Timeline } from './timeline.ts';
import { steadily } from './workload.ts';

const PRICED = [model('m', { prices: { input: 3_000_000, output: 15_000_000 } })];
const WARM = 30_000;

function tailed(hedge: RuleBody['hedge'], seed: number): Timeline {
  const script = {
    firstTokenMs: ({ random }: { random: () => number }) =>
      lognormal(random, random() < 0.02 ? 3000 : 300, 0.2),
    tokenMs: 5,
    outputTokens: 50,
  };
  return simulate({
    seed,
    rule: rule('r', {
      targets: [target('a', { model: 'm' }), target('b', { model: 'm' })],
      ...(hedge && { hedge }),
    }),
    providers: ['a', 'b'].map((name) => provider(name, { models: PRICED })),
    scripts: { a: script, b: script },
    workload: (random) =>
      steadily({ perSecond: 50, durationMs: 100_000, request: () => ({ facts: { stream: true } }) }, random),
    plugins: [hedging()],
  }).timeline;
}

const perRequest = ({ costNanoUsd, requests }: Timeline): number => Number(costNanoUsd) / requests.length;

describe('hedging', () => {
  it.each([1, 2])('cuts the tail by far for a few percent (seed %i)', (seed) => {
    const plain = tailed(undefined, seed).between(WARM, 100_000);
    const all = tailed({ afterPercentile: 95, maxExtraCostPercent: 5 }, seed);
    const hedged = all.between(WARM, 100_000);
    expect(hedged.latency(0.99)).toBeLessThanOrEqual(0.6 * plain.latency(0.99));
    expect(perRequest(hedged)).toBeLessThanOrEqual(1.05 * perRequest(plain));
    const second = hedged.requests.flatMap(({ attempts }) => attempts.filter(({ kind }) => kind === 'Hedge'));
    expect(second.length / hedged.requests.length).toBeLessThan(0.1);
    for (const { attempts } of all.requests) {
      expect(attempts.filter(({ committedAt }) => committedAt !== undefined)).toHaveLength(1);
    }
  });

  it('stays within what it may cost, however slow everything is', () => {
    const script = {
      firstTokenMs: ({ now }: { now: number }) => (now < 30_000 ? 300 : 3000),
      tokenMs: 5,
      outputTokens: 50,
    };
    const { timeline } = simulate({
      seed: 1,
      rule: rule('r', {
        targets: [target('a', { model: 'm' }), target('b', { model: 'm' })],
        hedge: { afterMs: 500, maxExtraCostPercent: 3 },
      }),
      providers: ['a', 'b'].map((name) => provider(name, { models: PRICED })),
      scripts: { a: script, b: script },
      workload: (random) =>
        steadily({ perSecond: 50, durationMs: 90_000, request: () => ({ facts: { stream: true } }) }, random),
      plugins: [hedging()],
    });
    const lost = timeline.requests
      .flatMap(({ attempts }) => attempts)
      .filter(({ cancelled }) => cancelled)
      .reduce((sum, { settlement }) => sum + Number(settlement?.costNanoUsd ?? 0n), 0);
    expect(lost / Number(timeline.costNanoUsd)).toBeGreaterThan(0.01);
    expect(lost / Number(timeline.costNanoUsd)).toBeLessThanOrEqual(0.031);
  });
});
