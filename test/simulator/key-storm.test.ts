/** Far more is asked of three keys than they may be asked: as much is served as they allow, and hardly a call is refused. */
import { describe, expect, it } from 'vitest';
import type { ProviderBody } from '../../sidecar/snapshot/schema.ts';
import { credential, provider, rule, target } from '../sidecar/routing/support.ts';
import { simulatedLimits } from './limits-plugin.ts';
import type { TargetScript } from './script.ts';
import { type Simulation, simulate } from './simulator.ts';
import { steadily } from './workload.ts';

const MINUTE = 60_000;
const MINUTES = 4;
const A_MINUTE: Record<string, number> = { a: 60, b: 120, c: 240 };
const SUM = Object.values(A_MINUTE).reduce((sum, each) => sum + each);

const script: TargetScript = {
  firstTokenMs: 200,
  tokenMs: 5,
  outputTokens: 20,
  limit: {
    requests: 0,
    windowMs: MINUTE,
    of: Object.fromEntries(Object.entries(A_MINUTE).map(([name, most]) => [`ns/p/${name}`, most])),
  },
};

/** Three times as many requests as the keys allow together. */
function storm(seed: number, configured: boolean): Simulation {
  const body: ProviderBody = provider('p', {
    credentials: Object.entries(A_MINUTE).map(([name, requestsPerMinute]) =>
      credential(name, configured ? { limits: { requestsPerMinute } } : {}),
    ),
  });
  const { plugin, state } = simulatedLimits([body]);
  return simulate({
    seed,
    rule: rule('r', {
      targets: [target('p')],
      failover: { on: ['RateLimited'], maxAttempts: 3, backoff: { baseMs: 100, maxMs: 2000 } },
    }),
    providers: [body],
    scripts: { p: script },
    state,
    plugins: [plugin],
    workload: (random) =>
      steadily(
        {
          perSecond: (3 * SUM) / 60,
          durationMs: MINUTES * MINUTE,
          request: () => ({ facts: { stream: true } }),
        },
        random,
      ),
  });
}

function figures({ timeline }: Simulation) {
  const answered = timeline.requests.filter(({ outcome }) => outcome === 'Served').length;
  const attempts = timeline.requests.reduce((sum, one) => sum + one.attempts.length, 0);
  return { goodput: answered / (SUM * MINUTES), refused: attempts - answered };
}

describe('three keys in a storm', () => {
  it.each([1, 2, 3])('serve what they allow together where their limits are known (seed %i)', (seed) => {
    const { goodput, refused } = figures(storm(seed, true));

    expect(goodput).toBeGreaterThanOrEqual(0.95);
    expect(goodput).toBeLessThanOrEqual(1);
    expect(refused).toBe(0);
  });

  it.each([1, 2, 3])('and where only refusals tell (seed %i)', (seed) => {
    const { goodput } = figures(storm(seed, false));

    expect(goodput).toBeGreaterThanOrEqual(0.95);
  });
});
