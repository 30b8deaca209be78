/** Vectors of examples on their way through a whole operator: from a provider it may dial to a sidecar. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { allCrds } from '../../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { embeddingOf } from '../../../dev/providers/embedding.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { packVectors, unpackVectors } from '../../../sidecar/snapshot/vectors.ts';
import { aProvider, aRoute, aSecret, Cluster } from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';

let api: ApiServer;
let cluster: Cluster;
let provider: ScriptedProvider;

beforeEach(async () => {
  api = await startApiServer({ crds: allCrds() });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
  provider = await startScriptedProvider({ keys: ['sk-vectors'] });
});
afterEach(async () => {
  await cluster.stop();
  await api.close();
  await provider.close();
});

const TEXTS = ['refund my order', 'charged twice', 'fix this bug'];

async function started(egressHosts: string[]) {
  const ours = aProvider();
  const route = aRoute('assistant');
  await cluster.create(aSecret('vectors', 'sk-vectors'));
  await cluster.create({
    ...ours,
    spec: {
      type: 'OpenAICompatible',
      endpoint: { url: provider.url },
      credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: 'vectors', key: 'api-key' } }],
    },
  });
  await cluster.create({
    ...route,
    spec: {
      ...(route.spec as object),
      signals: {
        intents: {
          method: 'Embeddings',
          embeddings: { provider: { name: ours.metadata.name }, model: 'embed' },
          list: [
            { name: 'billing', examples: TEXTS.slice(0, 2) },
            { name: 'code', examples: TEXTS.slice(2) },
          ],
        },
      },
    },
  });
  const operator = await cluster.operator({ egressHosts });
  await operator.ready;
  return cluster.sidecar(operator, await cluster.pod('shop', 'web'));
}

it('are asked for once and reach the sidecar beside the routes', async () => {
  const { holder } = await started(['127.0.0.1']);
  await until(() => holder.effective?.vectors !== undefined, 'vectors');
  const [body] = Object.values(holder.effective?.vectors ?? {});
  const expected = packVectors(TEXTS.map((text) => [...embeddingOf(text, 512)]));
  expect(body && unpackVectors(body, 3)).toEqual(expected);
  const [route] = holder.effective?.routes ?? [];
  const named = route?.body?.signals?.intents?.embeddings?.vectors;
  expect(Object.keys(holder.effective?.vectors ?? {})).toEqual([named]);
  expect(provider.count).toBe(1);
});

it('are left to the sidecar where the operator may not dial', async () => {
  const { holder } = await started([]);
  await until(() => holder.effective?.routes[0]?.body?.signals !== undefined, 'the route');
  expect(holder.effective?.vectors).toBeUndefined();
  expect(provider.count).toBe(0);
});
