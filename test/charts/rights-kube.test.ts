/**
 * The operator runs as the chart starts it, under its own account, with the chart's rules and nothing else: nothing it asks is
 * refused, and nothing it was given is left unused. What it must never do is asked of the API server, one by one.
 */
import https from 'node:https';
import { expect, it } from 'vitest';
import type { KubeApiServer } from '../support/kube-apiserver.ts';
import { describeOnKube } from '../support/kube-suite.ts';
import { apply, call } from './support/api.ts';
import { exerciseLedger } from './support/exercise-ledger.ts';
import {
  ACCOUNT,
  API,
  install,
  must,
  NAMESPACE,
  object,
  prepare,
  running,
  uninstall,
  until,
} from './support/installation.ts';
import type { OperatorProcess } from './support/operator-process.ts';
import { type RecordingProxy, startRecordingProxy } from './support/recording-proxy.ts';
import type { Manifest } from './support/renders.ts';
import { inText, rightsOf, uses } from './support/rights.ts';

/** Nothing of one run may be there in the next. */
async function clean(server: KubeApiServer): Promise<void> {
  for (const name of ['bare', 'owned'])
    await call(server, 'DELETE', `/api/v1/namespaces/shop/pods/${name}?gracePeriodSeconds=0`);
  for (const path of [
    SECRET,
    LEASE,
    '/api/v1/namespaces/shop/configmaps/outrider-env',
    '/api/v1/namespaces/shop/configmaps/outrider-ca',
  ])
    await call(server, 'DELETE', path);
  for (const path of RESOLVED) await call(server, 'DELETE', path);
  await labelShop(server, null);
}

