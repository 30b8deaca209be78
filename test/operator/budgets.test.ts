/** A whole operator and two whole sidecars, over TLS: one budget between them. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { allCrds } from '../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import type { RunningOperator } from '../../operator/operator.ts';
import { RowSpool } from '../../sidecar/accounting/row-spool.ts';
import { type Sidecar, startSidecar } from '../../sidecar/sidecar.ts';
import { SnapshotClient } from '../../sidecar/snapshot/client.ts';
import { type HeldProvider, holdingProvider } from '../sidecar/limits/held-provider.ts';
import { callJson } from '../sidecar/support/http.ts';
import { PATIENCE_MS } from '../support/until.ts';
import { aRoute, Cluster } from './support/cluster.ts';
import { until } from './support/manual-clock.ts';

let api: ApiServer;
let cluster: Cluster;
let provider: HeldProvider;
const sidecars: Sidecar[] = [];
const ledger = { namespace: 'outrider-system', name: 'outrider-ledger' };
const LOOPBACK = { host: '127.0.0.1', port: 0 };

beforeEach(async () => {
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
  await cluster.namespace('outrider-system');
  provider = await holdingProvider();
  provider.open();
});

afterEach(async () => {
  await Promise.all(sidecars.splice(0).map((sidecar) => sidecar.close()));
  await cluster.stop();
  await provider.close();
  await api.close();
});

/** The scripted answers take 10 tokens of input and 5 of output: a dollar. */
const vendor = () => ({
  apiVersion: 'outrider.dev/v1alpha1',
  kind: 'LLMProvider',
  metadata: { name: 'vendor', namespace: 'shop' },
  spec: {
    type: 'OpenAICompatible',
    endpoint: { url: provider.url },
    models: [
      {
        name: 'm',
        contextWindow: 100_000,
        maxOutputTokens: 1000,
        pricing: [
          { unit: 'InputToken', perMillion: '0' },
          { unit: 'OutputToken', perMillion: '200000' },
        ],
      },
    ],
  },
});

function route(amount: string) {
  const made = aRoute('assistant');
  const budget = {
    name: 'monthly',
    amount,
    period: { unit: 'Month' },
    key: [{ by: 'Workload' }],
    enforcement: 'Strict',
    leaseWait: '2s',
  };
  return { ...made, spec: { ...(made as unknown as { spec: object }).spec, budgets: [budget] } };
}

async function sidecar(operator: RunningOperator, name: string) {
  const rows = new RowSpool();
  const pod = await cluster.pod('shop', name);
  const started = await startSidecar({
    listen: LOOPBACK,
    admin: LOOPBACK,
    source: new SnapshotClient({ ...(await cluster.access(operator, pod)), rows }),
    rows,
    pod: { namespace: 'shop', workload: 'web' },
    limits: { drainMs: 1000 },
  });
  sidecars.push(started);
  await until(() => started.holder.hash !== '', 'the first snapshot');
  const ask = async (): Promise<number> => {
    const body = { model: 'assistant', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] };
    const { status } = await callJson(`http://127.0.0.1:${started.port}/v1/chat/completions`, body);
    return status;
  };
  return { started, ask, rows };
}

const until429 = async (asks: readonly (() => Promise<number>)[], served: () => number): Promise<void> => {
  const deadline = performance.now() + PATIENCE_MS;
  let refused = 0;
  // What one of them holds comes back a moment after it was asked for.
  while (refused < 6) {
    if (performance.now() > deadline) throw new Error(`${served()} were served and no end`);
    for (const ask of asks) refused += (await ask()) === 200 ? 0 : 1;
  }
};

it('is spent in whole and not once more by two sidecars, whatever is edited, deleted or restarted', async () => {
  await cluster.create(vendor());
  const first = await cluster.operator({ ledger, reportIntervalMs: 300 });
  await first.ready;
  await cluster.create(route('10'));
  const [one, two] = [await sidecar(first, 'one'), await sidecar(first, 'two')];
  const served = () => provider.keys.length;
  await until(async () => (await one.ask()) === 200, 'the route');
  await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).ask()));
  await until429([one.ask, two.ask], served);
  expect(served()).toBe(10);

  // Raised: there is more within moments. What was spent stays spent.
  await cluster.apply(route('13'));
  const edited = performance.now();
  await until(async () => (await two.ask()) === 200, 'the new amount');
  expect(performance.now() - edited).toBeLessThan(10_000);
  await until429([one.ask, two.ask], served);
  expect(served()).toBe(13);

  // Deleted and created again, it goes on where it was.
  await cluster.remove('LLMRoute', 'shop', 'assistant');
  await until(async () => (await one.ask()) === 404, 'the route to be gone');
  await cluster.create(route('15'));
  await until(async () => (await one.ask()) === 200, 'the route to be back');
  await until429([one.ask, two.ask], served);
  expect(served()).toBe(15);

  // Those who drain give back; who comes next, under another leader, finds what is left.
  await cluster.apply(route('18'));
  await until(async () => (await one.ask()) === 200, 'the new amount');
  await Promise.all(sidecars.splice(0).map((each) => each.drain()));
  await cluster.stopOperator(first);
  const second = await cluster.operator({ ledger, reportIntervalMs: 300 });
  await second.ready;
  const three = await sidecar(second, 'three');
  await until429([three.ask], served);
  expect(served()).toBe(18);
});
