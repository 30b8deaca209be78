import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, issueServing } from '../../../operator/certificates/authority.ts';
import { applyPatch } from '../../../operator/inject/json-patch.ts';
import { inject } from '../../../operator/inject/mutate.ts';
import type { Pod } from '../../../operator/inject/pod.ts';
import { createInjectionHandler, type InjectionResult, PATHS } from '../../../operator/inject/webhook.ts';
import { webhookConfiguration } from '../../../operator/inject/webhook-configuration.ts';
import { startWebhookServer } from '../../../operator/inject/webhook-server.ts';
import { settingsWith } from './support/case.ts';

const settings = settingsWith();
const results: InjectionResult[] = [];
let namespaceLabels: Record<string, string> | undefined;

const server = http.createServer(
  createInjectionHandler({
    settings: () => settings,
    namespaceLabels: () => namespaceLabels,
    observe: (result) => results.push(result),
  }),
);

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  results.length = 0;
  namespaceLabels = undefined;
});

async function post(
  body: string,
  { path = '/inject/namespace', method = 'POST', type = 'application/json; charset=utf-8' } = {},
): Promise<{ status: number; text: string }> {
  const { port } = server.address() as AddressInfo;
  const req = http.request({
    port,
    host: '127.0.0.1',
    path,
    method,
    agent: false,
    headers: { 'content-type': type },
  });
  req.end(body);
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  return { status: res.statusCode ?? 0, text: await text(res) };
}

const POD: Pod = { metadata: { generateName: 'web-' }, spec: { containers: [{ name: 'web' }] } };

const review = (object: unknown, change: object = {}) =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      namespace: 'shop',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'pods' },
      object,
      ...change,
    },
  });

