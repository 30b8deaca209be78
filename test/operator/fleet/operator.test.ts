/** From what one pod saw to what another knows, through a whole operator. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allCrds } from '../../../crds/definitions.ts';
import type { LLMProviderStatus } from '../../../crds/llmprovider.ts';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import { readProviderHints, type SightingReport } from '../../../sidecar/snapshot/fleet/providers.ts';
import { aProvider, aRoute, Cluster } from '../support/cluster.ts';
import { until } from '../support/manual-clock.ts';

let api: ApiServer;
let cluster: Cluster;

beforeEach(async () => {
  api = await startApiServer({ crds: allCrds(), historyLimit: 20 });
  cluster = await Cluster.on(api);
  await cluster.namespace('shop');
});

afterEach(async () => {
  await cluster.stop();
  await api.close();
});

const ID = 'provider/shop/vendor';
const failing: SightingReport = { provider: ID, ok: 0, errors: { Connect: 9 }, latency: [], open: true };

/** A pod that saw what it is told, once it has its configuration. */
function podThatSaw(sightings: SightingReport[]) {
  const link = new FleetLink();
  const heard: unknown[] = [];
  link.report({
    topic: 'providers',
    take: () => (sightings.length > 0 ? { ms: 1000, sightings: sightings.splice(0) } : undefined),
  });
  link.onHints('providers', (value) => void heard.push(value));
  return {
    link,
    states: () => readProviderHints(heard.at(-1)).hints.map(({ provider, state }) => [provider, state]),
  };
}

describe('what one pod found down', () => {
  it('the next one knows with its first report, others soon, and the status of the provider says it', async () => {
    await cluster.create(aProvider());
    await cluster.create(aRoute('assistant'));
    const operator = await cluster.operator();
    await operator.ready;
    const saw = podThatSaw([failing]);
    const idle = podThatSaw([]);
    await cluster.sidecar(operator, await cluster.pod('shop', 'idle'), {}, idle.link);
    const first = await cluster.sidecar(operator, await cluster.pod('shop', 'saw'), {}, saw.link);
    await until(() => first.holder.hash !== '', 'the first snapshot');
    // Over the stream, long before its next regular report.
    await until(() => idle.states().length > 0, 'the news');
    expect(idle.states()).toEqual([[ID, 'Down']]);
    const fresh = podThatSaw([]);
    await cluster.sidecar(operator, await cluster.pod('shop', 'fresh'), {}, fresh.link);
    await until(() => fresh.states().length > 0, 'the first answer');
    expect(fresh.states()).toEqual([[ID, 'Down']]);
    const healthy = ({ conditions }: LLMProviderStatus) => conditions?.find(({ type }) => type === 'Healthy');
    const status = await cluster.status('LLMProvider', 'shop', 'vendor', (s) => healthy(s) !== undefined);
    expect(healthy(status as LLMProviderStatus)).toMatchObject({
      status: 'False',
      reason: 'Down',
      message: 'endpoint: 1 of 1 pods find it down',
    });
  });
});
