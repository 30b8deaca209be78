/** From results of a sidecar to the status of a route and back as hints, over real HTTP, through a restart of the operator. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { allCrds } from '../../crds/definitions.ts';
import type { LLMRoute, LLMRouteStatus } from '../../crds/llmroute.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import type { RunningOperator } from '../../operator/operator.ts';
import { noTotals } from '../../sidecar/snapshot/experiments/arm-totals.ts';
import { FleetLink } from '../../sidecar/snapshot/fleet/link.ts';
import { aProvider, aRoute, brief, Cluster } from './support/cluster.ts';
import { until } from './support/manual-clock.ts';

let api: ApiServer;
let cluster: Cluster;

beforeEach(async () => {
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
});

afterEach(async () => {
  await cluster.stop();
  await api.close();
});

const KEY = 'shop/assistant trial';

/** A sidecar that reports what it is given, and what it was told last. */
async function sidecar(operator: RunningOperator, name: string) {
  const news: unknown[] = [];
  let told: unknown;
  const link = new FleetLink();
  link.report({ topic: 'experiments', take: () => news.shift() });
  link.onHints('experiments', (value) => (told = value));
  const pod = await cluster.pod('shop', name);
  const started = await cluster.sidecar(operator, pod, {}, link);
  await until(() => started.holder.hash !== '', 'the first snapshot');
  return {
    started,
    told: () => told,
    tell: (arms: object, percent: number) => {
      news.push({ experiments: [{ key: KEY, percent, arms }] });
      link.urgent();
    },
  };
}

const experiments = (status: object): NonNullable<LLMRouteStatus['experiments']> =>
  (status as LLMRouteStatus).experiments ?? [];

it('sends a canary back for all, keeps it there through a restart, and never writes the spec', async () => {
  await cluster.create(aProvider());
  const rule = {
    targets: ['old', 'new'].map((name) => ({ name, provider: { name: 'vendor' }, model: name })),
    experiment: {
      name: 'trial',
      arms: [{ name: 'next', targets: ['new'] }],
      canary: { arm: 'next', steps: [10, 100] },
    },
  };
  const first = await cluster.operator({ reportIntervalMs: 200 });
  await first.ready;
  await cluster.create(aRoute('assistant', { rule }));
  const pod = await sidecar(first, 'web');
  await cluster.status('LLMRoute', 'shop', 'assistant', (status) => brief(status) === 'True/Programmed@1');
  pod.tell({ _rest: { ...noTotals(), requests: 100, errors: 1 } }, 10);
  await until(() => pod.told() !== undefined, 'a hint');
  const told = { key: KEY, pods: 1, percent: 10, phase: 'Progressing', term: expect.any(Number) as number };
  expect(pod.told()).toEqual({ experiments: [told] });
  pod.tell({ next: { ...noTotals(), requests: 40, errors: 30 } }, 10);
  const status = await cluster.status('LLMRoute', 'shop', 'assistant', (each) =>
    experiments(each).some(({ phase }) => phase === 'RolledBack'),
  );
  expect(experiments(status)).toMatchObject([{ name: 'trial', percent: 0 }]);
  expect(experiments(status)[0]?.message).toMatch(/^75\.0% of 40 requests failed, of the others 1\.0%/);
  await until(() => JSON.stringify(pod.told()).includes('RolledBack'), 'the hint of it');
  await pod.started.client.stop();
  await cluster.stopOperator(first);

  const second = await cluster.operator({ reportIntervalMs: 200 });
  await second.ready;
  const other = await sidecar(second, 'late');
  other.tell({ next: { ...noTotals(), requests: 1 } }, 0);
  await until(() => other.told() !== undefined, 'a hint of the next operator');
  expect(other.told()).toMatchObject({ experiments: [{ key: KEY, percent: 0, phase: 'RolledBack' }] });
  const route = await cluster.get<LLMRoute>('LLMRoute', 'shop', 'assistant');
  expect(route?.spec?.rules[0]).toMatchObject(rule);
  expect(route?.metadata.generation).toBe(1);
});
