import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings } from '../../cli/restart.ts';
import { isOlder } from '../../operator/sync/served.ts';
import { outrider } from './support/run.ts';
import { collectionOf, everything, SAID, type Stored, workload } from './support/workloads.ts';

/** As much of an API server as the command talks to. */
const objects = new Map<string, Stored>();
const patched: string[] = [];
let refuse: string | undefined;
let server: http.Server;
let directory: string;
let kubeconfig: string;

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '', 'http://localhost');
  const send = (status: number, body: unknown) => void res.writeHead(status).end(JSON.stringify(body));
  const namespace = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?pods$/.exec(url.pathname);
  const object = objects.get(url.pathname);
  if (namespace) {
    const items = [...objects.values()].filter(
      ({ kind, metadata }) =>
        kind === 'Pod' && (namespace[1] === undefined || metadata.namespace === namespace[1]),
    );
    send(200, { metadata: { resourceVersion: '7' }, items });
  } else if (!object) {
    send(404, { kind: 'Status', reason: 'NotFound', message: `${url.pathname} not found` });
  } else if (req.method !== 'PATCH') {
    send(200, object);
  } else if (url.pathname === refuse) {
    send(403, { kind: 'Status', reason: 'Forbidden', message: 'you cannot patch it' });
  } else {
    patched.push(`${url.pathname} ${req.headers['content-type']} ${JSON.stringify(await json(req))}`);
    send(200, object);
  }
}

beforeEach(async () => {
  objects.clear();
  patched.length = 0;
  refuse = undefined;
  for (const object of everything()) store(object);
  server = http.createServer((req, res) => void answer(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  directory = mkdtempSync(path.join(tmpdir(), 'outrider-restart-'));
  kubeconfig = path.join(directory, 'kubeconfig');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
});
afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
  rmSync(directory, { recursive: true });
});

const store = (object: Stored) => objects.set(`${collectionOf(object)}/${object.metadata.name}`, object);
const restart = (...args: string[]) => outrider('restart', '--kubeconfig', kubeconfig, ...args);

describe('outrider restart --outdated', () => {
  it('rolls the owners of pods whose sidecar is no longer served, and lists the rest', async () => {
    const { code, out } = await restart('--outdated');
    expect(out).toEqual(SAID);
    expect(code).toBe(1);
    expect(patched.map((line) => line.replace(/"20[^"]+Z"/, 'NOW'))).toEqual(
      ['search/daemonsets/agent', 'shop/deployments/web', 'shop/statefulsets/queue'].map(
        (path) =>
          `/apis/apps/v1/namespaces/${path} application/merge-patch+json {"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":NOW}}}}}`,
      ),
    );
  });

  it('only says what it would do when dry', async () => {
    const { out } = await restart('--outdated', '--dry-run');
    expect(out).toEqual(SAID.map((line) => line.replace('is being rolled', 'would be rolled')));
    expect(patched).toEqual([]);
  });

  it('keeps to a namespace and to a limit', async () => {
    const one = await restart('--outdated', '-n', 'search');
    expect(one).toMatchObject({
      code: 0,
      out: [
        '1 pod with a sidecar in search; workloads with some from before 0.1.0: 1',
        'search/agent (DaemonSet, 1 pod with 0.0.9): is being rolled',
      ],
    });
    patched.length = 0;
    const { out } = await restart('--outdated', '--limit', '1');
    expect(patched).toHaveLength(1);
    expect(out.at(-1)).toBe('4 more wait: run it again once these are through, or raise --limit');
  });

  it('rolls nothing that is being rolled, and goes on after a refusal', async () => {
    store({
      ...workload('Deployment', 'web', { replicas: 2 }),
      metadata: { name: 'web', namespace: 'shop', generation: 3 },
      status: { observedGeneration: 3, updatedReplicas: 1 },
    });
    refuse = '/apis/apps/v1/namespaces/search/daemonsets/agent';
    const { code, out } = await restart('--outdated');
    expect(out).toContain(
      'shop/web (Deployment, 2 pods with 0.0.8, 0.0.9-rc.1): not rolled: it is being rolled already',
    );
    expect(out).toContain('search/agent (DaemonSet, 1 pod with 0.0.9): not rolled: you cannot patch it');
    expect(out).toContain('shop/queue (StatefulSet, 1 pod with 0.0.9): is being rolled');
    expect(code).toBe(1);
  });

  it('leaves pods alone that end or have ended, and says when none is outdated', async () => {
    for (const [path, object] of objects) {
      if (object.kind !== 'Pod') continue;
      const ends = object.metadata.name.startsWith('web');
      objects.set(path, {
        ...object,
        metadata: { ...object.metadata, ...(ends && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
        status: { phase: ends ? 'Running' : 'Succeeded' },
      });
    }
    const { code, out } = await restart('--outdated');
    expect(out).toEqual(['none of 11 pods with a sidecar is from before 0.1.0']);
    expect(code).toBe(0);
  });

  it('rolls what is older than any version that is asked for', async () => {
    const { out } = await restart('--older-than', '0.2.0', '--dry-run');
    expect(out).toContain('shop/fresh (Deployment, 1 pod with 0.1.0): would be rolled');
  });

  it('says so where the cluster cannot be asked', async () => {
    const { code, err } = await outrider(
      'restart',
      '--outdated',
      '--kubeconfig',
      path.join(directory, 'none'),
    );
    expect(code).toBe(2);
    expect(err).toContain('outrider restart: the cluster cannot be asked: ');
  });
});

describe('its arguments', () => {
  it.each([
    [[], 'say which sidecars are too old: --outdated, or --older-than VERSION'],
    [['--outdated', '--older-than', '1.0.0'], 'say which sidecars are too old'],
    [['--older-than', 'last'], '--older-than is "last"; it must be a version such as'],
    [['--outdated', '--limit', '0'], '--limit is "0"; it must be an integer from 1 to 1000'],
    [['--outdated', '-n', 'A_b'], '--namespace is "A_b"; it must be the name of a namespace'],
    [['--outdated', '-n', 'a', '-n', 'b'], '--namespace is given twice'],
    [['--outdated', 'web'], '"web" is not expected'],
  ])('%j', (args, message) => {
    expect(() => readSettings(args, {})).toThrow(message);
  });
});

it.each([
  ['0.0.9', '0.1.0', true],
  ['0.1.0', '0.1.0', false],
  ['0.1.0-rc.1', '0.1.0', false],
  ['0.2.0', '0.1.9', false],
  ['1.0.0', '0.9.9', false],
  ['v0.9.10', '0.10.0', true],
  ['latest', '0.1.0', false],
])('%s is older than %s: %s', (version, than, expected) => {
  expect(isOlder(version, than)).toBe(expected);
});
