import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyPort } from '../../dev/laptop/ports.ts';
import { bundledPackages, readLockfile } from '../../scripts/bundled-packages.ts';
import { bundle } from '../../scripts/bundles.ts';
import { LastKnownGood } from '../../sidecar/snapshot/last-known-good.ts';
import {
  credentialsOf,
  providerItem,
  routeItem,
  rule,
  snapshotOf,
  target,
} from '../sidecar/support/configuration.ts';
import { PATIENCE_MS } from '../support/until.ts';

const work = mkdtempSync(path.join(tmpdir(), 'outrider-bundles-'));
let packages: string[];
let outputs: Awaited<ReturnType<typeof bundle>>['outputs'];

beforeAll(async () => {
  const metafile = await bundle('sidecar', work);
  ({ outputs } = metafile);
  packages = (await bundledPackages(metafile, await readLockfile())).map(({ name }) => name);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('the bundle of the sidecar', () => {
  it('starts from one file, however many parts load on demand', () => {
    const entry = Object.keys(outputs).find((file) => path.basename(file) === 'sidecar.js') ?? '';
    const loaded = new Set([entry]);
    for (const file of loaded) {
      for (const { path: next, kind } of outputs[file]?.imports ?? []) {
        if (kind === 'import-statement' && outputs[next]) loaded.add(next);
      }
    }
    // Itself, what it is made of, and the bundler's own helpers.
    expect(loaded.size).toBeLessThanOrEqual(3);
    expect(Object.keys(outputs).length).toBeGreaterThan(10);
  });

  it('is written in ASCII, so that V8 keeps a byte per character', () => {
    const files = Object.keys(outputs).filter((file) => file.endsWith('.js'));
    expect(files.filter((file) => /[\x80-\xff]/.test(readFileSync(file, 'latin1')))).toEqual([]);
  });

  it('reads what is used of built-in modules, not all that they could load', async () => {
    const loaded = await loadedBy(path.join(work, 'sidecar.js'));
    expect(loaded).toContain('NativeModule https');
    for (const unused of [
      'worker_threads',
      'internal/util/diff',
      'internal/webstreams/readablestream',
      'internal/file',
    ]) {
      expect(loaded).not.toContain(`NativeModule ${unused}`);
    }
  });

  it('loads the engine of patterns with the first pattern', async () => {
    expect(packages).toContain('re2js');
    expect(await ruleTaken('RegularExpression', 'b+')).toBe('special');
    rmSync(path.join(work, 'sidecar-chunks/re2js.js'));
    expect(await ruleTaken('RegularExpression', 'b+')).toBe(undefined);
    expect(await ruleTaken('Exact', 'bbb')).toBe('special');
  });
});

describe('the bundle of the operator', () => {
  it('brings no built-in module that it does not use, such as those of fetch, HTTP/2 and worker processes', async () => {
    const directory = path.join(work, 'operator');
    await bundle('operator', directory);
    const preload = path.join(directory, 'preload.cjs');
    writeFileSync(
      preload,
      "process.on('exit', () => console.error(JSON.stringify(process.moduleLoadList)));\n",
    );
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--require', preload, path.join(directory, 'operator.js'), '--help'],
      { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
    );
    expect(status).toBe(0);
    const loaded = JSON.parse(stderr) as string[];
    expect(loaded).toContain('NativeModule https');
    for (const name of ['http2', 'cluster', 'internal/deps/undici/undici'])
      expect(loaded).not.toContain(`NativeModule ${name}`);
  });
});

/** Built-in modules that are there when an entry has said how it is used. */
async function loadedBy(entry: string): Promise<string[]> {
  const hook = path.join(work, 'loaded.cjs');
  writeFileSync(
    hook,
    "process.on('exit', () => process.stderr.write(JSON.stringify(process.moduleLoadList)));",
  );
  const child = spawn(process.execPath, ['--require', hook, entry, '--help'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  await once(child, 'close');
  return JSON.parse(Buffer.concat(said).toString()) as string[];
}

/** The rule that takes a request with `x-a: bbb`, by a sidecar that knows no more than its last configuration. */
async function ruleTaken(type: 'Exact' | 'RegularExpression', value: string): Promise<string | undefined> {
  const stateDir = mkdtempSync(path.join(work, 'state-'));
  const token = path.join(stateDir, 'token');
  writeFileSync(token, 'not-a-token');
  const port = await anyPort();
  const targets = [target('closed')];
  const matches = [{ headers: [{ name: 'x-a', type, value }] }];
  const route = routeItem('chat', ['*'], [rule(targets, { name: 'special', matches }), rule(targets)]);
  if (type === 'RegularExpression') route.requires.push('match.header.regex');
  const snapshot = snapshotOf([providerItem('closed', 'http://127.0.0.1:1/v1', { credentials: [] }), route]);
  await new LastKnownGood({ directory: stateDir }).save({ snapshot, kept: [] }, credentialsOf(snapshot));

  const child = spawn(
    process.execPath,
    [
      path.join(work, 'sidecar.js'),
      '--operator=https://127.0.0.1:9',
      `--token-file=${token}`,
      `--state-dir=${stateDir}`,
      `--listen=127.0.0.1:${port}`,
      '--admin=127.0.0.1:0',
      '--drain-ms=0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const said: string[] = [];
  child.stderr.on('data', (chunk) => said.push(String(chunk)));
  try {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-a': 'bbb' },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
      }).catch(() => undefined);
      await answer?.text();
      if (answer) return answer.headers.get('x-outrider-rule') ?? undefined;
      if (performance.now() > deadline) throw new Error(`it does not live:\n${said.join('')}`);
      await delay(20);
    }
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}