async function reviewed(object: unknown, path: string = PATHS.namespace) {
  const answer = await post(review(object), { path });
  expect(answer.status).toBe(200);
  const { apiVersion, kind, response } = JSON.parse(answer.text);
  expect({ apiVersion, kind }).toEqual({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
  expect(response.uid).toBe('705ab4f5-6393-11e8-b7cc-42010a800002');
  return response;
}

describe('the admission webhook', () => {
  it('answers with the patch that injects', async () => {
    const { patch, ...rest } = await reviewed(POD);
    expect(rest).toEqual({ uid: expect.any(String), allowed: true, patchType: 'JSONPatch' });
    const injection = inject(
      POD,
      { name: 'shop', labels: { 'outrider.dev/injection': 'enabled' } },
      settings,
    );
    const patched = applyPatch(POD, JSON.parse(Buffer.from(patch, 'base64').toString()));
    expect(injection).toMatchObject({ outcome: 'Injected', pod: patched });
    expect(results).toEqual(['Injected']);

    const again = await reviewed(patched);
    expect(again).toEqual({ uid: expect.any(String), allowed: true });
    expect(results).toEqual(['Injected', 'Unchanged']);
  });

  it('believes the API server that the namespace opted in, whatever its own copy says', async () => {
    namespaceLabels = { 'outrider.dev/injection': 'disabled', 'istio-injection': 'enabled' };
    const { patch } = await reviewed(POD);
    expect(Buffer.from(patch, 'base64').toString()).toContain('excludeOutboundPorts');
    expect(await reviewed(POD, PATHS.pod)).toEqual({ uid: expect.any(String), allowed: true });
    const asking = { ...POD, metadata: { labels: { 'outrider.dev/inject': 'true' } } };
    expect(await reviewed(asking, PATHS.pod)).toHaveProperty('patch');
    expect(results).toEqual(['Injected', 'NotWanted', 'Injected']);
  });

  it('lets a pod pass that it leaves alone, with a warning', async () => {
    expect(await reviewed({ ...POD, spec: { ...POD.spec, hostNetwork: true } })).toEqual({
      uid: expect.any(String),
      allowed: true,
      warnings: [
        expect.stringMatching(/^the pod is left without a sidecar: it uses the network of its node/),
      ],
    });
    expect(results).toEqual(['Skipped']);
  });

  it('refuses what cannot be followed, and says what would be right', async () => {
    const response = await reviewed({ ...POD, metadata: { annotations: { 'outrider.dev/port': '80' } } });
    expect(response).toEqual({
      uid: expect.any(String),
      allowed: false,
      status: {
        code: 422,
        reason: 'Invalid',
        message: 'annotation outrider.dev/port is "80"; it must be a port from 1024 to 65535',
      },
    });
    expect(results).toEqual(['Refused']);
  });

  it.each([
    ['another path', review(POD), { path: '/inject' }, 404],
    ['another method', '', { method: 'GET' }, 405],
    ['another type', review(POD), { type: 'text/plain' }, 415],
    ['no JSON', '{', {}, 400],
    ['no review', '[]', {}, 400],
    ['null', 'null', {}, 400],
    ['another version', review(POD).replace('k8s.io/v1', 'k8s.io/v1beta1'), {}, 400],
    ['no uid', review(POD, { uid: '' }), {}, 400],
    ['an update', review(POD, { operation: 'UPDATE' }), {}, 400],
    ['a subresource', review(POD, { subResource: 'ephemeralcontainers' }), {}, 400],
    ['another resource', review(POD, { resource: { group: 'apps', resource: 'deployments' } }), {}, 400],
    ['no pod', review({ metadata: {}, spec: {} }), {}, 400],
    ['containers without names', review({ metadata: {}, spec: { containers: [{}] } }), {}, 400],
    ['a list for a pod', review({ metadata: {}, spec: { containers: [], initContainers: {} } }), {}, 400],
  ])('tells %s', async (_, body, options, status) => {
    const answer = await post(body, options);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(/^[^{}]{10,}\n$/);
  });

  it('reads no more than a review can have', async () => {
    const large = review({ ...POD, padding: 'x'.repeat(8 * 1024 * 1024) });
    expect(await post(large)).toMatchObject({ status: 413 });
    const most = review({ ...POD, padding: 'x'.repeat(3 * 1024 * 1024) });
    expect(await post(most)).toMatchObject({ status: 200 });
  });
});

describe('its server', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function serve() {
    const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
    const authority = await createAuthority('test', validity);
    const tls = await issueServing(authority, ['127.0.0.1'], validity);
    const webhook = await startWebhookServer({
      listen: { host: '127.0.0.1', port: 0 },
      tls,
      handler: (_req, res) => res.end('here'),
    });
    closing.push(() => webhook.close());
    return { webhook, authority, validity };
  }

  async function get(port: number, ca: string): Promise<string> {
    const req = https.get({ host: '127.0.0.1', port, ca, agent: false });
    const [res] = (await once(req, 'response')) as [http.IncomingMessage];
    return text(res);
  }

  it('takes another certificate without a pause', async () => {
    const { webhook, authority, validity } = await serve();
    const { port } = webhook.address;
    expect(await get(port, authority.cert)).toBe('here');
    const next = await createAuthority('test', validity);
    webhook.setCertificate(await issueServing(next, ['127.0.0.1'], validity));
    expect(await get(port, next.cert)).toBe('here');
    await expect(get(port, authority.cert)).rejects.toThrow(/certificate|signature/);
  });

  it('is not held open by a caller that says nothing', async () => {
    const { webhook } = await serve();
    const socket = connect(webhook.address.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => {});
    const gone = once(socket, 'close');
    await webhook.close();
    closing.length = 0;
    await expect(gone).resolves.toBeDefined();
  });
});

describe('its configuration', () => {
  it('asks about pods of namespaces that opted in and about pods that ask, each at a path of its own', () => {
    const at = { service: { namespace: 'outrider-system', name: 'outrider-operator', port: 9443 } };
    const { webhooks } = webhookConfiguration({ settings, at, caBundle: 'PEM' }) as unknown as {
      webhooks: Record<string, unknown>[];
    };
    const excluded = {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: ['kube-system', 'kube-public', 'kube-node-lease', 'outrider-system'],
    };
    const common = {
      sideEffects: 'None',
      reinvocationPolicy: 'IfNeeded',
      failurePolicy: 'Fail',
      timeoutSeconds: 5,
      rules: [
        {
          apiGroups: [''],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['pods'],
          scope: 'Namespaced',
        },
      ],
    };
    const clientConfig = (path: string) => ({ caBundle: 'UEVN', service: { ...at.service, path } });
    expect(webhooks).toMatchObject([
      {
        ...common,
        name: 'namespace.injection.outrider.dev',
        clientConfig: clientConfig('/inject/namespace'),
        namespaceSelector: {
          matchExpressions: [
            excluded,
            { key: 'outrider.dev/injection', operator: 'In', values: ['enabled'] },
          ],
        },
        objectSelector: {
          matchExpressions: [{ key: 'outrider.dev/inject', operator: 'NotIn', values: ['false'] }],
        },
      },
      {
        ...common,
        name: 'pod.injection.outrider.dev',
        clientConfig: clientConfig('/inject/pod'),
        namespaceSelector: {
          matchExpressions: [
            excluded,
            { key: 'outrider.dev/injection', operator: 'NotIn', values: ['enabled'] },
          ],
        },
        objectSelector: { matchLabels: { 'outrider.dev/inject': 'true' } },
      },
    ]);
    const ignoring = webhookConfiguration({ settings, at: { url: 'https://x' }, failurePolicy: 'Ignore' });
    expect(JSON.stringify(ignoring)).not.toContain('caBundle');
    expect(JSON.stringify(ignoring)).not.toContain('"Fail"');
  });
});
