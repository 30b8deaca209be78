/**
 * The product in the cluster. `E2E_INSTALL` chooses how it gets there:
 * `helm` (unset): a release of the chart. `template`: `helm template` and `kubectl apply`, as tools for GitOps do it.
 * `manifests`: `kubectl apply -k` of deploy/, for which no Helm is needed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadAll } from 'js-yaml';
import { NAMESPACE } from '../../../scripts/chart/plain-manifests.ts';
import { TARGETS } from '../../../scripts/image.ts';
import type { Manifest } from './cluster.ts';
import { HELM, kubectl, run } from './command.ts';
import { imageOf, imagesAreGiven } from './images.ts';
import { overlay } from './overlay.ts';

export const RELEASE = 'outrider';
export const SYSTEM = NAMESPACE;
const CHART = 'charts/outrider';
const READY_WITHIN = '120s';

const WAYS = ['helm', 'template', 'manifests'] as const;
export type Way = (typeof WAYS)[number];

export function wayToInstall(): Way {
  const given = process.env.E2E_INSTALL ?? 'helm';
  const way = WAYS.find((each) => each === given);
  if (way === undefined) throw new Error(`E2E_INSTALL is "${given}"; there are ${WAYS.join(', ')}`);
  return way;
}

/** Somebody's installation is not for us to take apart. */
export async function refuseOccupied(): Promise<void> {
  const found = await kubectl([
    'get',
    'deployments',
    '-A',
    '-l',
    `app.kubernetes.io/name=${RELEASE}`,
    '-o',
    'name',
  ]);
  if (found.trim() !== '') throw new Error('there is an installation of Outrider in this cluster already');
}

export interface Settings {
  /** Where Secrets are read. */
  credentials: string;
  /** Unset: as the chart has it. */
  mode?: 'Webhook' | 'Policy';
  /** Pods without a sidecar that may be evicted in a minute; unset: none. */
  evictionsPerMinute?: number;
}

export interface Installation {
  uninstall(): Promise<void>;
}

/** Resolves when all replicas are ready. */
export async function install(settings: Settings): Promise<Installation> {
  const way = wayToInstall();
  if (way === 'helm') return release(values(settings));
  const objects = way === 'template' ? await rendered(values(settings)) : await kustomized(settings);
  await kubectl(['create', 'namespace', SYSTEM]).catch(() => {});
  await kubectl(['apply', '--server-side', '-f', '-'], text(objects));
  await kubectl(['rollout', 'status', `deployment/${RELEASE}`, '-n', SYSTEM, `--timeout=${READY_WITHIN}`]);
  return {
    async uninstall() {
      // As the release does: kinds stay, and with them every route.
      const ours = objects.filter(({ kind }) => kind !== 'CustomResourceDefinition' && kind !== 'Namespace');
      await kubectl(['delete', '--ignore-not-found', '--wait', '-f', '-'], text(ours));
    },
  };
}

async function release(given: readonly string[]): Promise<Installation> {
  const options = ['--namespace', SYSTEM, '--create-namespace', '--wait', '--timeout', READY_WITHIN];
  await run(HELM, ['install', RELEASE, CHART, ...options, ...given]);
  return {
    async uninstall() {
      await run(HELM, ['uninstall', RELEASE, '--namespace', SYSTEM, '--wait', '--timeout', READY_WITHIN]);
    },
  };
}

function values({ credentials, mode, evictionsPerMinute }: Settings): string[] {
  const set = [`credentials.namespaces={${credentials}}`];
  for (const target of TARGETS) {
    const { repository, tag } = imageOf(target);
    set.push(`${target}.image.repository=${repository}`, `${target}.image.tag=${tag}`);
  }
  if (mode) set.push(`injection.mode=${mode}`);
  if (evictionsPerMinute) set.push(`repair.evictionsPerMinute=${evictionsPerMinute}`);
  return set.flatMap((each) => ['--set', each]);
}

async function rendered(given: readonly string[]): Promise<Manifest[]> {
  const { serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json']));
  const version = ['--kube-version', (serverVersion.gitVersion as string).replace(/^v/, '')];
  return parse(await run(HELM, ['template', RELEASE, CHART, '--namespace', SYSTEM, ...version, ...given]));
}

/** deploy/ and, on top of it, what the guide says to let it read keys. */
async function kustomized(settings: Settings): Promise<Manifest[]> {
  if (settings.mode === 'Policy' || settings.evictionsPerMinute)
    throw new Error('deploy/ is the chart with its defaults');
  if (imagesAreGiven()) throw new Error('deploy/ names its images; E2E_INSTALL=manifests takes no others');
  const folder = mkdtempSync('test/e2e/overlay-');
  try {
    for (const [file, content] of overlay(settings.credentials, path.relative(folder, 'deploy')))
      writeFileSync(path.join(folder, file), content);
    return parse(await kubectl(['kustomize', folder]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const parse = (yaml: string): Manifest[] =>
  (loadAll(yaml) as (Manifest | null)[]).filter((object) => object !== null);
const text = (objects: readonly Manifest[]): string =>
  objects.map((object) => JSON.stringify(object)).join('\n---\n');
