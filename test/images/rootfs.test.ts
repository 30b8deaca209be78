import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueServing } from '../../operator/certificates/authority.ts';
import { buildAll } from '../../scripts/build.ts';
import { buildRootfs } from '../../scripts/build-rootfs.ts';
import { entrypoint, TARGETS } from '../../scripts/image.ts';
import { writeArchive } from '../../scripts/oci-archive.ts';
import { PATIENCE_MS } from '../support/until.ts';
import { describeContained, startContained } from './support/contained.ts';

const work = mkdtempSync(path.join(tmpdir(), 'outrider-images-'));
const built = path.join(work, 'built');
const shared = path.join(work, 'shared');
const rootOf = (target: string) => path.join(work, target);

beforeAll(async () => {
  chmodSync(work, 0o755);
  mkdirSync(shared);
  await buildAll(built);
  for (const target of TARGETS) await buildRootfs(target, built, rootOf(target));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(TARGETS)('the root filesystem of the %s', (target) => {
  it('has Node, its libraries and our bundle: no shell, no package manager, no folder of packages', () => {
    const files = readdirSync(rootOf(target), { recursive: true, encoding: 'utf8' });
    const names = new Set(files.map((file) => path.basename(file)));
    expect(files).toContain(`app/${target}.js`);
    expect(files.filter((file) => /^(usr\/local\/|usr\/)?s?bin\//.test(file))).toEqual([
      'usr/local/bin/node',
    ]);
    expect(
      ['sh', 'bash', 'busybox', 'npm', 'npx', 'node_modules', 'apt', 'dpkg'].filter((name) =>
        names.has(name),
      ),
    ).toEqual([]);
    expect(readFileSync(path.join(rootOf(target), 'etc/passwd'), 'utf8')).toMatch(/^nonroot:x:65532:65532:/m);
  });

  it('has nothing that its user could change', () => {
    const files = readdirSync(rootOf(target), { recursive: true, encoding: 'utf8' });
    const writable = files.filter((file) => (statSync(path.join(rootOf(target), file)).mode & 0o022) !== 0);
    expect(writable).toEqual(['tmp']);
  });

  it('says what it is made of', () => {
    const doc = path.join(rootOf(target), 'usr/share/doc/outrider');
    const { components, dependencies, serialNumber } = JSON.parse(
      readFileSync(path.join(doc, 'sbom.cdx.json'), 'utf8'),
    ) as Bom;
    const licenses = readFileSync(path.join(doc, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    expect(serialNumber).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(components[0]).toMatchObject({ type: 'platform', name: 'node', version: process.versions.node });
    expect(new Set(components.map((part) => part['bom-ref'])).size).toBe(components.length);
    expect(dependencies[0]?.dependsOn).toEqual(components.map((part) => part['bom-ref']));
    for (const { name, version, hashes, type } of components) {
      if (type === 'platform') continue;
      expect(hashes?.[0]?.content).toMatch(/^[0-9a-f]{128}$/);
      expect(licenses).toContain(`\n${name} ${version}\nLicense: `);
    }
    const packages = components.map(({ name }) => name);
    expect(packages.includes('@kubernetes/client-node')).toBe(target === 'operator');
    expect(packages).toContain('prom-client');
  });

  it('becomes an OCI archive, the same one each time', async () => {
    const archives = [path.join(work, 'a.tar'), path.join(work, 'b.tar')] as const;
    const name = await writeArchive(target, rootOf(target), archives[0]);
    await writeArchive(target, rootOf(target), archives[1]);
    expect(name).toMatch(new RegExp(`^outrider/${target}:\\d+\\.\\d+\\.\\d+`));
    const read = (file: string) => execFileSync('tar', ['-xOf', archives[0], file], { maxBuffer: 2 ** 28 });
    const parse = (file: string) => JSON.parse(read(file).toString('utf8'));
    const blob = ({ digest }: { digest: string }) => `blobs/${digest.replace(':', '/')}`;
    const manifest = parse(blob(parse('index.json').manifests[0]));
    const config = parse(blob(manifest.config));
    expect(config.config).toMatchObject({ User: '65532:65532', Entrypoint: entrypoint(target) });
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
    expect(readFileSync(archives[0]).equals(readFileSync(archives[1]))).toBe(true);
  });
});

describeContained('in its root filesystem, read-only and as uid 65532', () => {
  it.each(TARGETS)('outrider %s explains itself', async (target) => {
    const child = startContained(rootOf(target), shared, [...entrypoint(target), '--help']);
    const [out, errors, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'exit'),
    ]);
    expect({ errors, code }).toEqual({ errors: '', code: 0 });
    expect(out).toContain(`outrider ${target}`);
  });

  it('the user is who it should be and can write nowhere', async () => {
    const script = `
      const fs = require('node:fs');
      const denied = ['/', '/app', '/app/sidecar.js', '/tmp', '/usr/local/bin/node'].filter((file) => {
        try { fs.accessSync(file, fs.constants.W_OK); return false; } catch { return true; }
      });
      console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), denied }));`;
    const child = startContained(rootOf('sidecar'), shared, [
      ...entrypoint('sidecar').slice(0, -1),
      '-e',
      script,
    ]);
    const [out] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
    expect(JSON.parse(out)).toEqual({
      uid: 65_532,
      gid: 65_532,
      denied: ['/', '/app', '/app/sidecar.js', '/tmp', '/usr/local/bin/node'],
    });
  });

  it('the sidecar lives without an operator, is not ready, and ends when told', async () => {
    writeFileSync(path.join(shared, 'token'), 'not-a-token');
    const [port, admin] = await freePorts();
    const child = startContained(rootOf('sidecar'), shared, entrypoint('sidecar'), {
      OUTRIDER_OPERATOR: 'https://127.0.0.1:9',
      OUTRIDER_TOKEN_FILE: '/tmp/token',
      OUTRIDER_LISTEN: `127.0.0.1:${port}`,
      OUTRIDER_ADMIN: `127.0.0.1:${admin}`,
      OUTRIDER_DRAIN_MS: '0',
    });
    expect(await life(child, `http://127.0.0.1:${admin}`)).toEqual(ALIVE);
  });

  it('the operator lives without an API server, is not ready, and ends when told', async () => {
    const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
    const authority = await createAuthority('outrider test', validity);
    const { cert, key } = await issueServing(authority, ['127.0.0.1'], validity);
    const [port, admin] = await freePorts();
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9', 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    for (const [file, content] of Object.entries({ cert, key, kubeconfig: JSON.stringify(kubeconfig) })) {
      writeFileSync(path.join(shared, file), content);
    }
    const child = startContained(rootOf('operator'), shared, entrypoint('operator'), {
      OUTRIDER_KUBECONFIG: '/tmp/kubeconfig',
      OUTRIDER_TLS_CERT: '/tmp/cert',
      OUTRIDER_TLS_KEY: '/tmp/key',
      OUTRIDER_LISTEN: `127.0.0.1:${port}`,
      OUTRIDER_ADMIN: `127.0.0.1:${admin}`,
    });
    expect(await life(child, `http://127.0.0.1:${admin}`)).toEqual(ALIVE);
  });
});

interface Bom {
  serialNumber: string;
  components: {
    type: string;
    'bom-ref': string;
    name: string;
    version: string;
    hashes?: { content: string }[];
  }[];
  dependencies: { dependsOn: string[] }[];
}

const ALIVE = { healthz: 200, readyz: 503, metrics: 200, exitCode: 0 };

/** What its admin port answers once it lives, and how it ends when told to. */
async function life(child: ChildProcess, url: string): Promise<typeof ALIVE> {
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => said.push(String(chunk)));
  const ended = once(child, 'exit');
  const deadline = performance.now() + PATIENCE_MS;
  const status = (page: string) =>
    fetch(url + page).then(
      async (response) => {
        await response.text();
        return response.status;
      },
      () => 0,
    );
  try {
    while ((await status('/healthz')) !== 200) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`it does not live:\n${said.join('')}`);
      await delay(20);
    }
    const pages = {
      healthz: await status('/healthz'),
      readyz: await status('/readyz'),
      metrics: await status('/metrics'),
    };
    child.kill('SIGTERM');
    return { ...pages, exitCode: (await ended)[0] as number };
  } finally {
    child.kill('SIGKILL');
  }
}

async function freePorts(): Promise<number[]> {
  const servers = [createServer(), createServer()];
  for (const server of servers) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) await new Promise((done) => server.close(done));
  return ports;
}
