/** `outrider restart`: rolls what owns pods whose sidecar is too old. */
import { isVersion, OLDEST_SIDECAR } from '../operator/sync/served.ts';
import { type ApiClient, apiClient } from '../operator/watch/api-client.ts';
import { apiConfig, loadKubeConfig } from '../operator/watch/api-config.ts';
import { ApiError } from '../operator/watch/api-error.ts';
import { describeError } from '../operator/watch/log.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';
import { Arguments, readOrExplain, UsageError } from './arguments.ts';
import { findOutdated, type Outdated } from './restart/outdated.ts';
import type { Workload } from './restart/owners.ts';
import { obstacle, roll } from './restart/roll.ts';

const LIMIT = 20;

const HELP = `outrider restart: new pods for those whose sidecar is too old

A sidecar is replaced with its pod. This finds the Deployments, StatefulSets and DaemonSets that own such pods and rolls them
as "kubectl rollout restart" does, each within its own update strategy. What cannot be rolled is listed.

usage: outrider restart --outdated [options]
       outrider restart --older-than VERSION [options]

  --outdated             sidecars from before ${OLDEST_SIDECAR}: the operator of this version refuses them, and they run what they have
  --older-than VERSION   sidecars from before that version
  -n, --namespace NAME   only there; unset: in all namespaces
  --limit N              workloads to roll at most, 1 to 1000; ${LIMIT}
  --dry-run              say what would be rolled, and roll nothing
  --kubeconfig FILE      unset: $KUBECONFIG, ~/.kube/config, or the pod's own account    OUTRIDER_KUBECONFIG
  --help

exit code: 0 done, 1 something could not be rolled, 2 wrong usage, or the cluster cannot be asked
`;

export interface RestartSettings {
  olderThan: string;
  namespace: string | undefined;
  limit: number;
  dryRun: boolean;
  kubeconfig: string | undefined;
}

/** @returns undefined where help was asked for */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): RestartSettings | undefined {
  const flags = ['older-than', 'limit', 'kubeconfig'];
  const given = new Arguments(args, env, flags, { namespace: 'n' }, ['outdated', 'dry-run']);
  if (given.help) return undefined;
  const [extra] = given.positionals;
  if (extra !== undefined) throw new UsageError(`"${extra}" is not expected; the command takes flags only`);
  const olderThan = given.text('older-than');
  if (given.has('outdated') === (olderThan !== undefined))
    throw new UsageError('say which sidecars are too old: --outdated, or --older-than VERSION');
  if (olderThan !== undefined && !isVersion(olderThan))
    throw new UsageError(`--older-than is "${olderThan}"; it must be a version such as ${OLDEST_SIDECAR}`);
  const [namespace, second] = given.lists.namespace ?? [];
  if (second !== undefined)
    throw new UsageError('--namespace is given twice; leave it out for all namespaces');
  if (namespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    throw new UsageError(`--namespace is "${namespace}"; it must be the name of a namespace`);
  return {
    olderThan: olderThan ?? OLDEST_SIDECAR,
    namespace,
    limit: given.integer('limit', 1, 1000) ?? LIMIT,
    dryRun: given.has('dry-run'),
    kubeconfig: given.text('kubeconfig'),
  };
}

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('restart', HELP, () => readSettings(args, process.env));
  if ('exitCode' in read) return read.exitCode;
  const { kubeconfig } = read.settings;
  let client: ApiClient | undefined;
  try {
    loadKubeConfig(kubeconfig);
    client = apiClient(
      apiConfig(() => loadKubeConfig(kubeconfig)),
      systemClock,
    );
    return await restart(client, read.settings);
  } catch (error) {
    process.stderr.write(`outrider restart: the cluster cannot be asked: ${describeError(error)}\n`);
    return 2;
  } finally {
    client?.close();
  }
}

async function restart(client: ApiClient, settings: RestartSettings): Promise<number> {
  const { namespace, olderThan, limit, dryRun } = settings;
  const found = await findOutdated(client, namespace, olderThan);
  say(summary(found, settings));
  for (const { pod, because } of found.left) say(`pod ${pod}: left alone: ${because}`);
  let rolled = 0;
  let failed = 0;
  let waiting = 0;
  for (const { workload, pods, versions } of found.workloads) {
    const name = `${workload.namespace}/${workload.name} (${workload.kind}, ${count(pods)} with ${versions.join(', ')})`;
    if (rolled >= limit) {
      waiting += 1;
      continue;
    }
    const problem = await attempt(client, workload, dryRun);
    if (problem === undefined) rolled += 1;
    else failed += 1;
    say(`${name}: ${problem ?? (dryRun ? 'would be rolled' : 'is being rolled')}`);
  }
  if (waiting > 0) say(`${waiting} more wait: run it again once these are through, or raise --limit`);
  return failed > 0 ? 1 : 0;
}

/** What is in the way; undefined once it is rolled. */
async function attempt(client: ApiClient, workload: Workload, dryRun: boolean): Promise<string | undefined> {
  try {
    const inTheWay = await obstacle(client, workload);
    if (inTheWay !== undefined) return `not rolled: ${inTheWay}`;
    if (!dryRun) await roll(client, workload, new Date().toISOString());
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 401) throw error;
    return `not rolled: ${error.message}`;
  }
}

function summary({ seen, workloads, left }: Outdated, { namespace, olderThan }: RestartSettings): string {
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  if (workloads.length === 0 && left.length === 0)
    return `none of ${count(seen)} with a sidecar${where} is from before ${olderThan}`;
  return `${count(seen)} with a sidecar${where}; workloads with some from before ${olderThan}: ${workloads.length}`;
}

const count = (pods: number): string => `${pods} ${pods === 1 ? 'pod' : 'pods'}`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
