import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/manual-clock.ts';
import { Harness } from './support/harness.ts';
import { podNamed } from './support/pods.ts';
import { compiledOf, keys, providerItem, routeItem, snapshotOf } from './support/snapshots.ts';

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.create();
});
afterEach(() => harness.close());

describe('push', () => {
  it('brings a snapshot and its keys to a sidecar, which acknowledges them', async () => {
    const server = await harness.server();
    const pod = harness.pods.set(podNamed('web'));
    const snapshot = snapshotOf(providerItem(), routeItem('gpt'));
    const credentials = keys({ 'shop/openai/main': 'sk-1' });
    server.publish(compiledOf({ app: '*', snapshot, credentials }));
    const sidecar = await harness.sidecar(pod, server.address.port);
    await until(() => server.registry.get(pod.uid)?.ack?.hash === snapshot.hash);
    expect(sidecar.holder.effective?.routes.map(({ id }) => id)).toEqual(['route/shop/gpt']);
    expect(sidecar.credentials.get('shop/openai/main')).toBe('sk-1');
    expect(server.registry.get(pod.uid)).toMatchObject({
      connected: true,
      sentHash: snapshot.hash,
      proxyVersion: '0.1.0-test',
      ack: { credentialsVersion: credentials.version, exceptions: [] },
    });
  });
});
