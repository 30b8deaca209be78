/**
 * How long a change takes from the Kubernetes API to every sidecar and back.
 *
 *   node bench/sync.ts [--sidecars 200] [--changes 60] [--rotations 20] [--routes 30] [--full]
 *
 * Three processes: this one holds the embedded API server and writes to it, one runs the operator, one runs the sidecars.
 * Prints figures; fails only when some sidecar does not acknowledge some change.
 */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { allCrds } from '../crds/definitions.ts';
import { startApiServer } from '../dev/api-server/server.ts';
import { Cluster } from '../test/operator/support/cluster.ts';
import { podTokens } from '../test/operator/support/pod-tokens.ts';
import { testAuthority } from '../test/operator/sync/support/certificates.ts';
import { cpuNanoseconds, residentMiB } from './dataplane/process-meter.ts';
import { quantile } from './dataplane/statistics.ts';
import { createWorld, FULL_SIZE } from './operator/world.ts';
import { Child } from './sync/child.ts';
import { NAMESPACE, provider, route, secret } from './sync/manifests.ts';
import { monotonicMs } from './sync/messages.ts';

const BAR_MS = 1_000;
/** Between two changes, so that each is measured alone. */
const REST_MS = 50;

interface Figures {
  /** From the API write, and from publishing, to the last acknowledgement. */
  fromWrite: number[];
  fromPublish: number[];
  /** From publishing to the acknowledgement of each sidecar. */
  each: number[];
}

const { values } = parseArgs({
  options: {
    sidecars: { type: 'string', default: '200' },
    changes: { type: 'string', default: '60' },
    rotations: { type: 'string', default: '20' },
    routes: { type: 'string', default: '30' },
    // Beside these, the routes and providers of an installation of full size.
    full: { type: 'boolean', default: false },
  },
});
const SIDECARS = Number(values.sidecars);
const CHANGES = Number(values.changes);
const ROTATIONS = Number(values.rotations);
const ROUTES = Number(values.routes);

/** Writes, and waits until every sidecar has acknowledged; adds what that took. */
async function measure(operator: Child, figures: Figures, write: () => Promise<unknown>): Promise<void> {
  const writtenAt = monotonicMs();
  await write();
  const { publishedAt, times, exceptions } = await operator.next('acknowledged');
  if (exceptions > 0) throw new Error(`${exceptions} items were not taken as sent`);
  const last = Math.max(...times);
  figures.fromWrite.push(last - writtenAt);
  figures.fromPublish.push(last - publishedAt);
  figures.each.push(...times.map((time) => time - publishedAt));
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
}

function line(name: string, figures: readonly number[]): string {
  const [p50, p99, max] = [quantile(figures, 0.5), quantile(figures, 0.99), Math.max(...figures)];
  const cells = [p50, p99, max].map((value) =>
    (figures.length > 0 ? `${value.toFixed(1)} ms` : 'none').padStart(12),
  );
  return `${name.padEnd(52)}${cells.join('')}`;
}

function print(routes: Figures, rotations: Figures): void {
  console.log(`\n${''.padEnd(52)}${['p50', 'p99', 'max'].map((name) => name.padStart(12)).join('')}`);
  console.log(line('route: API write to acknowledged by all', routes.fromWrite));
  console.log(line('route: published to acknowledged by all', routes.fromPublish));
  console.log(line('route: published to acknowledged by each', routes.each));
  // A rotation changes no hash, so the registry does not show when it was published.
  console.log(line('key rotation: API write to acknowledged by all', rotations.fromWrite));
}

const figures = (): Figures => ({ fromWrite: [], fromPublish: [], each: [] });

async function main(): Promise<void> {
  const [load = 0] = loadavg();
  const api = await startApiServer({ crds: allCrds() });
  const cluster = await Cluster.on(api);
  const authority = await testAuthority();
  const tokenFor = podTokens(api);
  const children: Child[] = [];
  const [routes, rotations] = [figures(), figures()];
  console.log(`${availableParallelism()} cores, load average ${load.toFixed(1)} before the start`);
  console.log(`${SIDECARS} sidecars, ${ROUTES} routes; ${CHANGES} route changes, ${ROTATIONS} key rotations`);
  try {
    if (values.full) await createWorld(cluster, FULL_SIZE);
    await cluster.namespace(NAMESPACE);
    await cluster.apply(secret(0));
    await cluster.apply(provider());
    for (let n = 0; n < ROUTES; n++) await cluster.apply(route(`route-${n}`, 0));
    const tokens: string[] = [];
    for (let n = 0; n < SIDECARS; n++) tokens.push(await tokenFor(await cluster.pod(NAMESPACE, `pod-${n}`)));

    const operator = new Child('./operator.ts', {
      kubeConfig: api.kubeconfig(),
      tls: await authority.issue('127.0.0.1'),
      sidecars: SIDECARS,
    });
    children.push(operator);
    const { port } = await operator.next('listening');
    const connectingAt = monotonicMs();
    const sidecars = new Child('./sidecars.ts', { port, ca: authority.ca, tokens });
    children.push(sidecars);
    await sidecars.next('started');
    const first = await operator.next('acknowledged');
    console.log(`all connected and configured in ${(Math.max(...first.times) - connectingAt).toFixed(0)} ms`);

    const pids = children.map(({ process }) => process.pid ?? 0);
    const before = pids.map(cpuNanoseconds);
    for (let n = 1; n <= CHANGES; n++) {
      await measure(operator, routes, () => cluster.apply(route(`route-${n % ROUTES}`, n)));
    }
    const [operatorCpu = 0, sidecarsCpu = 0] = pids.map(
      (pid, index) => (cpuNanoseconds(pid) - (before[index] ?? 0)) / 1e6 / CHANGES,
    );
    for (let n = 1; n <= ROTATIONS; n++) {
      await measure(operator, rotations, () => cluster.apply(secret(n)));
    }
    const [operatorMiB, sidecarsMiB] = pids.map((pid) => residentMiB(pid).now.toFixed(0));
    console.log(`operator: ${operatorCpu.toFixed(1)} ms CPU per change, ${operatorMiB} MiB resident`);
    console.log(
      `sidecars: ${(sidecarsCpu / SIDECARS).toFixed(2)} ms CPU per change and sidecar; their process ${sidecarsMiB} MiB`,
    );
  } finally {
    print(routes, rotations);
    for (const child of children) child.end();
    await cluster.stop();
    await api.close();
  }
  const p99 = quantile(routes.fromWrite, 0.99);
  console.log(`bar: ${p99 <= BAR_MS ? 'met' : 'MISSED'}, p99 ${p99.toFixed(1)} ms of ${BAR_MS} ms`);
}

await main();
