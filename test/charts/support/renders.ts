/** What the chart makes of values: committed renders, and fresh ones where `helm` is. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { dump, loadAll } from 'js-yaml';
import type { KubeObject } from '../../../crds/common.ts';
import { NAMESPACE } from '../../../scripts/chart/plain-manifests.ts';

export const CHART = 'charts/outrider';
const VALUES = 'test/charts/values';
const GOLDEN = 'test/charts/golden';

export const CASES = readdirSync(VALUES).map((file) => path.basename(file, '.yaml'));
export const valuesFile = (name: string): string => `${VALUES}/${name}.yaml`;
export const goldenFile = (name: string): string => `${GOLDEN}/${name}.yaml`;

/** Where the oldest Kubernetes is what matters. */
const KUBE_VERSIONS: Readonly<Record<string, string>> = { bare: '1.29.0' };

export interface Manifest extends KubeObject {
  // Manifests of many kinds are looked at here; what a kind has is for the test to know.
  // oxlint-disable-next-line typescript/no-explicit-any
  spec?: any;
  // oxlint-disable-next-line typescript/no-explicit-any
  [field: string]: any;
}

export const identity = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): string =>
  `${kind}.${apiVersion} ${namespace ?? ''}/${name}`;

/** In an order that no version of Helm has a say in. */
export function parse(text: string): Manifest[] {
  const objects = (loadAll(text) as (Manifest | null)[]).filter((object) => object !== null);
  return objects.sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
}

export const golden = (name: string): Manifest[] => parse(readFileSync(goldenFile(name), 'utf8'));

export const asText = (objects: readonly Manifest[]): string =>
  objects.map((object) => dump(object, { noRefs: true, lineWidth: -1 })).join('---\n');

const HELM = process.env.HELM_BIN ?? 'helm';

/** What a skipped test is called where there is no helm. */
export const NO_HELM = 'NOT RUN: no helm on PATH, and HELM_BIN names none';
export const hasHelm = spawnSync(HELM, ['version']).status === 0;

export interface HelmAnswer {
  status: number | null;
  stdout: string;
  stderr: string;
}

export function helm(args: readonly string[]): HelmAnswer {
  return spawnSync(HELM, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

export function render(name: string, more: readonly string[] = []): HelmAnswer {
  const version = KUBE_VERSIONS[name] ?? '1.36.0';
  return helm([
    'template',
    'outrider',
    CHART,
    '--namespace',
    NAMESPACE,
    '--kube-version',
    version,
    '--values',
    valuesFile(name),
    ...more,
  ]);
}
