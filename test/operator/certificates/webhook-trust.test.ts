import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LatestValue } from '../../../operator/certificates/latest.ts';
import { WebhookTrust } from '../../../operator/certificates/webhook-trust.ts';
import { apiClient } from '../../../operator/watch/api-client.ts';
import { apiConfig } from '../../../operator/watch/api-config.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { type Call, ScriptedApiServer } from '../support/scripted-api-server.ts';

const PATH = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const base64 = (text: string) => Buffer.from(text).toString('base64');

let server: ScriptedApiServer;
let clock: ManualClock;
let bundle: LatestValue<string>;
let leads: boolean;
let trust: WebhookTrust;
let watch: Call;
let version: number;

beforeEach(async () => {
  server = await new ScriptedApiServer().start();
  clock = new ManualClock();
  bundle = new LatestValue<string>();
  leads = true;
  version = 1;
  const config = apiConfig(() => {
    const kube = new KubeConfig();
    kube.loadFromClusterAndUser({ name: 'c', server: server.url, skipTLSVerify: true }, { name: 'u' });
    return kube;
  });
  trust = new WebhookTrust({
    client: apiClient(config, systemClock),
    clock,
    random: () => 0,
    log: silentLog,
    observer: { restarted() {}, relisted() {} },
    targets: [{ kind: 'MutatingWebhookConfiguration', name: 'outrider-injection' }],
    trustBundle: bundle,
    isLeader: () => leads,
  });
  trust.start();
  watch = (await server.next('the watch')).open();
});

afterEach(async () => {
  await trust.stop();
  await server.stop();
});

function configuration(...bundles: (string | undefined)[]): object {
  version += 1;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'outrider-injection', uid: 'u', resourceVersion: String(version) },
    webhooks: bundles.map((text, index) => ({
      name: `w${index}.outrider.dev`,
      clientConfig: text === undefined ? {} : { caBundle: base64(text) },
    })),
  };
}

/** The watch shows these, and that they were all there is. */
const shown = (...objects: object[]) => {
  for (const object of objects) watch.event('ADDED', object);
  watch.bookmark(String(version), true);
};

/** Until it has seen that everybody has this bundle, and has done what it does about that: a patch nobody answers is not done. */
const seen = async (text: string) => {
  await until(() => trust.isPublished(text), `${text} to be seen`);
  await trust.queue.idle();
};

describe('the trust of webhooks', () => {
  it('is applied to all of them, as nothing but its own field, to the version that was seen', async () => {
    expect(watch.url.pathname).toBe(PATH);
    expect(watch.query.get('fieldSelector')).toBe('metadata.name=outrider-injection');
    shown(configuration('ours', undefined));
    bundle.set('ours');
    const patch = await server.next('the patch');
    expect([patch.request.method, patch.url.pathname]).toEqual(['PATCH', `${PATH}/outrider-injection`]);
    expect(Object.fromEntries(patch.query)).toEqual({ fieldManager: 'outrider-certificates', force: 'true' });
    expect(patch.request.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(patch.body)).toEqual({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'outrider-injection', resourceVersion: '2' },
      webhooks: ['w0', 'w1'].map((name) => ({
        name: `${name}.outrider.dev`,
        clientConfig: { caBundle: base64('ours') },
      })),
    });
    expect(trust.isPublished('ours')).toBe(false);
    patch.json(200, {});
    watch.event('MODIFIED', configuration('ours', 'ours'));
    await seen('ours');
    expect(server.calls).toEqual([]);
  });

  it('is put back when somebody takes it away, but not as fast as somebody can', async () => {
    bundle.set('ours');
    shown(configuration('ours'));
    await seen('ours');
    watch.event('MODIFIED', configuration(undefined));
    (await server.next('the first repair')).json(200, {});
    await trust.queue.idle();
    watch.event('MODIFIED', configuration('theirs'));
    await seen('theirs');
    expect(server.calls).toEqual([]);
    clock.advance(500);
    (await server.next('the second repair')).json(200, {});
  });

  it('is written again with every new bundle', async () => {
    shown(configuration('old'));
    bundle.set('old');
    await seen('old');
    bundle.set('old\nnew');
    const patch = await server.next('the patch');
    expect(patch.body).toContain(base64('old\nnew'));
    patch.json(200, {});
  });

  it('is tried again where it was refused, as when somebody was faster', async () => {
    shown(configuration(undefined));
    bundle.set('ours');
    (await server.next()).fail(409, 'Conflict');
    await until(() => clock.waits.length > 0);
    watch.event('MODIFIED', configuration('x'));
    await seen('x');
    clock.advance(1_500);
    const second = await server.next('the second try');
    expect(JSON.parse(second.body)).toMatchObject({ metadata: { resourceVersion: '3' } });
    second.json(200, {});
  });

  it('is the leader\u2019s to write', async () => {
    leads = false;
    shown(configuration('theirs'));
    bundle.set('ours');
    await seen('theirs');
    expect(server.calls).toEqual([]);
    leads = true;
    trust.look();
    (await server.next('the patch of the new leader')).json(200, {});
  });

  it('is written nowhere while there is no bundle, or no configuration; none is nobody to wait for', async () => {
    expect(trust.isPublished('ours')).toBe(false);
    shown();
    bundle.set('ours');
    await seen('ours');
    expect(server.calls).toEqual([]);
  });
});
