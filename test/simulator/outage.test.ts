/** The primary is down for a quarter of a minute under 200 requests a second: nobody's request fails, and hardly one is late. */
import { describe, expect, it } from 'vitest';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import { model, provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import { hedging } from './hedging.ts';
import type { Fault, TargetScript } from './script.ts';
import { simulate } from './simulator.ts';
import type { Timeline } from './timeline.ts';
import { steadily } from './workload.ts';

const FROM = 15_000;
const TO = 30_000;
const END = 35_000;
const FAILOVER: RuleBody['failover'] = {
  on: ['Connect', 'Timeout', 'RateLimited', 'ServerError', 'StreamError'],
  maxAttempts: 2,
  backoff: { baseMs: 100, maxMs: 2000 },
};
const PRICED = [model('m', { prices: { input: 1_000_000, output: 4_000_000 } })];
const around = (median: number): TargetScript => ({
  firstTokenMs: ({ random }) => lognormal(random, median, 0.2),
  tokenMs: 2,
  outputTokens: 20,
});

function outage(fault: object | undefined, over: Partial<RuleBody>, seed = 1): Timeline {
  const faults = fault === undefined ? [] : [{ from: FROM, to: TO, ...fault } as Fault];
  const targets = [target('a', { priority: 0, model: 'm' }), target('b', { priority: 1, model: 'm' })];
  return simulate({
    seed,
    rule: rule('r', { failover: FAILOVER, targets, ...over }),
    providers: ['a', 'b'].map((name) => provider(name, { models: PRICED })),
    scripts: { a: { ...around(200), faults }, b: around(250) },
    workload: (random) =>
      steadily({ perSecond: 200, durationMs: END, request: () => ({ facts: { stream: true } }) }, random),
    plugins: [hedging()],
  }).timeline;
}

/** What is set against silence. */
const HEDGED: Partial<RuleBody> = {
  hedge: { afterPercentile: 95, maxExtraCostPercent: 5, crossModel: true },
  learned: { timeouts: true },
};
const usual = outage(undefined, {}).latency(0.99);

describe('an outage of the primary', () => {
  it.each([
    ['by refusal', { kind: 'Refused' }, {}],
    ['by 503', { kind: 'Status', status: 503 }, {}],
    ['by blackhole', { kind: 'Blackhole' }, {}],
    ['by blackhole, with hedges and learned timeouts', { kind: 'Blackhole' }, HEDGED],
    ['by blackhole, with learned timeouts alone', { kind: 'Blackhole' }, { learned: { timeouts: true } }],
  ] as const)('%s fails nothing and adds a second at most', (_, fault, over) => {
    const timeline = outage(fault, over);
    expect(timeline.count('Served')).toBe(timeline.requests.length);
    const during = timeline.between(FROM, TO);
    expect(during.shareOf('b')).toBeGreaterThan(0.9);
    expect(during.latency(0.99) - usual).toBeLessThanOrEqual(1000);
  });

  it('by blackhole takes a minute of some where the rule is patient', () => {
    const during = outage({ kind: 'Blackhole' }, { patient: true }).between(FROM, TO);
    expect(during.latency(0.99)).toBeGreaterThan(10_000);
  });
});
