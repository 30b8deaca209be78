/** Rules that hold for what the chart renders, whatever the values. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../cli/operator.ts';
import { operatorMetrics } from '../../operator/metrics.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { entrypoint } from '../../scripts/image.ts';
import { brokenRules } from './support/pod-rules.ts';
import { CASES, CHART, golden, identity, type Manifest } from './support/renders.ts';

/** Kinds that are in no namespace. */
const CLUSTER_KINDS =
  /^(CustomResourceDefinition|ClusterRole|ClusterRoleBinding|\w+WebhookConfiguration|\w+AdmissionPolicy(Binding)?)$/;

const cases = CASES.map((name) => ({ name, objects: golden(name) }));
const one = (objects: readonly Manifest[], kind: string): Manifest => {
  const found = objects.find((object) => object.kind === kind);
  if (!found) throw new Error(`there is no ${kind}`);
  return found;
};
const operatorEnv = (objects: readonly Manifest[]): Record<string, string> => {
  const env = one(objects, 'Deployment').spec.template.spec.containers[0].env as {
    name: string;
    value?: string;
  }[];
  return Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'from-the-pod']));
};

describe.each(cases)('what the chart makes of $name', ({ objects, name: set }) => {
  it('names each object once, and a namespace where there is one', () => {
    const names = objects.map(identity);
    expect(new Set(names).size).toBe(names.length);
    for (const { kind, metadata } of objects) {
      expect(typeof metadata.namespace).toBe(CLUSTER_KINDS.test(kind) ? 'undefined' : 'string');
    }
  });

  it('labels everything', () => {
    for (const { metadata } of objects) {
      const labels = metadata.labels ?? {};
      expect(labels).toMatchObject({
        'app.kubernetes.io/name': expect.any(String),
        'app.kubernetes.io/part-of': 'outrider',
      });
      for (const value of Object.values(labels)) expect(value.length).toBeLessThanOrEqual(63);
    }
  });

  it('runs pods that are restricted, and that linters have nothing to say of', () => {
    expect(
      objects
        .filter(({ kind }) => kind === 'Deployment')
        .flatMap((deployment) => brokenRules(deployment, objects)),
    ).toEqual([]);
  });

  it('binds only roles and accounts that it has', () => {
    const has = (kind: string, name: string, namespace?: string) =>
      objects.some(
        (object) =>
          object.kind === kind &&
          object.metadata.name === name &&
          (kind === 'ClusterRole' || object.metadata.namespace === namespace),
      );
    const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
    expect(bindings.length).toBeGreaterThan(1);
    for (const { roleRef, subjects, metadata } of bindings) {
      expect(has(roleRef.kind, roleRef.name, metadata.namespace)).toBe(true);
      for (const { kind, name, namespace } of subjects) expect(has(kind, name, namespace)).toBe(true);
    }
  });

  it('isolates the operator, unless told not to', () => {
    const policy = objects.find(({ kind }) => kind === 'NetworkPolicy');
    const { spec } = policy ?? {};
    const { labels } = one(objects, 'Deployment').spec.template.metadata;
    expect(spec?.policyTypes).toEqual(set === 'bare' ? undefined : ['Ingress', 'Egress']);
    expect(labels).toMatchObject(spec?.podSelector.matchLabels ?? {});
    const ports = one(objects, 'Deployment').spec.template.spec.containers[0].ports.map(
      ({ name }: { name: string }) => name,
    );
    const admitted = (spec?.ingress ?? []).flatMap((rule: { ports: { port: string }[] }) =>
      rule.ports.map(({ port }) => port),
    );
    expect(admitted).toEqual(policy ? ports : []);
  });

  it('tells the operator only what it understands', () => {
    const env = operatorEnv(objects);
    const known = helpVariables();
    const { args = [] } = one(objects, 'Deployment').spec.template.spec.containers[0];
    const own = Object.keys(env).filter((name) => name.startsWith('OUTRIDER_'));
    expect(own.filter((name) => !known.has(name))).toEqual([]);
    expect(
      readSettings(args, { ...env, OUTRIDER_POD_IP: '10.0.0.1', OUTRIDER_POD_NAMESPACE: 'outrider-system' }),
    ).toBeDefined();
  });

  it('looks for files only where something is mounted', () => {
    const [container] = one(objects, 'Deployment').spec.template.spec.containers;
    const mounts = (container.volumeMounts ?? []).map(
      ({ mountPath }: { mountPath: string }) => `${mountPath}/`,
    );
    const files = Object.entries(operatorEnv(objects)).filter(
      ([name, value]) => name.startsWith('OUTRIDER_') && value.startsWith('/'),
    );
    for (const [, file] of files) expect(mounts.some((mount: string) => file.startsWith(mount))).toBe(true);
    expect(mounts).toHaveLength(new Set(files.map(([, file]) => file.split('/')[3])).size);
  });
});

