/** A provider that can do ten things at a time is asked three times as much: what it takes on, it does in good time. */
import { describe, expect, it } from 'vitest';
import { provider, rule, target } from '../sidecar/routing/support.ts';
import { lognormal } from './chance.ts';
import { simulatedLimits } from './limits-plugin.ts';
import { type Simulation, simulate } from './simulator.ts';
import { steadily } from './workload.ts';

const PLACES = 10;
const BASE_MS = 400;
const MINUTES = 2;

function overloaded(seed: number, adaptive: boolean): Simulation {
  const body = provider(
    'p',
    adaptive ? { concurrency: { mode: 'Adaptive', min: 1, initial: 20, max: 500 } } : {},
  );
  const { plugin, state } = simulatedLimits([body]);
  return simulate({
    seed,
    rule: rule('r', {
      targets: [target('p')],
      failover: { on: [], maxAttempts: 1, backoff: { baseMs: 0, maxMs: 0 } },
    }),
    providers: [body],
    scripts: {
      p: {
        firstTokenMs: ({ random }) => lognormal(random, BASE_MS, 0.2),
        tokenMs: 1,
        outputTokens: 10,
        places: PLACES,
      },
    },
    state,
    plugins: [plugin],
    workload: (random) =>
      steadily(
        {
          perSecond: (3 * PLACES * 1000) / BASE_MS,
          durationMs: MINUTES * 60_000,
          request: () => ({ facts: { stream: true } }),
        },
        random,
      ),
  });
}

describe('calls at once that adapt', () => {
  it.each([1, 2])('keep a provider busy and its answers quick (seed %i)', (seed) => {
    const { timeline } = overloaded(seed, true);
    const settled = timeline.between(30_000, MINUTES * 60_000);
    const served = settled.where(({ outcome }) => outcome === 'Served');
    const capacity = (PLACES * (MINUTES * 60_000 - 30_000)) / BASE_MS;
    expect(served.requests.length).toBeGreaterThan(capacity * 0.85);
    expect(served.latency(0.95)).toBeLessThan(2.5 * BASE_MS);
    // Whoever is not served hears it at once.
    expect(settled.where(({ outcome }) => outcome === 'Refused').total(1)).toBe(0);
  });

  it('would make everybody wait for long otherwise', () => {
    const { timeline } = overloaded(1, false);
    expect(timeline.between(30_000, MINUTES * 60_000).latency(0.5)).toBeGreaterThan(20 * BASE_MS);
  });
});
