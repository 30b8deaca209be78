/**
 * One provider becomes slow for a minute, another stays steady: what callers feel meanwhile is the other one, and the first
 * has its traffic back soon after it has recovered.
 */
import { describe, expect, it } from 'vitest';
import { provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import type { Moment, TargetScript } from './script.ts';
import { type Simulation, simulate } from './simulator.ts';
import { steadily } from './workload.ts';

const FROM = 60_000;
const TO = 120_000;
const SPREAD = 0.1;

const around = (median: (now: number) => number): TargetScript => ({
  firstTokenMs: ({ now, random }: Moment) => lognormal(random, median(now), SPREAD),
  tokenMs: 2,
  outputTokens: 20,
});

function spike(seed: number, perSecond = 20): Simulation {
  return simulate({
    seed,
    rule: rule('r', { strategy: { type: 'Latency' }, targets: [target('a'), target('b')] }),
    providers: [provider('a'), provider('b')],
    scripts: {
      a: around((now) => (now >= FROM && now < TO ? 1000 : 200)),
      b: around(() => 300),
    },
    workload: (random) =>
      steadily({ perSecond, durationMs: TO + 30_000, request: () => ({ facts: { stream: true } }) }, random),
  });
}

/** What B alone would have given in that time. */
function steady(seed: number): number {
  const { timeline } = simulate({
    seed,
    rule: rule('r', { targets: [target('b')] }),
    providers: [provider('b')],
    scripts: { b: around(() => 300) },
    workload: (random) =>
      steadily({ perSecond: 20, durationMs: TO, request: () => ({ facts: { stream: true } }) }, random),
  });
  return timeline.between(FROM, TO).latency(0.95);
}

describe('a spike of one provider', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is hardly felt, and is over soon after its end (seed %i)', (seed) => {
    const { timeline } = spike(seed);
    expect(timeline.between(20_000, FROM).shareOf('a')).toBeGreaterThan(0.95);
    const during = timeline.between(FROM, TO);
    expect(during.latency(0.95)).toBeLessThanOrEqual(1.15 * steady(seed));
    expect(timeline.between(TO + 10_000, TO + 20_000).shareOf('a')).toBeGreaterThan(0.95);
  });
});
