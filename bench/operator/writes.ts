/** How much the operator asks of the API server: per change, and when nothing changes. */
import type { KubeObject } from '../../crds/common.ts';
import { PENDING } from '../../operator/status/reasons.ts';
import { type Asked, isRead, isStatusWrite, isWrite, mostPerObject, summary } from './audit.ts';
import type { ControlPlane } from './control-plane.ts';
import { metric, waitFor } from './control-plane.ts';
import type { Report } from './report.ts';
import { PLATFORM, provider, route, type Size, secret, sharedProvider, teamOf } from './world.ts';

/**
 * What follows a change is over once for so long nothing was written and no sidecar took anything new, and no status waits for sidecars.
 * How long that takes is the machine's affair.
 */
const CALM_MS = 4_000;
const LOOK_MS = 500;
const OVER_MS = 120_000;
/** Longer than the minute after which numbers may be written. */
const QUIET_MS = 65_000;
/** 2,500 statuses on a machine that others keep busy. */
const ALL_MS = 400_000;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Statuses {
  total: number;
  /** Of the newest generation, and ready. */
  ready: number;
  /** Say that sidecars are on their way to what they are about. */
  pending: number;
  /** Running sidecars that routes count, all together. */
  programmed: number;
  bad: string[];
}

/** What routes and providers say of themselves. */
export async function statuses(plane: ControlPlane): Promise<Statuses> {
  let [total, ready, pending, programmed] = [0, 0, 0, 0];
  const bad: string[] = [];
  for (const plural of ['llmroutes', 'llmproviders']) {
    const { items } = await plane.cluster.api.json<{ items: KubeObject[] }>({
      path: `/apis/outrider.dev/v1alpha1/${plural}`,
    });
    for (const { metadata, status } of items) {
      total += 1;
      const { conditions = [], proxies } = (status ?? {}) as {
        conditions?: { type: string; status: string; reason: string; observedGeneration: number }[];
        proxies?: { programmed: number };
      };
      programmed += proxies?.programmed ?? 0;
      if (conditions.some(({ reason }) => reason === PENDING)) pending += 1;
      const found = conditions.find(({ type }) => type === 'Ready');
      if (found?.status === 'True' && found.observedGeneration === metadata.generation) ready += 1;
      else bad.push(`${plural} ${metadata.namespace}/${metadata.name}: ${found?.status} ${found?.reason}`);
    }
  }
  return { total, ready, pending, programmed, bad };
}

/** How often a sidecar said that it runs what it should. */
async function acknowledgements({ replicas: [replica] }: ControlPlane): Promise<number> {
  return replica ? metric(replica, 'outrider_operator_sync_acknowledge_seconds_count') : 0;
}

/** All that is asked from the last call on until what it was asked for is over, and how long after the call the last write was seen. */
async function untilCalm(plane: ControlPlane): Promise<{ asked: Asked[]; lastWriteMs: number }> {
  const asked: Asked[] = [];
  const began = performance.now();
  let [calmSince, lastWriteMs, followed] = [began, 0, 0];
  for (;;) {
    await wait(LOOK_MS);
    const more = plane.audit.take();
    asked.push(...more);
    const now = performance.now();
    const before = followed;
    followed = await acknowledgements(plane);
    if (followed !== before) calmSince = now;
    if (more.some(isWrite)) {
      calmSince = now;
      lastWriteMs = now - began;
    }
    if (now - began > OVER_MS) return { asked, lastWriteMs };
    if (now - calmSince < CALM_MS) continue;
    if ((await statuses(plane)).pending === 0) return { asked, lastWriteMs };
    calmSince = performance.now();
  }
}

/** @param sidecars that run, each of them for all routes of its team */
export async function measureWrites(
  plane: ControlPlane,
  size: Size,
  sidecars: number,
  report: Report,
): Promise<void> {
  const meant = sidecars * (size.routes / size.teams);
  const took = await waitFor(
    'all statuses',
    async () => {
      const { programmed, ready, total } = await statuses(plane);
      // Numbers alone come up to a minute later: in a row of their own they would be nobody's.
      return ready === total && total >= size.routes + size.providers && programmed === meant;
    },
    ALL_MS,
  );
  const { asked: first } = await untilCalm(plane);
  report.figure('first start: statuses of all', `${(took / 1000).toFixed(1)} s`);
  report.note(`first start: ${summary(first)}`);
  // Known; run by the sidecars that had come; their number, where more came after that.
  report.atMost('first start: writes of one status', mostPerObject(first.filter(isStatusWrite)), 3);
  // The ledger lists its own objects once it leads.
  const lists = first.filter(({ verb, resource }) => verb === 'list' && resource !== 'configmaps');
  report.atMost('first start: lists', lists.length, 0);

  const during = async (what: string, mostStatusWrites: number, change: () => Promise<unknown>) => {
    await change();
    const { asked, lastWriteMs } = await untilCalm(plane);
    report.note(`${what}: ${summary(asked.filter(isWrite))}, over in ${(lastWriteMs / 1000).toFixed(1)} s`);
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

  await wait(QUIET_MS);
  const quiet = plane.audit.take();
  report.note(`${QUIET_MS / 1000} s of nothing: ${summary(quiet)}`);
  report.atMost('nothing changes: writes', quiet.filter(isWrite).length, 0);
  report.atMost('nothing changes: lists and new watches', quiet.filter(isRead).length, 0);
}
