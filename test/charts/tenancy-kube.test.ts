/**
 * What a tenant without the right gets: the operator runs with the chart's rights, under its own account, on a real API server,
 * and each object says why it is refused. What a tenant with the right gets stands beside it.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnKube } from '../support/kube-suite.ts';
import { apply, call } from './support/api.ts';
import { API, install, must, object, prepare, running, until } from './support/installation.ts';
import type { OperatorProcess } from './support/operator-process.ts';
import { type RecordingProxy, startRecordingProxy } from './support/recording-proxy.ts';
import type { Manifest } from './support/renders.ts';

const LABEL = { 'outrider.dev/provider-credential': 'true' };
const secret = (namespace: string, name: string, labels: object = LABEL): Manifest => ({
  ...object('v1', 'Secret', name, namespace, labels),
  stringData: { key: `sk-${namespace}-${name}` },
});
const key = (name: string, secretName: string, more: object = {}) => ({
  name,
  type: 'APIKey',
  secretRef: { name: secretName, key: 'key' },
  ...more,
});
const provider = (namespace: string, name: string, spec: object): Manifest => ({
  ...object(API, 'LLMProvider', name, namespace),
  spec: { type: 'OpenAICompatible', ...spec },
});
const endpoint = { url: 'https://vendor.example/v1' };
const route = (namespace: string, name: string, target: object): Manifest => ({
  ...object(API, 'LLMRoute', name, namespace),
  spec: { models: [name], rules: [{ name: 'all', targets: [{ name: 'main', model: 'm', ...target }] }] },
});
const base = { name: 'vendor', namespace: 'platform' };

/** The chart names shop and platform as namespaces of credentials, and platform as a platform namespace. */
const OBJECTS: Manifest[] = [
  ...['shop', 'platform', 'hr'].map((namespace) => secret(namespace, 'keys')),
  secret('shop', 'database', {}),
  provider('platform', 'vendor', {
    endpoint,
    credentials: [
      key('main', 'keys'),
      key('spare', 'keys', { namespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }),
    ],
    allowedNamespaces: { from: 'All' },
  }),
  provider('platform', 'private', { endpoint, credentials: [key('main', 'keys')] }),
  provider('shop', 'own', { endpoint, credentials: [key('main', 'keys')] }),
  provider('shop', 'inherited', { base, credentials: [key('team', 'keys')] }),
  provider('shop', 'steals-secret', { endpoint, credentials: [key('main', 'database')] }),
  provider('shop', 'steals-base', { base: { name: 'private', namespace: 'platform' } }),
  provider('shop', 'steals-neighbour', { base: { name: 'vendor', namespace: 'hr' } }),
  provider('shop', 'exports', { endpoint, allowedNamespaces: { from: 'All' } }),
  provider('hr', 'vendor', { endpoint, credentials: [key('main', 'keys')] }),
  route('shop', 'granted', { provider: { name: 'vendor' }, credential: 'spare' }),
  route('shop', 'to-private', { provider: { name: 'private', namespace: 'platform' } }),
  route('shop', 'to-neighbour', { provider: { name: 'vendor', namespace: 'hr' } }),
  route('search', 'to-exported', { provider: { name: 'exports', namespace: 'shop' } }),
  route('search', 'with-spare', { provider: { name: 'vendor' }, credential: 'spare' }),
];

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

