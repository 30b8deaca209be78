/**
 * How long a change takes from the Kubernetes API to every sidecar and back.
 *
 *   node bench/sync.ts [--sidecars 200] [--changes 60] [--rotations 20] [--routes 30]
 *
 * Three processes: this one holds the embedded API server and writes to it, one runs the operator, one runs the sidecars.
 * Prints figures; fails only when some sidecar does not acknowledge some change.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { KubeObject } from '../crds/common.ts';
import { allCrds } from '../crds/definitions.ts';
import { startApiServer } from '../dev/api-server/server.ts';
import { Cluster } from '../test/operator/support/cluster.ts';
import { testAuthority } from '../test/operator/sync/support/certificates.ts';
import { cpuNanoseconds, residentMiB } from './dataplane/process-meter.ts';
import { quantile } from './dataplane/statistics.ts';
import {
  type Acknowledged,
  monotonicMs,
  type OperatorSetup,
  type SidecarsSetup,
  type Told,
} from './sync/messages.ts';

const NAMESPACE = 'bench';
const BAR_MS = 1_000;
/** A change that is not everywhere by then counts as lost. */
const GIVE_UP_MS = 15_000;
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
  },
});
const SIDECARS = Number(values.sidecars);
const CHANGES = Number(values.changes);
const ROTATIONS = Number(values.rotations);
const ROUTES = Number(values.routes);

/** A child and what it says, in order. */
class Child {
  readonly process: ChildProcess;
  readonly #told: Told[] = [];
  #wake = (): void => {};

  constructor(file: string, setup: OperatorSetup | SidecarsSetup) {
    this.process = fork(new URL(file, import.meta.url), { execArgv: [] });
    this.process.on('message', (message: Told) => {
      this.#told.push(message);
      this.#wake();
    });
    this.process.on('exit', () => this.#wake());
    this.process.send(setup);
  }

  async next<T extends Told['type']>(type: T): Promise<Extract<Told, { type: T }>> {
    const deadline = monotonicMs() + GIVE_UP_MS;
    for (;;) {
      const told = this.#told.shift();
      if (told?.type === type) return told as Extract<Told, { type: T }>;
      if (told) continue;
      const left = deadline - monotonicMs();
      if (left <= 0 || this.process.exitCode !== null) {
        throw new Error(`not "${type}" within ${GIVE_UP_MS} ms`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

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

function provider(): KubeObject {
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name: 'vendor', namespace: NAMESPACE },
    spec: {
      type: 'OpenAICompatible',
      endpoint: { url: 'http://127.0.0.1:9/v1' },
      credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: 'keys', key: 'api-key' } }],
    },
  };
}

function secret(version: number): KubeObject & { data: Record<string, string> } {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'keys',
      namespace: NAMESPACE,
      labels: { 'outrider.dev/provider-credential': 'true' },
    },
    data: { 'api-key': Buffer.from(`sk-${version}`).toString('base64') },
  };
}

/** A route as teams write them: two rules, three targets. */
function route(name: string, version: number): KubeObject {
  const target = (model: string, priority: number) => ({
    name: `p${priority}`,
    provider: { name: 'vendor' },
    model,
    priority,
    weight: 10,
  });
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      models: [name],
      rules: [
        {
          name: 'long',
          matches: [{ prompt: { tokens: { min: 1_000 + version } } }],
          targets: [target('large', 0)],
        },
        { name: 'all', targets: [target('small', 0), target('large', 1)] },
      ],
    },
  };
}

function line(name: string, figures: readonly number[]): string {
  const [p50, p99, max] = [quantile(figures, 0.5), quantile(figures, 0.99), Math.max(...figures)];
  const cells = [p50, p99, max].map((value) => `${value.toFixed(1)} ms`.padStart(12));
  return `${name.padEnd(52)}${cells.join('')}`;
}

async function main(): Promise<void> {
  const api = await startApiServer({ crds: allCrds() });
  const token = (pod: { namespace: string; name: string; uid: string }): string =>
    api.mintToken({
      namespace: NAMESPACE,
      serviceAccount: 'app',
      pod,
      audience: 'outrider',
      expiresInSeconds: 3_600,
    });
  const cluster = await Cluster.create(api.kubeconfig(), (pod) => Promise.resolve(token(pod)));
  const authority = await testAuthority();
  const children: Child[] = [];
  try {
    await cluster.namespace(NAMESPACE);
    await cluster.apply(secret(0));
    await cluster.apply(provider());
    for (let n = 0; n < ROUTES; n++) await cluster.apply(route(`route-${n}`, 0));
    const tokens: string[] = [];
    for (let n = 0; n < SIDECARS; n++) tokens.push(token(await cluster.pod(NAMESPACE, `pod-${n}`)));

    const operator = new Child('./sync/operator.ts', {
      kubeConfig: api.kubeconfig(),
      tls: await authority.issue('127.0.0.1'),
      sidecars: SIDECARS,
    });
    children.push(operator);
    const { port } = await operator.next('listening');
    const connectingAt = monotonicMs();
    const sidecars = new Child('./sync/sidecars.ts', { port, ca: authority.ca, tokens });
    children.push(sidecars);
    await sidecars.next('started');
    const first: Acknowledged = await operator.next('acknowledged');
    const connectMs = Math.max(...first.times) - connectingAt;

    const routes: Figures = { fromWrite: [], fromPublish: [], each: [] };
    const rotations: Figures = { fromWrite: [], fromPublish: [], each: [] };
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

    const [operatorMemory, sidecarsMemory] = pids.map(residentMiB);
    console.log(
      `${SIDECARS} sidecars, ${ROUTES} routes; ${CHANGES} route changes, ${ROTATIONS} key rotations\n`,
    );
    console.log(`${''.padEnd(52)}${['p50', 'p99', 'max'].map((name) => name.padStart(12)).join('')}`);
    console.log(line('route: API write to acknowledged by all', routes.fromWrite));
    console.log(line('route: published to acknowledged by all', routes.fromPublish));
    console.log(line('route: published to acknowledged by each', routes.each));
    console.log(line('key rotation: API write to acknowledged by all', rotations.fromWrite));
    console.log(`\nall connected and configured in ${connectMs.toFixed(0)} ms`);
    console.log(
      `operator: ${operatorCpu.toFixed(1)} ms CPU per change, ${operatorMemory?.now.toFixed(0)} MiB resident (peak ${operatorMemory?.peak.toFixed(0)})`,
    );
    console.log(
      `sidecars: ${(sidecarsCpu / SIDECARS).toFixed(2)} ms CPU per change and sidecar; their process ${sidecarsMemory?.now.toFixed(0)} MiB`,
    );
    const p99 = quantile(routes.fromWrite, 0.99);
    console.log(`bar: ${p99 <= BAR_MS ? 'met' : 'MISSED'}, p99 ${p99.toFixed(1)} ms of ${BAR_MS} ms`);
  } finally {
    for (const child of children) child.process.disconnect();
    await cluster.stop();
    await api.close();
  }
}

await main();
