/** Thousands of snapshot streams on one replica, and a takeover by that replica. */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { KubeObject } from '../../crds/common.ts';
import { cpuNanoseconds, residentMiB } from '../dataplane/process-meter.ts';
import { ControlPlane, LEASE_SECONDS, metric, waitFor } from './control-plane.ts';
import { told } from './fleet.ts';
import type { Report } from './report.ts';
import { createWorld, each, type Size, sharedProvider, teamOf } from './world.ts';

export interface StreamsSetup {
  port: number;
  ca: string;
  tokens: string[];
  /** Loopback address to connect from: each has source ports of its own. */
  from: string;
}

export interface StreamsFacts {
  open: number;
  /** Streams that ended, or could not be opened. */
  lost: number;
  /** Snapshots announced, over all streams. */
  announced: number;
}

export type StreamsTold = { type: 'opened' } | ({ type: 'facts' } & StreamsFacts);

const SIZE: Size = { routes: 200, providers: 50, teams: 50 };
const PROCESSES = 4;
const IDLE_MS = 20_000;

export async function measureStreams(count: number, report: Report): Promise<void> {
  const plane = await ControlPlane.start();
  const children: ChildProcess[] = [];
  const facts = async (): Promise<StreamsFacts> => {
    const sum = { open: 0, lost: 0, announced: 0 };
    for (const child of children) {
      child.send('facts');
      const { announced, lost, open } = await told<StreamsTold, 'facts'>(child, 'facts');
      sum.open += open;
      sum.lost += lost;
      sum.announced += announced;
    }
    return sum;
  };
  try {
    await createWorld(plane.cluster, SIZE);
    const tokens: string[] = [];
    await each(count, async (n) => {
      const namespace = teamOf(n, SIZE);
      const { metadata } = await plane.cluster.create(pod(namespace, `pod-${n}`));
      tokens.push(await plane.token({ namespace, name: metadata.name, uid: metadata.uid ?? '' }));
    });
    const leader = await plane.replica('a');
    await waitFor('a leader', async () => (await metric(leader, 'outrider_operator_leader')) === 1);
    const replica = await plane.replica('b');
    const [rss, cpu, began] = [residentMiB(replica.pid).now, cpuNanoseconds(replica.pid), performance.now()];
    const ca = await plane.authority();
    const share = Math.ceil(count / PROCESSES);
    await Promise.all(
      Array.from({ length: PROCESSES }, async (_, n) => {
        const child = fork(new URL('streams-process.ts', import.meta.url), { execArgv: [] });
        children.push(child);
        const own = tokens.slice(n * share, (n + 1) * share);
        child.send({ port: replica.sync, ca, tokens: own, from: `127.0.1.${n + 1}` } satisfies StreamsSetup);
        await told<StreamsTold, 'opened'>(child, 'opened');
      }),
    );
    report.figure(`${count} streams opened in`, `${((performance.now() - began) / 1000).toFixed(1)} s`);
    report.figure(
      'CPU to open one, handshake and identity',
      `${((cpuNanoseconds(replica.pid) - cpu) / 1e6 / count).toFixed(2)} ms`,
    );
    await waitFor('everybody to be told what to run', async () => (await facts()).announced >= count);
    const after = residentMiB(replica.pid).now;
    report.figure('RSS before and with them', `${rss.toFixed(0)}, ${after.toFixed(0)} MiB`);
    report.figure('RSS per stream', `${(((after - rss) * 1024) / count).toFixed(0)} KiB`);

    const idle = cpuNanoseconds(replica.pid);
    await wait(IDLE_MS);
    report.figure(
      'CPU at rest, heartbeats only',
      `${((cpuNanoseconds(replica.pid) - idle) / IDLE_MS / 1e4).toFixed(1)} %`,
    );

    const [before, resting] = [await facts(), cpuNanoseconds(replica.pid)];
    await plane.end(leader, 'SIGKILL');
    const took = await waitFor(
      'the other replica to lead',
      async () => (await metric(replica, 'outrider_operator_leader')) === 1,
    );
    await wait(6_000);
    const now = await facts();
    report.figure(`takeover after a SIGKILL, Lease of ${LEASE_SECONDS} s`, `${(took / 1000).toFixed(1)} s`);
    report.figure('CPU of the takeover', `${((cpuNanoseconds(replica.pid) - resting) / 1e9).toFixed(1)} s`);
    report.atMost('streams lost', now.lost, 0);
    report.atMost('streams missing', count - now.open, 0);

    const changedAt = performance.now();
    const changing = cpuNanoseconds(replica.pid);
    await plane.cluster.apply(sharedProvider(1));
    await waitFor(
      'the change to be announced to all',
      async () => (await facts()).announced - before.announced >= count,
    );
    report.figure(
      'a change of the platform announced to all in',
      `${(performance.now() - changedAt).toFixed(0)} ms`,
    );
    report.figure('CPU of that', `${((cpuNanoseconds(replica.pid) - changing) / 1e6).toFixed(0)} ms`);
    report.figure('RSS at the end', `${residentMiB(replica.pid).now.toFixed(0)} MiB`);
  } finally {
    for (const child of children) if (child.connected) child.disconnect();
    await plane.stop();
  }
}

function pod(namespace: string, name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { 'outrider.dev/sidecar': 'true', app: name } },
    spec: {
      serviceAccountName: 'app',
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'app' }],
    },
  };
}
