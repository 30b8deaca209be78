/** Leaving targets that answer nobody, and only those: what is slow, rare or heavy-tailed keeps its requests. */
import { describe, expect, it } from 'vitest';
import { provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import { hedging } from './hedging.ts';
import type { Moment, TargetScript } from './script.ts';
import { simulate } from './simulator.ts';
import type { Timeline } from './timeline.ts';
import { steadily } from './workload.ts';

const MINUTES = 60_000;

interface Play {
  a: TargetScript;
  perSecond?: number;
  durationMs?: number;
  targets?: string[];
  seed?: number;
}

function play({
  a,
  perSecond = 20,
  durationMs = 3 * MINUTES,
  targets = ['a', 'b'],
  seed = 1,
}: Play): Timeline {
  return simulate({
    seed,
    rule: rule('r', {
      // Of several keys at one provider, the name begins with that of the provider.
      targets: targets.map((name, priority) =>
        target(name, { priority, provider: `provider/ns/${name.slice(0, 1)}` }),
      ),
      failover: {
        on: ['Connect', 'Timeout', 'ServerError'],
        maxAttempts: 2,
        backoff: { baseMs: 100, maxMs: 2000 },
      },
    }),
    providers: ['a', 'b'].map((name) => provider(name)),
    scripts: { a, b: { firstTokenMs: 250, tokenMs: 2, outputTokens: 5 } },
    workload: (random) =>
      steadily({ perSecond, durationMs, request: () => ({ facts: { stream: true } }) }, random),
    plugins: [hedging()],
  }).timeline;
}

const answers = (firstTokenMs: TargetScript['firstTokenMs']): TargetScript => ({
  firstTokenMs,
  tokenMs: 2,
  outputTokens: 5,
});
const silences = ({ requests }: Timeline): number =>
  requests.flatMap(({ attempts }) => attempts).filter(({ errorCode }) => errorCode === 'silence').length;

describe('a target that answers', () => {
  it.each([1, 2, 3])('is not left for a heavy tail (seed %i)', (seed) => {
    for (const perSecond of [0.5, 20]) {
      const durationMs = (3000 / perSecond) * 1000;
      const a = answers(({ random }: Moment) => lognormal(random, 800, 1));
      const timeline = play({ a, perSecond, durationMs, seed });
      expect(silences(timeline), `${perSecond} a second`).toBe(0);
      expect(timeline.shareOf('a')).toBe(1);
    }
  });

  it('is back soon where it has become five times slower, and stays', () => {
    const turned = MINUTES;
    const a = answers(({ now, random }: Moment) => lognormal(random, now < turned ? 200 : 1000, 0.1));
    const timeline = play({ a });
    expect(timeline.count('Served')).toBe(timeline.requests.length);
    // What was in flight when it turned may go elsewhere, and what came until its ejection was over.
    expect(timeline.between(turned, turned + 10_000).shareOf('a')).toBeGreaterThan(0.2);
    expect(timeline.between(turned + 10_000, 3 * MINUTES).shareOf('a')).toBe(1);
  });
});

describe('a target that answers nobody', () => {
  const from = 2 * MINUTES;
  const dead: TargetScript = {
    ...answers(({ random }: Moment) => lognormal(random, 300, 0.3)),
    faults: [{ from, to: 10 * MINUTES, kind: 'Blackhole' }],
  };

  it('is found out by five requests, be they few', () => {
    const timeline = play({ a: dead, perSecond: 1, durationMs: 4 * MINUTES });
    expect(timeline.count('Served')).toBe(timeline.requests.length);
    const during = timeline.between(from, 4 * MINUTES);
    expect(during.shareOf('b')).toBe(1);
    // The first five waited for the fifth; later on one looks whether it is back, ever more seldom.
    expect(during.latency(1)).toBeLessThan(12_000);
    expect(during.where(({ latencyMs = 0 }) => latencyMs > 2000).requests.length).toBeLessThanOrEqual(10);
    expect(silences(timeline)).toBeLessThan(15);
  });

  it('costs whoever looks whether it is back no more however long that takes', () => {
    const timeline = play({ a: dead, perSecond: 5, durationMs: 10 * MINUTES });
    const during = timeline.between(from, 10 * MINUTES);
    expect(during.count('Served')).toBe(during.requests.length);
    expect(during.latency(1)).toBeLessThan(12_000);
  });

  it.each([[['a']], [['a', 'a of another key']]])(
    'is waited for where nobody else can answer: %j',
    (targets) => {
      const timeline = play({ a: dead, targets, durationMs: from + 5000 });
      expect(silences(timeline)).toBe(0);
    },
  );
});
