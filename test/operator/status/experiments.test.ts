import { describe, expect, it } from 'vitest';
import { type LLMRoute, type LLMRouteStatus, llmRoute } from '../../../crds/llmroute.ts';
import type { Verdict } from '../../../operator/compile/types.ts';
import { routeStatus } from '../../../operator/status/decide.ts';
import { experimentsOf } from '../../../operator/status/experiments.ts';
import { DEFAULT_WAITS } from '../../../operator/status/programmed.ts';

type Statuses = NonNullable<LLMRouteStatus['experiments']>;

const results = (
  requests: number,
  percent = 10,
  phase: Statuses[number]['phase'] = 'Progressing',
): Statuses => [
  {
    name: 'trial',
    phase,
    percent,
    since: '2026-01-02T03:04:05.678Z',
    message: 'begun',
    arms: [{ name: 'next', requests, errors: 0, errorPercent: '0.00' }],
  },
];

const verdict: Verdict = {
  kind: 'LLMRoute',
  namespace: 'shop',
  name: 'assistant',
  uid: 'u',
  generation: 3,
  itemId: 'route/shop/assistant',
  conditions: [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'accepted' },
    { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'resolved' },
    { type: 'Conflicted', status: 'False', reason: 'NoConflict', message: 'no conflict' },
  ],
};

const decide = (
  previous: LLMRouteStatus | undefined,
  experiments: Statuses | undefined,
  writtenMsAgo?: number,
) =>
  routeStatus(
    previous,
    verdict,
    [],
    { now: 1e12, leaderForMs: 3_600_000, pendingForMs: undefined, writtenMsAgo },
    DEFAULT_WAITS,
    experiments,
  );

describe('experiments in the status of a route', () => {
  const { status } = decide(undefined, results(10));

  it('are of the form of the resource', () => {
    expect(llmRoute.status.safeParse(status).success).toBe(true);
    expect(status.experiments).toEqual(results(10));
  });

  it('are written at once when a canary moves, and once a minute when numbers grow', () => {
    expect(decide(status, results(10), 1000).write).toBe(false);
    const grown = decide(status, results(500), 1000);
    expect(grown.write).toBe(false);
    expect(grown.againInMs).toBe(59_000);
    expect(decide(status, results(500), 60_000).write).toBe(true);
    expect(decide(status, results(10, 50), 1000).write).toBe(true);
    expect(decide(status, results(10, 10, 'Complete'), 1000).write).toBe(true);
  });

  it('are equal in whatever order the API server keeps their members', () => {
    const [one] = results(10);
    const turned = Object.fromEntries(Object.entries(one ?? {}).reverse()) as Statuses[number];
    expect(decide({ ...status, experiments: [turned] }, results(10), 120_000).write).toBe(false);
  });

  it('stay while no pod was heard of, and go with the spec', () => {
    const spec = (names: string[]) =>
      ({
        models: ['m'],
        rules: names.map((name) => ({ name, experiment: { name } })),
      }) as unknown as LLMRoute['spec'];
    expect(experimentsOf(spec(['trial']), undefined, results(10))).toEqual(results(10));
    expect(experimentsOf(spec(['trial']), results(20), results(10))).toEqual(results(20));
    expect(experimentsOf(spec(['other']), results(20), results(10))).toBeUndefined();
    expect(experimentsOf(spec([]), results(20), results(10))).toBeUndefined();
  });
});
