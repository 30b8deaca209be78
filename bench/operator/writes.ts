/** How much the operator asks of the API server: per change, and when nothing changes. */
import type { KubeObject } from '../../crds/common.ts';
import { isRead, isStatusWrite, isWrite, mostPerObject, summary } from './audit.ts';
import type { ControlPlane } from './control-plane.ts';
import { waitFor } from './control-plane.ts';
import type { Report } from './report.ts';
import { PLATFORM, provider, route, type Size, secret, sharedProvider, teamOf } from './world.ts';

/** Longer than the minute after which numbers may be written would be too long for a bench; writes that follow a change come at once. */
const AFTER_MS = 4_000;
const QUIET_MS = 20_000;
/** 2,500 statuses on a machine that others keep busy. */
const ALL_MS = 400_000;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Every route and provider has a status of its newest generation that says it is ready. */
export async function statuses(
  plane: ControlPlane,
): Promise<{ total: number; ready: number; bad: string[] }> {
  let [total, ready] = [0, 0];
  const bad: string[] = [];
  for (const plural of ['llmroutes', 'llmproviders']) {
    const { items } = await plane.cluster.api.json<{ items: KubeObject[] }>({
      path: `/apis/outrider.dev/v1alpha1/${plural}`,
    });
    for (const { metadata, status } of items) {
      total += 1;
      const { conditions = [] } = (status ?? {}) as {
        conditions?: { type: string; status: string; reason: string; observedGeneration: number }[];
      };
      const found = conditions.find(({ type }) => type === 'Ready');
      if (found?.status === 'True' && found.observedGeneration === metadata.generation) ready += 1;
      else bad.push(`${plural} ${metadata.namespace}/${metadata.name}: ${found?.status} ${found?.reason}`);
    }
  }
  return { total, ready, bad };
}

export async function measureWrites(plane: ControlPlane, size: Size, report: Report): Promise<void> {
  const took = await waitFor(
    'all statuses',
    async () => {
      const { ready, total } = await statuses(plane);
      return ready === total && total >= size.routes + size.providers;
    },
    ALL_MS,
  );
  await wait(AFTER_MS);
  const first = plane.audit.take();
  report.figure('first start: statuses of all', `${(took / 1000).toFixed(1)} s`);
  report.note(`first start: ${summary(first)}`);
  report.atMost('first start: writes of one status', mostPerObject(first.filter(isStatusWrite)), 2);
  // The ledger lists its own objects once it leads.
  const lists = first.filter(({ verb, resource }) => verb === 'list' && resource !== 'configmaps');
  report.atMost('first start: lists', lists.length, 0);

  const during = async (what: string, mostStatusWrites: number, change: () => Promise<unknown>) => {
    await wait(1_000);
    plane.audit.take();
    await change();
    await wait(AFTER_MS);
    const asked = plane.audit.take();
    report.note(`${what}: ${summary(asked.filter(isWrite))}`);
    report.atMost(`${what}: status writes`, asked.filter(isStatusWrite).length, mostStatusWrites);
    report.atMost(`${what}: writes of one status`, mostPerObject(asked.filter(isStatusWrite)), 2);
    report.atMost(`${what}: lists and new watches`, asked.filter(isRead).length, 0);
  };
  await during('a route is edited', 2, () => plane.cluster.apply(route(7, size, 1)));
  await during('a provider of 20 routes is edited', 2, () => plane.cluster.apply(provider(3, size, 1)));
  await during('a provider of 200 routes is edited', 2, () => plane.cluster.apply(sharedProvider(1)));
  await during('a key is rotated', 2, () => plane.cluster.apply(secret(teamOf(5, size), size, 1)));
  await during('labels of a route change', 0, () =>
    plane.cluster.apply({
      ...route(9, size),
      metadata: { ...route(9, size).metadata, labels: { changed: 'yes' } },
    }),
  );
  // A Secret that goes takes ResolvedRefs of its team's providers along, each of them once.
  await during('a Secret goes', 2 * Math.ceil(size.providers / size.teams), () =>
    plane.cluster.remove('Secret', teamOf(6, size), 'keys'),
  );
  await during('it comes back', 2 * Math.ceil(size.providers / size.teams), () =>
    plane.cluster.create(secret(teamOf(6, size), size)),
  );
  await during('a provider of 200 routes goes', 402, () =>
    plane.cluster.remove('LLMProvider', PLATFORM, 'shared'),
  );
  await during('it comes back', 402, () => plane.cluster.create(sharedProvider()));

  plane.audit.take();
  await wait(QUIET_MS);
  const quiet = plane.audit.take();
  report.note(`${QUIET_MS / 1000} s of nothing: ${summary(quiet)}`);
  report.atMost('nothing changes: writes', quiet.filter(isWrite).length, 0);
  report.atMost('nothing changes: lists and new watches', quiet.filter(isRead).length, 0);
}
