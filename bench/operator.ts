/**
 * The operator at its full size, against a real kube-apiserver and etcd, whose binaries must be on the machine.
 *
 *   node bench/operator.ts [writes] [outage] [streams]
 *
 * writes   requests to the API server per change, counted in its audit log, and memory at 2,000 routes, 500 providers, 500 sidecars
 * outage   API server and etcd stand still for 30 s, then etcd is killed
 * streams  5,000 snapshot streams on one replica, and a takeover by another
 *
 * All of them unless told. Exits with 1 where a bar is not met.
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { cpuNanoseconds, resetPeak, residentMiB } from './dataplane/process-meter.ts';
import { ControlPlane, type Replica } from './operator/control-plane.ts';
import { Fleet } from './operator/fleet.ts';
import { measureOutage } from './operator/outage.ts';
import { Report } from './operator/report.ts';
import { measureStreams } from './operator/streams.ts';
import { createWorld, FULL_SIZE } from './operator/world.ts';
import { measureWrites } from './operator/writes.ts';

const SIDECARS = 500;
const STREAMS = 5_000;
const RSS_BAR_MIB = 150;
const report = new Report();

async function memory(what: string, { pid }: Replica): Promise<void> {
  report.figure(`RSS ${what}`, `${residentMiB(pid).now.toFixed(1)} MiB`);
}

async function writes(): Promise<void> {
  const size = FULL_SIZE;
  const plane = await ControlPlane.start();
  let fleet: Fleet | undefined;
  try {
    const began = performance.now();
    await createWorld(plane.cluster, size);
    fleet = await Fleet.create(plane, SIDECARS, size);
    report.note(`the world was made in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    const replica = await plane.replica('a');
    await wait(3_000);
    await memory('with 2,000 routes and 500 providers', replica);
    const before = cpuNanoseconds(replica.pid);
    await fleet.start(plane, replica.sync);
    await wait(5_000);
    report.figure(
      'CPU until 500 sidecars have connected',
      `${((cpuNanoseconds(replica.pid) - before) / 1e9).toFixed(1)} s`,
    );
    await memory('and 500 sidecars', replica);
    await measureWrites(plane, size, SIDECARS, report);
    await resetPeak(replica.pid);
    const cpu = cpuNanoseconds(replica.pid);
    await wait(10_000);
    report.figure(
      'CPU with 500 sidecars and no change',
      `${((cpuNanoseconds(replica.pid) - cpu) / 1e8).toFixed(2)} %`,
    );
    const { now } = residentMiB(replica.pid);
    report.atMost('RSS at 2,000 routes, 500 providers, 500 sidecars', now, RSS_BAR_MIB, ' MiB');
  } finally {
    fleet?.stop();
    await plane.stop();
  }
}

// Told to end, it takes along what it started: that hangs on the end of this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const PARTS: Record<string, () => Promise<void>> = {
  writes,
  outage: () => measureOutage(report),
  streams: () => measureStreams(STREAMS, report),
};

console.log(`${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)} before the start`);
const asked = process.argv.slice(2);
for (const part of asked.length > 0 ? asked : Object.keys(PARTS)) {
  const run = PARTS[part];
  if (!run) throw new Error(`"${part}" is none of ${Object.keys(PARTS).join(', ')}`);
  console.log(`\n${part}`);
  await run();
}
console.log(`load average ${loadavg()[0]?.toFixed(1)} at the end; bars missed: ${report.missed}`);
process.exitCode = report.missed > 0 ? 1 : 0;
