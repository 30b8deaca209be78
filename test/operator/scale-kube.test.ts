/** What the operator asks of a real API server, counted in its audit log, and what an outage of it costs. */
import { readFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import type { Condition, KubeObject } from '../../crds/common.ts';
import { allCrds } from '../../crds/definitions.ts';
import type { RunningOperator } from '../../operator/operator.ts';
import type { KubeApiServer } from '../support/kube-apiserver.ts';
import { installCrd, kubeRequest } from '../support/kube-request.ts';
import { describeOnKube } from '../support/kube-suite.ts';
import {
  aProvider,
  aRoute,
  aSecret,
  brief,
  Cluster,
  metric,
  runs,
  type SimulatedSidecar,
} from './support/cluster.ts';
import { until } from './support/manual-clock.ts';

const ROUTES = 60;
const MARK = 'the-last';

let kube: KubeApiServer;
let cluster: Cluster;
let operator: RunningOperator;
let sidecar: SimulatedSidecar;

async function prepare(server: KubeApiServer): Promise<void> {
  kube = server;
  for (const crd of allCrds()) await installCrd(server, crd);
  cluster = await Cluster.create(readFileSync(server.kubeconfigPath, 'utf8'), tokenOf);
}

const tokens = new Map<string, string>();

/** Asked for once, so that a sidecar can start without an API server as it does from its projected token. */
async function tokenOf({ namespace, name, uid }: SimulatedSidecar['pod']): Promise<string> {
  const known = tokens.get(uid);
  if (known !== undefined) return known;
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/app/token`;
  const { body } = await kubeRequest(kube, 'POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: ['outrider'],
      expirationSeconds: 3600,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
  });
  const { token } = (body as unknown as { status: { token: string } }).status;
  tokens.set(uid, token);
  return token;
}

/** Objects whose status was written since the last call, once for each write; sorted. */
let seen = 0;
function statusWrites(): string[] {
  const lines = readFileSync(kube.auditPath, 'utf8').split('\n').slice(0, -1);
  const written = lines.slice(seen).flatMap((line) => {
    const {
      objectRef: ref,
      stage,
      verb,
    } = JSON.parse(line) as {
      stage: string;
      verb: string;
      objectRef?: {
        apiGroup?: string;
        resource: string;
        subresource?: string;
        namespace: string;
        name: string;
      };
    };
    const isStatus = ref?.apiGroup === 'outrider.dev' && ref.subresource === 'status';
    const isOurs = isStatus && stage === 'ResponseComplete' && verb === 'patch';
    return isOurs ? `${ref.resource}/${ref.name}` : [];
  });
  seen = lines.length;
  return written.sort();
}

/** Statuses are looked at in the order of their names: once that of the last one is written twice, all others have been. */
let marks = 0;
async function settled(): Promise<void> {
  for (const target = marks + 2; marks < target; ) {
    marks += 1;
    await cluster.apply(aRoute(MARK, { rule: { timeouts: { request: `${60 + marks}s` } } }));
    await cluster.status('LLMRoute', 'shop', MARK, ({ observedGeneration }) => observedGeneration === marks);
  }
}

const withoutMark = (written: string[]) => written.filter((object) => object !== `llmroutes/${MARK}`);

const transitions = async () => {
  const { items } = await cluster.api.json<{ items: KubeObject[] }>({
    path: '/apis/outrider.dev/v1alpha1/llmroutes',
  });
  return items
    .filter(({ metadata }) => metadata.name !== MARK)
    .map(({ metadata, status }) => [
      metadata.name,
      (status as { conditions: Condition[] }).conditions.map(({ lastTransitionTime, status: is, type }) =>
        [type, is, lastTransitionTime].join(' '),
      ),
    ]);
};

describeOnKube(
  'the operator and its API server',
  prepare,
  () => {
    afterAll(() => cluster.stop());

    it('writes each status once, one where one changed, and none where none did', async () => {
      await cluster.namespace('shop');
      await cluster.create(aSecret('keys', 'sk-first'));
      await cluster.create(aProvider('shop', 'keys'));
      const names = Array.from({ length: ROUTES }, (_, n) => `route-${String(n).padStart(2, '0')}`);
      await Promise.all(names.map((name) => cluster.create(aRoute(name))));
      operator = await cluster.operator();
      await operator.ready;
      await settled();
      expect(withoutMark(statusWrites())).toEqual([
        'llmproviders/vendor',
        ...names.map((name) => `llmroutes/${name}`),
      ]);

      await cluster.apply(aRoute('route-07', { model: 'other' }));
      await settled();
      expect(withoutMark(statusWrites())).toEqual(['llmproviders/vendor', 'llmroutes/route-07']);

      // All of the routes use it, and none has another status for it.
      await cluster.apply({
        ...aProvider('shop', 'keys'),
        spec: { ...(aProvider('shop', 'keys').spec as object), streamUsage: 'Never' },
      });
      await settled();
      expect(withoutMark(statusWrites())).toEqual(['llmproviders/vendor']);

      await cluster.apply({
        ...aRoute('route-08'),
        metadata: { name: 'route-08', namespace: 'shop', labels: { a: 'b' } },
      });
      await cluster.apply(aSecret('keys', 'sk-second'));
      await settled();
      expect(withoutMark(statusWrites())).toEqual([]);
      expect(await metric(operator, 'outrider_operator_watch_relists_total')).toBe(0);
      expect(await metric(operator, 'outrider_operator_watch_restarts_total')).toBe(0);
    });

    it('goes on without it, takes nothing back, and sees what is changed once it has returned', async () => {
      sidecar = await cluster.sidecar(operator, await cluster.pod('shop', 'web'));
      await runs(sidecar, 'route/shop/route-07', 2);
      await cluster.status('LLMRoute', 'shop', 'route-07', (status) => brief(status) === 'True/Programmed@2');
      const late = await cluster.pod('shop', 'late');
      await tokenOf(late);
      await settled();
      const before = await transitions();

      kube.signal('kube-apiserver', 'SIGKILL');
      kube.signal('etcd', 'SIGKILL');
      await until(
        async () => (await metric(operator, 'outrider_operator_watch_restarts_total')) > 0,
        'the operator to notice',
      );
      // One that comes now is served too.
      const other = await cluster.sidecar(operator, late);
      await runs(other, 'route/shop/route-07', 2);
      expect(sidecar.client.status().connected).toBe(true);
      await Promise.all([kube.restart('etcd'), kube.restart('kube-apiserver')]);

      await until(
        () =>
          cluster.apply(aRoute('route-07', { model: 'third' })).then(
            () => true,
            () => false,
          ),
        'the API server to take a change',
      );
      await until(
        () =>
          other.holder.effective?.routes.some(
            ({ generation, id }) => id === 'route/shop/route-07' && generation === 3,
          ) ?? false,
        'the change to reach a sidecar',
      );
      await cluster.status('LLMRoute', 'shop', 'route-07', (status) => brief(status) === 'True/Programmed@3');
      expect(await transitions()).toEqual(before);
    });
  },
  { audit: true },
);