describeOnKube('tenancy under the rights of the chart', prepare, (server) => {
  let operator: OperatorProcess | undefined;
  let proxy: RecordingProxy;

  beforeAll(async () => {
    const { objects, token } = await install(server(), 'credentials');
    for (const each of OBJECTS) await must(apply(server(), each));
    proxy = await startRecordingProxy(server());
    operator = await running(objects, proxy, token);
  });
  afterAll(async () => {
    await operator?.stop();
    await proxy.close();
  });

  const condition = async (kind: string, name: string, type: string): Promise<string> => {
    const [namespace, object] = name.split('/');
    let found: Condition | undefined;
    await until(`a status of ${name}`, async () => {
      const path = `/apis/${API}/namespaces/${namespace}/${kind}/${object}`;
      const { body } = await call(server(), 'GET', path);
      found = body.status?.conditions?.find((each: Condition) => each.type === type);
      return found !== undefined;
    });
    return `${found?.status}/${found?.reason}: ${found?.message}`;
  };

  it.each<[kind: string, name: string, condition: string]>([
    ['llmproviders', 'platform/vendor', 'True/ResolvedRefs: all references are granted'],
    ['llmproviders', 'shop/own', 'True/ResolvedRefs: all references are granted'],
    ['llmproviders', 'shop/inherited', 'True/ResolvedRefs: all references are granted'],
    ['llmroutes', 'shop/granted', 'True/ResolvedRefs: all references are granted'],
    [
      'llmproviders',
      'shop/steals-secret',
      'False/RefNotPermitted: credential "main": Secret shop/database is not there, or lacks the label outrider.dev/provider-credential: "true" without which it is not read',
    ],
    [
      'llmproviders',
      'hr/vendor',
      'False/RefNotPermitted: credential "main": Secret hr/keys is not read: hr is not among the operator\'s credentials namespaces (chart value credentials.namespaces)',
    ],
    [
      'llmproviders',
      'shop/steals-base',
      'False/RefNotPermitted: spec.base: provider platform/private is not there, or not exported to namespace shop',
    ],
    [
      'llmproviders',
      'shop/steals-neighbour',
      'False/RefNotPermitted: spec.base.namespace hr is not a platform namespace',
    ],
    [
      'llmroutes',
      'shop/to-private',
      'False/RefNotPermitted: spec.rules[0].targets[0].provider: provider platform/private is not there, or not exported to namespace shop',
    ],
    [
      'llmroutes',
      'shop/to-neighbour',
      'False/RefNotPermitted: spec.rules[0].targets[0].provider: provider hr/vendor cannot be used from namespace shop: hr is not a platform namespace',
    ],
    [
      'llmroutes',
      'search/to-exported',
      'False/RefNotPermitted: spec.rules[0].targets[0].provider: provider shop/exports cannot be used from namespace search: shop is not a platform namespace',
    ],
    [
      'llmroutes',
      'search/with-spare',
      'False/RefNotPermitted: spec.rules[0].targets[0].credential: provider platform/vendor keeps credential "spare" for other namespaces than search',
    ],
  ])('%s %s: %s', async (kind, name, expected) => {
    expect(await condition(kind, name, 'ResolvedRefs')).toBe(expected);
  });

  it('accepts an export that has no effect, and says that it has none', async () => {
    expect(await condition('llmproviders', 'shop/exports', 'Accepted')).toBe(
      'True/NotAPlatformNamespace: the spec is valid, but allowedNamespaces.from All has no effect: shop is not a platform namespace',
    );
  });

  it.each([
    ['endpoint', { endpoint }],
    ['models', { models: [{ name: 'm', pricing: [{ unit: 'InputToken', perMillion: '0' }] }] }],
  ])('lets nobody set %s beside a base', async (_, more) => {
    const { status, body } = await apply(server(), provider('shop', 'cheaper', { base, ...more }));
    expect(status).toBe(422);
    expect(body.message).toContain('with base, only credentials, limits and allowedNamespaces may be set');
  });

  it('lists Secrets in the named namespaces only, and is refused nothing', () => {
    // Its own Secret it reads by name.
    const lists = proxy.asked.filter(
      ({ resource, verb, name }) => resource === 'secrets' && name === '' && /^(list|watch)$/.test(verb),
    );
    expect([...new Set(lists.map(({ namespace }) => namespace))].sort()).toEqual(['platform', 'shop']);
    expect(proxy.asked.filter(({ status }) => status === 403)).toEqual([]);
  });
});
