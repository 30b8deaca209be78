/** A rule with a ceiling on latency: a target above it is left alone, and found again once it has recovered. */
import { expect, it } from 'vitest';
import { provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import type { Moment } from './script.ts';
import { simulate } from './simulator.ts';
import { steadily } from './workload.ts';

const FROM = 20_000;
const TO = 80_000;

it.each([1, 2, 3])('leaves a target that is too slow, and comes back to it (seed %i)', (seed) => {
  const { timeline } = simulate({
    seed,
    rule: rule('r', {
      strategy: { type: 'RoundRobin' },
      constraints: { maxLatencyMs: 500 },
      targets: [target('a'), target('b')],
    }),
    providers: [provider('a'), provider('b')],
    scripts: {
      a: {
        firstTokenMs: ({ now, random }: Moment) =>
          lognormal(random, now >= FROM && now < TO ? 2000 : 200, 0.1),
      },
      b: { firstTokenMs: 300 },
    },
    workload: (random) =>
      steadily({ perSecond: 10, durationMs: 130_000, request: () => ({ facts: { stream: true } }) }, random),
  });
  expect(timeline.between(0, FROM).shareOf('a')).toBeCloseTo(0.5, 1);
  // Until it was seen to be slow; then one request in half a minute.
  expect(timeline.between(FROM + 5000, TO).shareOf('a')).toBeLessThan(0.01);
  expect(timeline.between(TO + 35_000, 130_000).shareOf('a')).toBeCloseTo(0.5, 1);
  const slow = timeline.between(FROM + 5000, TO).requests.find((one) => one.target === 'a');
  expect(slow?.at).toBeGreaterThan(FROM + 30_000);
  const left = timeline.between(FROM + 10_000, FROM + 20_000).requests[0]?.plan?.considered[0];
  expect(left).toMatchObject({ reason: 'LatencyAboveCeiling', kept: false });
  expect(left?.detail).toMatch(/^its answers begin after \d+ ms; the rule allows 500 ms$/);
});
