/** What a pod makes of hints, of trends and of full servers, request by request. */
import { describe, expect, it } from 'vitest';
import { routingState } from '../../sidecar/routing/state.ts';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import { outlookOf } from '../sidecar/routing/outlook/support.ts';
import { model, provider, rule, target } from '../sidecar/routing/support.ts';
import type { TargetScript } from './script.ts';
import { type Plugin, simulate } from './simulator.ts';
import { steadily } from './workload.ts';

const FAILOVER: RuleBody['failover'] = {
  on: ['Connect', 'Timeout', 'RateLimited', 'ServerError', 'StreamError'],
  maxAttempts: 3,
  backoff: { baseMs: 100, maxMs: 2000 },
};
const providers = ['a', 'b'].map((name) => provider(name, { models: [model('m')] }));

interface Scenario {
  scripts: Record<string, TargetScript>;
  seconds: number;
  perSecond: number;
  seed?: number;
  rule?: Partial<RuleBody>;
  /** By virtual millisecond. */
  hints?: [number, unknown][];
  depth?: () => number | undefined;
  /** Nothing of it all, to compare with. */
  blind?: boolean;
}

function run({ scripts, seconds, perSecond, seed = 1, rule: over, hints = [], depth, blind }: Scenario) {
  const trends: [number, string][] = [];
  const { sightings, suspicions, view } = outlookOf({
    ...(depth && { depth }),
    onTrend: ({ provider: id }, trend) =>
      trend &&
      trends.push([
        sightings.of({ providerId: id, model: {}, upstreamModel: 'm' } as never)?.seenAt ?? 0,
        id,
      ]),
  });
  const plugin: Plugin = {
    observer: sightings,
    begin({ clock }) {
      for (const [at, value] of hints) clock.at(at, () => suspicions.hear(value, at));
    },
  };
  const targets = ['a', 'b'].map((name) => target(name, { model: 'm' }));
  const { timeline } = simulate({
    seed,
    rule: rule('r', { failover: FAILOVER, targets, ...over }),
    providers,
    scripts,
    workload: (random) =>
      steadily(
        { perSecond, durationMs: seconds * 1000, request: () => ({ facts: { stream: true } }) },
        random,
      ),
    state: { ...routingState(), ...(blind ? {} : { outlook: view }) },
    plugins: [plugin],
  });
  return { timeline, trends };
}

