/**
 * Etcd and the API server away for half a minute: nothing that runs stops, nothing that was written is taken back, and what is
 * changed right after is seen.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Condition, KubeObject } from '../../crds/common.ts';
import { ControlPlane, metric, waitFor } from './control-plane.ts';
import { Fleet } from './fleet.ts';
import type { Report } from './report.ts';
import { ServiceProxy } from './service-proxy.ts';
import { Supervisor } from './supervisor.ts';
import { createWorld, each, route, type Size, secret, teamOf } from './world.ts';
import { statuses } from './writes.ts';

const SIZE: Size = { routes: 200, providers: 50, teams: 10 };
const SIDECARS = 50;
const OUTAGE_MS = 30_000;

export async function measureOutage(report: Report): Promise<void> {
  const plane = await ControlPlane.start();
  const supervisor = new Supervisor(plane);
  let service: ServiceProxy | undefined;
  let fleet: Fleet | undefined;
  try {
    await createWorld(plane.cluster, SIZE);
    await supervisor.start('a');
    await supervisor.start('b');
    service = await ServiceProxy.start(() => supervisor.ready());
    fleet = await Fleet.create(plane, SIDECARS, SIZE);
    await fleet.start(plane, service.port);
    await allReady(plane);

    const { kube } = plane;
    await measure('both stand still', plane, fleet, supervisor, report, {
      begin: () => {
        kube.signal('kube-apiserver', 'SIGSTOP');
        kube.signal('etcd', 'SIGSTOP');
      },
      end: () => {
        kube.signal('etcd', 'SIGCONT');
        kube.signal('kube-apiserver', 'SIGCONT');
        return Promise.resolve();
      },
    });
    await measure('both are killed', plane, fleet, supervisor, report, {
      begin: () => {
        kube.signal('kube-apiserver', 'SIGKILL');
        kube.signal('etcd', 'SIGKILL');
      },
      end: async () => {
        const etcd = kube.restart('etcd');
        await kube.restart('kube-apiserver');
        await etcd;
      },
    });
    await measure('only etcd stands still', plane, fleet, supervisor, report, {
      begin: () => kube.signal('etcd', 'SIGSTOP'),
      end: () => Promise.resolve(kube.signal('etcd', 'SIGCONT')),
    });
  } finally {
    supervisor.stop();
    fleet?.stop();
    service?.stop();
    await plane.stop();
  }
}

async function measure(
  what: string,
  plane: ControlPlane,
  fleet: Fleet,
  supervisor: Supervisor,
  report: Report,
  outage: { begin: () => void; end: () => Promise<void> },
): Promise<void> {
  const before = await settledConditions(plane);
  const restarts = supervisor.restarts;
  let fewest = SIDECARS;
  let unserved = 0;
  outage.begin();
  const end = performance.now() + OUTAGE_MS;
  while (performance.now() < end) {
    const { configured, connected } = await fleet.facts();
    fewest = Math.min(fewest, connected);
    unserved = Math.max(unserved, SIDECARS - configured);
    await wait(250);
  }
  const { connected } = await fleet.facts();
  plane.audit.take();
  await outage.end();
  const endedAt = performance.now();
  await waitFor('the API server to answer', () => answers(plane));
  // Right after: before watches, leader and sidecars have found back.
  const changed = [3, 4, 5];
  version += 1;
  await each(changed.length, (n) =>
    retried(() => plane.cluster.apply(route(changed[n] as number, SIZE, version))),
  );
  await retried(() => plane.cluster.apply(secret(teamOf(6, SIZE), SIZE, version)));
  await allReady(plane);
  const seenMs = performance.now() - endedAt;
  await waitFor('a leader', async () => (await leaders(plane)) === 1);
  const flapped = differing(before, await conditions(plane));
  const facts = await fleet.facts();

  report.figure(`${what}: fewest sidecars connected at a time, of ${SIDECARS}`, String(fewest));
  report.atMost(`${what}: sidecars without a configuration`, unserved, 0);
  report.atMost(`${what}: sidecars not connected at its end`, SIDECARS - connected, 0);
  report.figure(
    `${what}: replicas that ended and were started again`,
    String(supervisor.restarts - restarts),
  );
  report.figure(`${what}: from its end to changes programmed`, `${(seenMs / 1000).toFixed(1)} s`);
  report.atMost(`${what}: conditions that changed meanwhile`, flapped.length, 0);
  for (const each of flapped.slice(0, 5)) report.note(each);
  report.atMost(`${what}: items not run as sent afterwards`, facts.exceptions, 0);
  report.atMost(`${what}: leaders afterwards, but one`, Math.abs((await leaders(plane)) - 1), 0);
}

let version = 0;

async function leaders(plane: ControlPlane): Promise<number> {
  let count = 0;
  for (const replica of plane.replicas) count += await metric(replica, 'outrider_operator_leader');
  return count;
}

async function allReady(plane: ControlPlane): Promise<void> {
  await waitFor('all statuses', async () => {
    const found = await statuses(plane).catch(() => undefined);
    return found !== undefined && found.total > 0 && found.ready === found.total;
  });
}

const answers = (plane: ControlPlane) =>
  plane.cluster.api.json({ path: '/api/v1/namespaces/default' }).then(
    () => true,
    () => false,
  );

/** An API server that has just come back refuses the first ones. */
async function retried(write: () => Promise<unknown>): Promise<void> {
  await waitFor('a write to be taken', () =>
    write().then(
      () => true,
      () => false,
    ),
  );
}

/** Longer than a status waits for a fleet that follows. */
const SETTLED_MS = 12_000;

/** What is told of a fleet that has just come may be a few seconds late; an outage begins when nothing is. */
async function settledConditions(plane: ControlPlane): Promise<Map<string, string>> {
  let found = await conditions(plane);
  await waitFor('statuses to stay as they are', async () => {
    await wait(SETTLED_MS);
    const before = found;
    found = await conditions(plane);
    return differing(before, found).length === 0;
  });
  return found;
}

/** Since when each condition is as it is: a condition that went to and fro has another time. */
async function conditions(plane: ControlPlane): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const plural of ['llmroutes', 'llmproviders']) {
    const { items } = await plane.cluster.api.json<{ items: KubeObject[] }>({
      path: `/apis/outrider.dev/v1alpha1/${plural}`,
    });
    for (const { metadata, status } of items) {
      for (const condition of (status as { conditions?: Condition[] } | undefined)?.conditions ?? []) {
        const { lastTransitionTime, reason, status: is, type } = condition;
        found.set(
          `${plural} ${metadata.namespace}/${metadata.name} ${type}`,
          `${is} ${reason} ${lastTransitionTime}`,
        );
      }
    }
  }
  return found;
}

function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...after].flatMap(([what, is]) =>
    before.get(what) === is ? [] : [`${what}: ${before.get(what) ?? 'absent'} -> ${is}`],
  );
}
