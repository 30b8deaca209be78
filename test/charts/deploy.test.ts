/** `deploy/` says what the chart says of its defaults, and kubectl understands it. */
// Whether suites run is for the machine to say.
/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { kinds } from '../../scripts/chart/plain-manifests.ts';
import { kubeBinaries } from '../support/kube-apiserver.ts';
import { golden, identity, type Manifest, parse } from './support/renders.ts';

const FILES = ['namespace', 'crds', 'operator'].map((name) => `deploy/${name}.yaml`);
const plain = FILES.flatMap((file) => parse(readFileSync(file, 'utf8')));

it('has what the chart has, and its namespace', () => {
  const added = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'outrider-system' } };
  expect(new Set(plain.map(identity))).toEqual(
    new Set([added, ...kinds(), ...golden('default')].map(identity)),
  );
  const specs = (objects: readonly Manifest[]) =>
    Object.fromEntries(
      objects.map((object) => [
        identity(object),
        { ...object, metadata: undefined, spec: object.kind === 'Deployment' ? undefined : object.spec },
      ]),
    );
  expect(specs(plain)).toMatchObject(specs([...kinds(), ...golden('default')]));
});

it('does not speak of Helm', () => {
  for (const file of FILES) expect(readFileSync(file, 'utf8')).not.toMatch(/helm/i);
});

const KUBECTL = [
  path.join(kubeBinaries() ?? '', 'kubectl'),
  '/usr/bin/kubectl',
  '/usr/local/bin/kubectl',
].find((file) => existsSync(file));
const NO_KUBECTL = 'NOT RUN: there is no kubectl';

describe('kubectl kustomize', () => {
  if (KUBECTL === undefined) {
    test(NO_KUBECTL, (context) => context.skip(NO_KUBECTL));
    return;
  }
  it('gives the same objects', () => {
    const { stdout, stderr } = spawnSync(KUBECTL, ['kustomize', 'deploy'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(parse(stdout)).toEqual(plain.sort((a, b) => (identity(a) < identity(b) ? -1 : 1)));
  });
});
