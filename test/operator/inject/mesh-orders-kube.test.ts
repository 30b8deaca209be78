import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { Pod } from '../../../operator/inject/pod.ts';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import { describeOnKube } from '../../support/kube-suite.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { settingsWith } from './support/case.ts';
import { Doors } from './support/doors.ts';
import { type MeshKind, meshConfiguration, meshHandler } from './support/mesh.ts';

const KINDS: MeshKind[] = ['native', 'classic'];
/** Ours is `outrider-injection-0`. */
const ORDERS = { 'mesh first': 'a-mesh', 'mesh after': 'z-mesh' };
const EXCLUDED = 'traffic.sidecar.istio.io/excludeOutboundPorts';
const ENABLED = { 'outrider.dev/injection': 'enabled' };

let doors: Doors;

async function prepare(server: KubeApiServer): Promise<void> {
  doors = new Doors(server);
  await doors.open([settingsWith()]);
  for (const kind of KINDS) {
    for (const [order, prefix] of Object.entries(ORDERS)) {
      const name = `${prefix}-${kind}`;
      await doors.webhook(meshHandler(kind), (url, ca) => meshConfiguration(name, { mesh: name }, url, ca));
      for (const door of ['webhook', 'policy'] as const) {
        await doors.namespace(namespaceOf(kind, order, door), { ...ENABLED, mesh: name }, door);
      }
    }
  }
}

const namespaceOf = (kind: string, order: string, door: string) =>
  `${kind}-${order.replace(' ', '-')}-${door}`;

const APP = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: {
    serviceAccountName: 'app',
    initContainers: [{ name: 'migrate', image: 'app' }],
    containers: [{ name: 'web', image: 'app' }],
  },
};

const names = (list: { name: string }[] | undefined) => list?.map(({ name }) => name);
const sourcesOf = ({ spec }: Pod) =>
  Object.fromEntries(
    [...(spec.initContainers ?? []), ...spec.containers].map(({ name, envFrom }) => [
      name,
      envFrom?.length ?? 0,
    ]),
  );

describeOnKube('injection beside a mesh, called by the real admission chain', prepare, () => {
  afterAll(() => doors.close());

  const cases = Object.keys(ORDERS).flatMap((order) =>
    (['webhook', 'policy'] as const).map((door) => ({ order, door })),
  );

  it.each(cases)('native, $order, $door: behind the proxy, before the app', async ({ order, door }) => {
    const pod = await injected('native', order, door);
    expect(names(pod.spec.initContainers)).toEqual(['istio-init', 'istio-proxy', 'outrider', 'migrate']);
    expect(names(pod.spec.containers)).toEqual(['web']);
    expect(pod.metadata.annotations).not.toHaveProperty(EXCLUDED);
    expect(sourcesOf(pod)).toEqual({ 'istio-init': 0, 'istio-proxy': 0, outrider: 0, migrate: 1, web: 1 });
  });

  it.each(cases)(
    'classic with CNI, $order, $door: the port of the operator is not captured',
    async (given) => {
      const pod = await injected('classic', given.order, given.door);
      const first = given.order === 'mesh first' && given.door === 'webhook';
      const ours = first ? ['outrider', 'istio-validation'] : ['istio-validation', 'outrider'];
      expect(names(pod.spec.initContainers)).toEqual([...ours, 'migrate']);
      expect(names(pod.spec.containers)).toEqual(['istio-proxy', 'web']);
      expect(pod.metadata.annotations).toMatchObject({
        [EXCLUDED]: '8443',
        'kubectl.kubernetes.io/default-container': 'web',
      });
      expect(sourcesOf(pod)).toEqual({
        'istio-validation': 0,
        'istio-proxy': 0,
        outrider: 0,
        migrate: 1,
        web: 1,
      });
    },
  );
});

/** A webhook is called once the API server has taken it up, which it does in its own time. */
async function injected(kind: MeshKind, order: string, door: 'webhook' | 'policy'): Promise<Pod> {
  const all = ({ spec }: Pod) => names([...(spec.initContainers ?? []), ...spec.containers]) ?? [];
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const { body } = await doors.create(APP, namespaceOf(kind, order, door));
    const pod = body as unknown as Pod;
    if (all(pod).includes('istio-proxy') && all(pod).includes('outrider')) return pod;
    await delay(50);
  }
  throw new Error('the webhooks are not called');
}