describeOnKube('the rights of the chart', prepare, (server) => {
  it.each(['credentials', 'namespaces'])(
    'of %s are all that the operator needs, and no more',
    async (set) => {
      const { objects, token } = await install(server(), set);
      const proxy = await startRecordingProxy(server());
      let operator: OperatorProcess | undefined;
      try {
        operator = await running(objects, proxy, token);
        await exercise(server(), operator, proxy, set);
        await exerciseLedger(proxy.url, token, set);
        expect(await operator.stop()).toBe(0);
        // As an installation finds it: the Lease that the chart brings, and an older server.
        await must(call(server(), 'DELETE', LEASE));
        await must(apply(server(), objects.find(({ kind }) => kind === 'Lease') as Manifest));
        proxy.isOld = true;
        operator = await running(objects, proxy, token);
        await exerciseAgain(server(), proxy);
        expect(await operator.stop()).toBe(0);
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${operator?.log().slice(-3000)}`, { cause: error });
      } finally {
        await operator?.stop();
        await proxy.close();
        await uninstall(server(), set);
        await clean(server());
      }
      expect(proxy.asked.filter(({ status }) => status === 403)).toEqual([]);
      const used = proxy.asked.filter(({ status }) => status !== 403);
      const idle = rightsOf(objects, ACCOUNT).filter((right) => !used.some((asked) => uses(asked, right)));
      expect(idle.map(inText).filter((right) => !NOT_EXERCISED.has(right))).toEqual([]);
    },
  );

  it('does not reach beyond', async () => {
    await install(server(), 'credentials');
    const wrong: string[] = [];
    for (const [expected, verb, resource, namespace, name] of TABLE) {
      const allowed = await mayOperator(server(), { verb, resource, namespace, name });
      if (allowed !== (expected === 'yes'))
        wrong.push(`${expected}: ${[verb, resource, namespace, name].join(' ')}`);
    }
    await uninstall(server(), 'credentials');
    expect(wrong).toEqual([]);
  });
});

/** Rights for namespaces in which nothing happens here. */
const NOT_EXERCISED = new Set(
  [
    'create configmaps outrider-ca',
    'create configmaps outrider-env',
    'patch configmaps outrider-ca',
    'patch configmaps outrider-env',
    'delete configmaps outrider-ca',
    'delete configmaps outrider-env',
    'create events.events.k8s.io',
    'get events.events.k8s.io',
    'patch events.events.k8s.io',
    'create pods/eviction',
    'patch llmpolicies/status.outrider.dev',
    'patch llmproviders/status.outrider.dev',
    'patch llmroutes/status.outrider.dev',
  ].map((right) => `${right} in search`),
);

type Row = readonly [
  expected: 'yes' | 'no',
  verb: string,
  resource: string,
  namespace?: string,
  name?: string,
];

const TABLE: readonly Row[] = [
  ['yes', 'list', 'secrets', 'shop'],
  ['yes', 'watch', 'secrets', 'platform'],
  ['no', 'get', 'secrets', 'shop', 'keys'],
  ['no', 'list', 'secrets', 'hr'],
  ['no', 'get', 'secrets', 'hr', 'keys'],
  ['no', 'list', 'secrets'],
  ['yes', 'get', 'secrets', NAMESPACE, 'outrider-tls'],
  ['yes', 'update', 'secrets', NAMESPACE, 'outrider-tls'],
  ['no', 'get', 'secrets', NAMESPACE, 'other'],
  ['no', 'list', 'secrets', NAMESPACE],
  ['no', 'delete', 'secrets', NAMESPACE, 'outrider-tls'],
  ['no', 'create', 'secrets', 'shop'],
  ['yes', 'list', 'llmroutes.outrider.dev'],
  ['yes', 'patch', 'llmroutes.outrider.dev/status', 'hr', 'any'],
  ...['create', 'update', 'patch', 'delete', 'deletecollection'].flatMap((verb): Row[] => [
    ['no', verb, 'llmroutes.outrider.dev', 'shop', 'assistant'],
    ['no', verb, 'llmproviders.outrider.dev', 'shop', 'vendor'],
    ['no', verb, 'pods', 'shop', 'app'],
    ['no', verb, 'namespaces', undefined, 'shop'],
    ['no', verb, 'clusterroles.rbac.authorization.k8s.io', undefined, 'outrider'],
    ['no', verb, 'serviceaccounts', NAMESPACE, 'outrider'],
  ]),
  ['no', 'create', 'pods/exec', 'shop', 'app'],
  ['no', 'create', 'pods/eviction', 'shop', 'app'],
  ['no', 'create', 'serviceaccounts/token', 'shop', 'default'],
  ['no', 'impersonate', 'serviceaccounts', 'shop', 'default'],
  ['no', 'escalate', 'clusterroles.rbac.authorization.k8s.io', undefined, 'outrider'],
  ['yes', 'patch', 'configmaps', 'shop', 'outrider-env'],
  ['no', 'patch', 'configmaps', 'shop', 'settings'],
  ['no', 'get', 'configmaps', 'shop', 'settings'],
  ['no', 'list', 'configmaps', 'shop'],
  ['no', 'delete', 'configmaps', 'shop', 'settings'],
  ['no', 'create', 'configmaps', 'shop'],
  ...['create', 'get', 'list', 'update', 'delete'].map((verb): Row => ['yes', verb, 'configmaps', NAMESPACE]),
  ...['watch', 'patch', 'deletecollection'].map((verb): Row => ['no', verb, 'configmaps', NAMESPACE]),
  ['no', 'update', 'leases.coordination.k8s.io', NAMESPACE, 'other'],
  ['no', 'update', 'leases.coordination.k8s.io', 'kube-system', 'outrider'],
  ['no', 'delete', 'leases.coordination.k8s.io', NAMESPACE, 'outrider'],
  [
    'yes',
    'patch',
    'mutatingwebhookconfigurations.admissionregistration.k8s.io',
    undefined,
    'outrider-injection',
  ],
  ['no', 'patch', 'mutatingwebhookconfigurations.admissionregistration.k8s.io', undefined, 'other'],
  [
    'no',
    'delete',
    'mutatingwebhookconfigurations.admissionregistration.k8s.io',
    undefined,
    'outrider-injection',
  ],
  ['no', 'create', 'mutatingwebhookconfigurations.admissionregistration.k8s.io'],
  ['no', 'list', 'nodes'],
  ['no', 'delete', 'events.events.k8s.io', 'shop', 'any'],
];

async function mayOperator(
  server: KubeApiServer,
  {
    verb,
    resource,
    namespace,
    name,
  }: { verb: string; resource: string; namespace?: string | undefined; name?: string | undefined },
): Promise<boolean> {
  const [full = '', subresource] = resource.split('/');
  const [plural = '', ...group] = full.split('.');
  const { body } = await must(
    call(server, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'],
        resourceAttributes: { verb, group: group.join('.'), resource: plural, subresource, namespace, name },
      },
    }),
  );
  return body.status.allowed;
}

const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/outrider-tls`;
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/outrider`;
const RESOLVED = ['llmproviders/vendor', 'llmroutes/assistant', 'llmpolicies/house'].map(
  (path) => `/apis/${API}/namespaces/shop/${path}`,
);

/** Everything that makes the operator do something. */
async function exercise(
  server: KubeApiServer,
  operator: OperatorProcess,
  proxy: RecordingProxy,
  set: string,
): Promise<void> {
  const keys = object('v1', 'Secret', 'keys', 'shop', { 'outrider.dev/provider-credential': 'true' });
  await must(apply(server, { ...keys, stringData: { key: 'sk-test' } }));
  await must(apply(server, { ...object(API, 'LLMProvider', 'vendor', 'shop'), spec: PROVIDER }));
  await must(apply(server, { ...object(API, 'LLMRoute', 'assistant', 'shop'), spec: ROUTE }));
  await must(apply(server, { ...object(API, 'LLMPolicy', 'house', 'shop'), spec: {} }));
  for (const path of RESOLVED) {
    await until(`${path} to be resolved`, async () => {
      const { body } = await call(server, 'GET', path);
      return body.status?.conditions?.some(
        ({ type, status }: Condition) => type === 'ResolvedRefs' && status === 'True',
      );
    });
  }

  const pod = await must(call(server, 'POST', '/api/v1/namespaces/shop/pods', podOf('bare')));
  await must(call(server, 'POST', '/api/v1/namespaces/shop/pods', podOf('owned', OWNER)));
  await labelShop(server, 'enabled');
  await until('the ConfigMaps of the namespace', async () => {
    const found = await Promise.all(
      ['outrider-env', 'outrider-ca'].map((name) =>
        call(server, 'GET', `/api/v1/namespaces/shop/configmaps/${name}`),
      ),
    );
    return found.every(({ status }) => status === 200);
  });
  await until('an Event about the pod', () => asked(proxy, 'create', 'events'));
  if (set === 'namespaces') await until('the eviction', () => asked(proxy, 'create', 'pods/eviction'));

  await until('the webhook to be trusted', async () => {
    const { body } = await call(
      server,
      'GET',
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/outrider-injection',
    );
    return body.webhooks.every(
      ({ clientConfig }: { clientConfig: { caBundle?: string } }) => clientConfig.caBundle,
    );
  });
  const { body: secret } = await must(call(server, 'GET', SECRET));
  await must(call(server, 'PATCH', SECRET, { data: { 'signer.key': null } }, 'application/merge-patch+json'));
  await until('the certificates to be put back', async () => {
    const { body } = await call(server, 'GET', SECRET);
    return body.data['signer.key'] === secret.data['signer.key'];
  });

  const claims = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' };
  await must(apply(server, object('v1', 'ServiceAccount', 'app', 'shop')));
  const bound = { kind: 'Pod', apiVersion: 'v1', name: 'bare', uid: pod.body.metadata.uid };
  const spec = { audiences: ['outrider'], boundObjectRef: bound };
  const { body } = await must(
    call(server, 'POST', '/api/v1/namespaces/shop/serviceaccounts/app/token', { ...claims, spec }),
  );
  // The pod has no sidecar, so it is not served; its token had to be verified to know that.
  await ask(operator, body.status.token);
  const [, payload] = (body.status.token as string).split('.');
  const foreign = [
    Buffer.from('{"alg":"RS256","kid":"of-another-cluster"}').toString('base64url'),
    payload,
    'c2lnbmF0dXJl',
  ].join('.');
  await ask(operator, foreign);
  await until(
    'tokens to be verified',
    () => asked(proxy, 'create', 'tokenreviews') && asked(proxy, 'get', '/openid/v1/jwks'),
  );
}

/** What an operator does that finds the traces of an earlier one, and what it takes away. */
async function exerciseAgain(server: KubeApiServer, proxy: RecordingProxy): Promise<void> {
  await until('the Event to be counted', () => asked(proxy, 'patch', 'events'));
  await must(call(server, 'DELETE', '/api/v1/namespaces/shop/pods/bare?gracePeriodSeconds=0'));
  await call(server, 'DELETE', '/api/v1/namespaces/shop/pods/owned?gracePeriodSeconds=0');
  await labelShop(server, null);
  await until('the ConfigMaps to be taken away', async () => {
    const { body } = await call(server, 'GET', '/api/v1/namespaces/shop/configmaps');
    return body.items.every(({ metadata }: Manifest) => !metadata.name.startsWith('outrider-'));
  });
}

const asked = ({ asked }: RecordingProxy, verb: string, resource: string): boolean =>
  asked.some((each) => each.verb === verb && each.resource === resource && each.status < 400);

function ask(operator: OperatorProcess, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = https.get(`${operator.sync}/v1/credentials`, {
      headers: { authorization: `Bearer ${token}` },
      // The connection stays on loopback; who the operator is, is not what this is about.
      rejectUnauthorized: false,
      agent: false,
    });
    req.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    req.on('error', reject);
  });
}

const labelShop = (server: KubeApiServer, value: string | null) =>
  must(
    call(
      server,
      'PATCH',
      '/api/v1/namespaces/shop',
      { metadata: { labels: { 'outrider.dev/injection': value } } },
      'application/merge-patch+json',
    ),
  );

interface Condition {
  type: string;
  status: string;
}

const PROVIDER = {
  type: 'OpenAICompatible',
  endpoint: { url: 'https://vendor.example/v1' },
  credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: 'keys', key: 'key' } }],
};
const ROUTE = {
  models: ['assistant'],
  rules: [{ name: 'all', targets: [{ name: 'main', provider: { name: 'vendor' }, model: 'large' }] }],
};
const OWNER = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'owned',
  uid: '11111111-1111-4111-8111-111111111111',
  controller: true,
};

function podOf(name: string, owner?: object): object {
  return {
    ...object('v1', 'Pod', name, 'shop'),
    metadata: { name, namespace: 'shop', ...(owner ? { ownerReferences: [owner] } : {}) },
    spec: {
      serviceAccountName: 'app',
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'app' }],
    },
  };
}