/** Variables in the help of the command. */
function helpVariables(): Set<string> {
  const sources = ['cli/operator.ts', 'cli/operator'].flatMap(sourcesOf);
  return new Set(sources.flatMap((file) => readFileSync(file, 'utf8').match(/OUTRIDER_[A-Z_]+/g) ?? []));
}

function sourcesOf(place: string): string[] {
  if (!existsSync(place)) return [];
  return place.endsWith('.ts') ? [place] : readdirSync(place).map((file) => `${place}/${file}`);
}

describe('versions', () => {
  it('of the chart, the kinds and the program are one', () => {
    const versions = ['Chart.yaml', 'charts/outrider-crds/Chart.yaml'].map(
      (file) => load(readFileSync(`${CHART}/${file}`, 'utf8')) as Chart,
    );
    for (const { version, appVersion } of versions)
      expect({ version, appVersion }).toEqual({
        version: packageJson.version,
        appVersion: packageJson.version,
      });
    expect(versions[0]?.dependencies?.[0]?.version).toBe(packageJson.version);
  });

  it('limits of memory leave room beside the heap that Node is told to keep to', () => {
    const heap = entrypoint('sidecar')
      .find((flag) => flag.startsWith('--max-old-space-size='))
      ?.split('=')[1];
    const { limits } = JSON.parse(
      golden('default').find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'outrider-injection',
      )?.data['settings.json'],
    ).resources;
    expect(Number.parseInt(limits.memory, 10)).toBeGreaterThan(Number(heap));
  });
});

interface Chart {
  version: string;
  appVersion: string;
  dependencies?: { version: string }[];
}

it('dashboards ask for metrics that there are', async () => {
  const dashboard = readFileSync(`${CHART}/dashboards/outrider.json`, 'utf8');
  const operator = await operatorMetrics(() => 0).text();
  const sidecar = readFileSync('docs/reference/telemetry.md', 'utf8');
  const known = new Set([
    ...[...operator.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name),
    ...[...sidecar.matchAll(/^\| `([a-z0-9_]+)` \|/gm)].map(([, name]) => name),
  ]);
  const { panels } = JSON.parse(dashboard) as {
    panels: { id: number; type: string; targets?: { expr: string }[] }[];
  };
  const asked = panels
    .flatMap(({ targets = [] }) => targets)
    .flatMap(({ expr }) => expr.match(/\b(outrider|process|gen_ai)_[a-z0-9_]+/g) ?? []);
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.map((name) => name.replace(/_bucket$/, '')).filter((name) => !known.has(name))).toEqual([]);
  expect(panels.filter(({ type, targets }) => type !== 'row' && !targets?.length)).toEqual([]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(
    one(
      golden('monitored').filter(({ metadata }) => metadata.name.endsWith('-dashboards')),
      'ConfigMap',
    ).data['outrider.json'],
  ).toBe(dashboard);
});