const noisy =
  (median: (now: number) => number): TargetScript['firstTokenMs'] =>
  ({ now, random }) =>
    median(now) * Math.exp(0.4 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

const FAST: TargetScript = { firstTokenMs: noisy(() => 200), tokenMs: 2, outputTokens: 10 };
const tiers = [target('a', { model: 'm' }), target('b', { model: 'm', priority: 1 })];

describe('a fresh pod that is told that a provider is down', () => {
  const outage: Scenario = {
    scripts: { a: { ...FAST, faults: [{ kind: 'Blackhole', from: 0, to: 60_000 }] }, b: FAST },
    seconds: 60,
    perSecond: 5,
    rule: { targets: tiers },
  };
  const told: [number, unknown] = [
    0,
    { holds: 75_000, hints: [{ provider: 'provider/ns/a', model: 'm', state: 'Down' }] },
  ];

  it('asks the others from its first request on, and sees for itself now and then', () => {
    const { timeline } = run({ ...outage, hints: [told] });
    expect(timeline.count('Served')).toBe(timeline.requests.length);
    const tried = timeline.requests.filter(({ attempts }) =>
      attempts.some(({ candidate }) => candidate.target.name === 'a'),
    );
    expect(tried.length).toBeGreaterThanOrEqual(3);
    expect(tried.length).toBeLessThanOrEqual(7);
    // Without the hint, requests wait for it until its breaker opens.
    const blind = run({ ...outage, blind: true }).timeline;
    expect(timeline.between(0, 5_000).latency(0.99)).toBeLessThan(700);
    expect(blind.between(0, 5_000).latency(0.5)).toBeGreaterThan(5_000);
  });

  it('is back within seconds where the fleet was wrong, though it goes on saying so', () => {
    const { timeline } = run({ ...outage, scripts: { a: FAST, b: FAST }, hints: [told] });
    expect(timeline.between(0, 5_000).shareOf('b')).toBe(1);
    expect(timeline.between(8_000, 60_000).shareOf('a')).toBe(1);
  });
});

describe('a target that gets worse', () => {
  it('loses traffic before it fails, and is warned of', () => {
    const failing = (now: number) => Math.max(0, (now - 60_000) / 90_000);
    const scripts = {
      a: {
        ...FAST,
        faults: Array.from({ length: 90 }, (_, i) => ({
          kind: 'Status' as const,
          status: 503,
          from: 60_000 + i * 1000,
          to: 61_000 + i * 1000,
          share: failing(60_000 + i * 1000),
        })),
      },
      b: FAST,
    };
    const scenario = { scripts, seconds: 150, perSecond: 10, rule: { targets: tiers } };
    const { timeline, trends } = run(scenario);
    expect(trends[0]?.[1]).toBe('provider/ns/a');
    // Warned while fewer than a third fail.
    expect(trends[0]?.[0]).toBeLessThan(90_000);
    const asked = (line: typeof timeline) =>
      line
        .between(95_000, 130_000)
        .requests.filter(({ attempts }) => attempts[0]?.candidate.target.name === 'a').length;
    expect(asked(timeline)).toBeLessThan(0.6 * asked(run({ ...scenario, blind: true }).timeline));
    expect(timeline.count('Served')).toBe(timeline.requests.length);
  });

  it('grows slower: half of the traffic of its tier moves before it is four times as slow', () => {
    const median = (now: number) => 200 * 2 ** (Math.max(0, now - 60_000) / 30_000);
    const { timeline, trends } = run({
      scripts: { a: { ...FAST, firstTokenMs: noisy((now) => Math.min(1600, median(now))) }, b: FAST },
      seconds: 180,
      perSecond: 20,
    });
    expect(trends[0]?.[1]).toBe('provider/ns/a');
    expect(trends[0]?.[0]).toBeLessThan(120_000);
    const before = timeline.between(0, 60_000).shareOf('a');
    expect(before).toBeGreaterThan(0.4);
    expect(timeline.between(110_000, 150_000).shareOf('a')).toBeLessThan(before / 2);
  });

  it('is never seen in twenty minutes of steady traffic with failures here and there', () => {
    const faults = [{ kind: 'Status' as const, status: 500, from: 0, to: 1_200_000, share: 0.03 }];
    const { trends } = run({ scripts: { a: { ...FAST, faults }, b: FAST }, seconds: 1200, perSecond: 5 });
    expect(trends).toEqual([]);
  });
});

describe('a model server in the cluster', () => {
  it('spills to the cloud while its queue is long, and takes requests back', () => {
    let waiting = 0;
    const scripts: Record<string, TargetScript> = {
      a: { firstTokenMs: ({ inFlight }) => 100 * inFlight, tokenMs: 20, outputTokens: 50, places: 4 },
      b: FAST,
    };
    const targets = [
      target('a', { model: 'm', spillover: { queueDepth: 6 } }),
      target('b', { model: 'm', priority: 1 }),
    ];
    const load = { scripts, seconds: 60, perSecond: 6, rule: { targets } };
    // The server has four places, and takes a second and more for each request: it cannot keep up with six a second.
    const { timeline } = run(load);
    const { timeline: blind } = run({ ...load, rule: { targets: tiers } });
    expect(timeline.shareOf('a')).toBeGreaterThan(0.3);
    expect(timeline.shareOf('b')).toBeGreaterThan(0.2);
    expect(timeline.latency(0.95)).toBeLessThan(2_500);
    expect(blind.latency(0.95)).toBeGreaterThan(5_000);
    // By its own queue: nothing goes there while it is said to be full.
    waiting = 6;
    const full = run({ ...load, depth: () => waiting });
    expect(full.timeline.shareOf('b')).toBe(1);
  });
});
