import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

// Docker and kind are stood in for by programs that write down what they are asked: this is about the order of things and about
// what happens when one fails, not about kind.
let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'outrider-fake-kind-'));
  log = path.join(folder, 'log');
  writeFileSync(log, '');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** @param body of a shell script, after the call is written down */
function fake(program: string, body = ''): void {
  const file = path.join(folder, program);
  writeFileSync(file, `#!/bin/sh\necho "${program} $*" >> "${log}"\n${body}\n`);
  chmodSync(file, 0o755);
}

const broken = (program: string): string => `echo "${program} is out of order" >&2; exit 1`;

/** Has the suite run no test, so that it only looks at the cluster. */
function kind(env: Record<string, string> = {}) {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['scripts/e2e-kind.ts', 'journey', '-t', 'no test has this name'],
    { encoding: 'utf8', env: { PATH: `${folder}:/usr/bin:/bin`, TMPDIR: folder, ...env } },
  );
  const calls = readFileSync(log, 'utf8').trim().split('\n');
  return {
    status,
    stderr,
    calls: calls.map((call) =>
      call.replace(/outrider-e2e-[0-9a-f]{6}/g, 'CLUSTER').replace(/\S+\/kubeconfig/, 'FILE'),
    ),
  };
}

function everything(): void {
  for (const program of ['docker', 'kind', 'helm']) fake(program);
  const version = `if test "$1" = version; then echo '{ "serverVersion": { "gitVersion": "v1.36.0" } }'; fi`;
  fake('kubectl', `echo "with $KUBECONFIG" >> "${log}"; ${version}`);
}

test('builds both images, makes a cluster, loads them, runs the suite, deletes the cluster', () => {
  everything();
  const { status, calls } = kind();
  expect(status).toBe(0);
  expect(calls).toEqual([
    'docker version --format {{.Server.Version}}',
    'kind version',
    'kubectl version --client',
    'with ',
    'helm version',
    expect.stringMatching(/^docker build --target operator --tag outrider\/operator:\S+ \.$/),
    expect.stringMatching(/^docker build --target sidecar --tag outrider\/sidecar:\S+ \.$/),
    'kind create cluster --name CLUSTER --kubeconfig FILE --wait 3m',
    expect.stringMatching(
      /^kind load docker-image outrider\/operator:\S+ outrider\/sidecar:\S+ --name CLUSTER$/,
    ),
    'kubectl version -o json',
    'with FILE',
    'kubectl get deployments -A -l app.kubernetes.io/name=outrider -o name',
    'with FILE',
    'kind delete cluster --name CLUSTER --kubeconfig FILE',
  ]);
});

test.each([
  ['docker', 'a running Docker engine is needed, and `docker version` failed: docker is out of order'],
  ['kind', 'kind is needed, and `kind version` failed: kind is out of order'],
  ['helm', 'helm, or E2E_INSTALL=manifests is needed, and `helm version` failed: helm is out of order'],
])('without %s it says that nothing was run, and fails', (program, message) => {
  everything();
  fake(program, broken(program));
  const { status, stderr, calls } = kind();
  expect({ status, stderr }).toEqual({ status: 2, stderr: `NOT RUN: ${message}\n` });
  expect(calls.filter((call) => /create|build/.test(call))).toEqual([]);
});

test('asks for no helm where the plain manifests are installed', () => {
  everything();
  fake('helm', broken('helm'));
  expect(kind({ E2E_INSTALL: 'manifests' }).status).toBe(0);
});

test('fails where the images cannot be loaded, and deletes the cluster all the same', () => {
  everything();
  fake('kind', `if test "$1" = load; then ${broken('kind')}; fi`);
  const { status, stderr, calls } = kind();
  expect(status).toBe(1);
  expect(stderr).toContain('kind load ended with 1');
  expect(calls.at(-1)).toContain('kind delete cluster');
});

test('leaves the cluster where it is wanted', () => {
  everything();
  expect(kind({ KEEP_CLUSTER: '1' }).calls.join('\n')).not.toContain('delete');
});
