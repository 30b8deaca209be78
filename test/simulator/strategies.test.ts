/** What strategies that go by observations make of targets over minutes of traffic. */
import { describe, expect, it } from 'vitest';
import type { ModelBody, RuleBody } from '../../sidecar/snapshot/schema.ts';
import { model, provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import type { Moment, TargetScript } from './script.ts';
import { type Simulation, simulate } from './simulator.ts';
import type { Timeline } from './timeline.ts';
import { type SteadyLoad, steadily } from './workload.ts';

const varying =
  (median: number, spread = 0.3) =>
  ({ random }: Moment) =>
    lognormal(random, median, spread);

interface Play {
  strategy: RuleBody['strategy'];
  scripts: Record<string, TargetScript>;
  models?: Record<string, ModelBody>;
  weights?: Record<string, number>;
  load?: Partial<SteadyLoad>;
  seed?: number;
}

function play({ strategy, scripts, models = {}, weights = {}, load, seed = 1 }: Play): Simulation {
  const names = Object.keys(scripts);
  return simulate({
    seed,
    rule: rule('r', {
      strategy,
      targets: names.map((name) => target(name, { weight: weights[name] ?? 1 })),
      failover: { on: ['Connect', 'ServerError'], maxAttempts: 3, backoff: { baseMs: 100, maxMs: 2000 } },
    }),
    providers: names.map((name) => {
      const own = models[name];
      return provider(name, own ? { models: [own] } : {});
    }),
    scripts,
    workload: (random) => steadily({ perSecond: 20, durationMs: 60_000, ...load }, random),
  });
}

const stream = (): { facts: { stream: true } } => ({ facts: { stream: true } });
const shares = (timeline: Timeline, names: readonly string[]): number[] =>
  names.map((name) => timeline.shareOf(name));

describe('Latency', () => {
  const strategy: RuleBody['strategy'] = { type: 'Latency' };
  const MANY = Object.fromEntries(
    [900, 700, 500, 300, 1100].map((median, i) => [`t${i}`, { firstTokenMs: varying(median) }]),
  );

  it('tries what it does not know early, and little of it afterwards', () => {
    const { timeline } = play({ strategy, scripts: MANY, load: { request: stream } });
    const early = timeline.between(0, 5000);
    for (const name of Object.keys(MANY)) expect(early.shareOf(name)).toBeGreaterThan(0);
    const later = timeline.between(10_000, 60_000);
    expect(later.shareOf('t3')).toBeGreaterThan(0.97);
  });

  it.each([20, 200])(
    'explores one request in fifty at most, and one in five seconds at least (%i rps)',
    (rate) => {
      const load = { request: stream, perSecond: rate, durationMs: 120_000 };
      const { timeline } = play({ strategy, scripts: MANY, load });
      const steady = timeline.between(20_000, 120_000);
      const others = steady.where(({ target: name }) => name !== 't3');
      expect(others.requests.length).toBeLessThanOrEqual(Math.ceil(steady.requests.length * 0.0205));
      for (let from = 20_000; from < 115_000; from += 5000) {
        // A turn may fall a request short of the five seconds.
        expect(others.between(from, from + 6500).requests.length).toBeGreaterThan(0);
      }
    },
  );

  it('does not send everything to one of several that are about as good', () => {
    const scripts = {
      a: { firstTokenMs: varying(300, 0.1) },
      b: { firstTokenMs: varying(310, 0.1) },
      c: { firstTokenMs: varying(320, 0.1) },
    };
    const { timeline } = play({ strategy, scripts, load: { request: stream } });
    for (const share of shares(timeline.between(10_000, 60_000), ['a', 'b', 'c'])) {
      expect(share).toBeGreaterThan(0.2);
      expect(share).toBeLessThan(0.5);
    }
  });

  // The last one is nine tenths of what they can do at all.
  it.each([30, 45, 60])(
    'spreads over targets that become slow under load, instead of running from one to the other (%i rps)',
    (perSecond) => {
      const names = ['a', 'b', 'c', 'd'];
      const loaded = ({ inFlight, random }: Moment) => lognormal(random, 200 + 60 * inFlight, 0.1);
      const scripts = Object.fromEntries(names.map((name) => [name, { firstTokenMs: loaded }]));
      const load = { request: stream, perSecond };
      const settled = play({ strategy, scripts, load }).timeline.between(20_000, 60_000);
      for (let from = 20_000; from < 60_000; from += 5000) {
        for (const share of shares(settled.between(from, from + 5000), names)) {
          expect(share).toBeGreaterThan(0.2);
          expect(share).toBeLessThan(0.3);
        }
      }
      // Nobody waits longer than where requests are spread by nothing but their number.
      const even = play({ strategy: { type: 'LeastRequests' }, scripts, load }).timeline;
      expect(settled.latency(0.95)).toBeLessThan(1.1 * (even.between(20_000, 60_000).latency(0.95) ?? 0));
    },
  );

  it('weighs the whole answer where it is told to', () => {
    const scripts: Record<string, TargetScript> = {
      quick: { firstTokenMs: varying(100), tokenMs: 30, outputTokens: 100 },
      fluent: { firstTokenMs: varying(600), tokenMs: 5, outputTokens: 100 },
    };
    const load = { request: stream, durationMs: 120_000 };
    const first = play({ strategy, scripts, load }).timeline.between(20_000, 120_000);
    expect(first.shareOf('quick')).toBeGreaterThan(0.95);
    const total: RuleBody['strategy'] = { type: 'Latency', latency: { measure: 'Total' } };
    const whole = play({ strategy: total, scripts, load }).timeline.between(20_000, 120_000);
    expect(whole.shareOf('fluent')).toBeGreaterThan(0.95);
  });

  it('comes back from an outage, and hardly notices it', () => {
    const scripts: Record<string, TargetScript> = {
      a: {
        firstTokenMs: varying(200, 0.1),
        faults: [{ from: 20_000, to: 40_000, kind: 'Status', status: 503 }],
      },
      b: { firstTokenMs: varying(300, 0.1) },
    };
    const { timeline } = play({ strategy, scripts, load: { request: stream, durationMs: 70_000 } });
    expect(timeline.count('Served')).toBe(timeline.requests.length);
    expect(timeline.between(25_000, 40_000).shareOf('b')).toBe(1);
    expect(timeline.between(55_000, 70_000).shareOf('a')).toBeGreaterThan(0.9);
  });
});

describe('Throughput', () => {
  const strategy: RuleBody['strategy'] = { type: 'Throughput' };

  it('takes the fastest streams, whatever they take to begin', () => {
    const scripts: Record<string, TargetScript> = {
      slow: { firstTokenMs: 50, tokenMs: 40, outputTokens: 60 },
      fast: { firstTokenMs: 900, tokenMs: 10, outputTokens: 60 },
    };
    const { timeline } = play({ strategy, scripts, load: { request: stream } });
    expect(timeline.between(10_000, 60_000).shareOf('fast')).toBeGreaterThan(0.9);
  });

  it('leaves a target whose backlog makes it slower than another', () => {
    const scripts: Record<string, TargetScript> = {
      // Twice as fast alone, but shared among what is under way.
      local: { firstTokenMs: 50, tokenMs: ({ inFlight }) => 4 * inFlight, outputTokens: 60 },
      cloud: { firstTokenMs: 50, tokenMs: 30, outputTokens: 60 },
    };
    const light = play({ strategy, scripts, load: { request: stream, perSecond: 2, durationMs: 120_000 } });
    expect(light.timeline.between(20_000, 120_000).shareOf('local')).toBeGreaterThan(0.85);
    const heavy = play({ strategy, scripts, load: { request: stream, perSecond: 30, durationMs: 120_000 } });
    const busy = heavy.timeline.between(20_000, 120_000);
    expect(busy.shareOf('local')).toBeGreaterThan(0.05);
    expect(busy.shareOf('cloud')).toBeGreaterThan(0.4);
    // Everything on the local one would have taken longer without end.
    expect(busy.total(0.95)).toBeLessThan((1 + 50 + 59 * 30) * 2);
  });
});

describe('LeastRequests', () => {
  it('keeps what is under way in proportion to weight', () => {
    const scripts: Record<string, TargetScript> = {
      quick: { firstTokenMs: varying(200) },
      slow: { firstTokenMs: varying(1000) },
    };
    const { timeline } = play({ strategy: { type: 'LeastRequests' }, scripts, load: { perSecond: 40 } });
    const busy = (name: string) =>
      timeline.requests.reduce((sum, one) => sum + (one.target === name ? one.totalMs : 0), 0);
    expect(busy('quick') / busy('slow')).toBeGreaterThan(0.8);
    expect(busy('quick') / busy('slow')).toBeLessThan(1.25);
    const weighted = play({
      strategy: { type: 'LeastRequests' },
      scripts,
      weights: { slow: 3 },
      load: { perSecond: 40 },
    }).timeline;
    expect(weighted.shareOf('slow')).toBeGreaterThan(timeline.shareOf('slow') * 1.3);
  });
});

describe('Cost', () => {
  const strategy: RuleBody['strategy'] = { type: 'Cost' };
  const priced = (input: number, output: number) => model('m', { prices: { input, output } });
  const answers = (outputTokens: number, reasoningTokens = 0): TargetScript => ({
    firstTokenMs: 100,
    tokenMs: 0,
    outputTokens: ({ random }) => lognormal(random, outputTokens, 0.3),
    reasoningTokens: ({ random }) => (reasoningTokens === 0 ? 0 : lognormal(random, reasoningTokens, 0.3)),
  });

  it.each([1, 2, 3, 4])('lets half the price with four times the reasoning lose (seed %i)', (seed) => {
    const { timeline } = play({
      seed,
      strategy,
      scripts: { plain: answers(100, 200), thinker: answers(100, 800) },
      models: { plain: priced(1e6, 10e6), thinker: priced(0.5e6, 5e6) },
      load: { durationMs: 120_000 },
    });
    expect(timeline.between(60_000, 120_000).shareOf('plain')).toBeGreaterThan(0.95);
  });

  it('takes half the price where answers are as long', () => {
    const { timeline } = play({
      strategy,
      scripts: { dear: answers(100), cheap: answers(110) },
      models: { dear: priced(1e6, 10e6), cheap: priced(0.5e6, 5e6) },
    });
    expect(timeline.between(10_000, 60_000).shareOf('cheap')).toBeGreaterThan(0.97);
  });

  it('does not try what could not be cheaper whatever it says', () => {
    const { timeline } = play({
      strategy,
      scripts: { top: answers(100), small: answers(200) },
      models: { top: priced(15e6, 45e6), small: priced(0.1e6, 0.1e6) },
    });
    expect(timeline.shareOf('small')).toBe(1);
  });

  it('takes an unknown price for anything but zero', () => {
    const { timeline } = play({
      strategy,
      scripts: { unknown: answers(1), dear: answers(500) },
      models: { dear: priced(100e6, 400e6) },
    });
    expect(timeline.shareOf('dear')).toBe(1);
  });

  it('takes a price of zero for what it is', () => {
    const { timeline } = play({
      strategy,
      scripts: { free: answers(5000), cheap: answers(10) },
      models: { free: priced(0, 0), cheap: priced(1, 1) },
    });
    expect(timeline.shareOf('free')).toBe(1);
  });

  it('prefers the dearer target whose cache is warm', () => {
    const cached = model('m', { prices: { input: 2e6, cacheRead: 0.2e6, output: 1e6 } });
    const { timeline } = play({
      strategy,
      scripts: {
        warm: { ...answers(20), cacheReadTokens: ({ facts }) => 0.9 * facts.inputTokens },
        plain: answers(20),
      },
      models: { warm: cached, plain: priced(1.5e6, 1e6) },
      load: { request: () => ({ facts: { inputTokens: 2000 } }), durationMs: 120_000 },
    });
    expect(timeline.between(60_000, 120_000).shareOf('warm')).toBeGreaterThan(0.95);
  });
});
