/**
 * `node test/skew/record.ts`: freezes what the coming version must still get along with, as part of a release.
 *
 * Into `releases/<version of package.json>` go the contract, a conversation of this version's operator with its sidecar, and
 * the sidecar's side of it as one file of code. A release that was recorded stays as it is.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import type { Report } from '../../sidecar/snapshot/messages.ts';
import { FEATURES, SNAPSHOT_VERSION } from '../../sidecar/snapshot/schema.ts';
import { CONTRACT } from '../../sidecar/snapshot/validate.ts';
import { until } from '../operator/support/manual-clock.ts';
import { Harness } from '../operator/sync/support/harness.ts';
import { podNamed } from '../operator/sync/support/pods.ts';
import { type Conversation, RELEASES, type RecordedContract } from './support/release.ts';
import { compiledScenario, scenario } from './support/scenario.ts';
import { Tap } from './support/tap.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

export function contractNow(): RecordedContract {
  const plain = (fields: (typeof CONTRACT)['Route']) =>
    Object.fromEntries(
      [...fields].map(([name, { values, ...field }]) => [
        name,
        { ...field, ...(values && { values: [...values] }) },
      ]),
    );
  return {
    version: SNAPSHOT_VERSION,
    features: [...FEATURES],
    fields: { Route: plain(CONTRACT.Route), Provider: plain(CONTRACT.Provider) },
  };
}

/** Both sides of this version through the scenario. */
async function converse(proxyVersion: string): Promise<Conversation> {
  const harness = await Harness.create();
  try {
    const [workload] = scenario().first.pods;
    const pod = harness.pods.set({ ...podNamed('web-1', { app: 'tools' }), namespace: 'shop' });
    const server = await harness.server();
    const tap = await Tap.start(harness.authority, server.address.port);
    try {
      const [first, second] = compiledScenario();
      if (!workload) throw new Error('the scenario has a workload');
      server.publish(first);
      await harness.sidecar(pod, tap.port, { proxyVersion, epoch: 'epoch-of-the-recording' });
      const settled = (compiled: typeof first) =>
        until(() => {
          const { hash } = compiled.snapshotFor(workload);
          const { version } = compiled.credentialsFor(workload);
          return (tap.steps.at(-1)?.exchanges ?? []).some(({ request }) => {
            const { ack } = (request ?? {}) as Partial<Report>;
            return ack?.hash === hash && ack.credentialsVersion === version;
          });
        });
      await settled(first);
      tap.next();
      server.publish(second);
      await settled(second);
      return { steps: tap.steps };
    } finally {
      await tap.close();
    }
  } finally {
    await harness.close();
  }
}

const ENTRY = ['client', 'holder', 'credentials']
  .map((name) => `export * from './sidecar/snapshot/${name}.ts';`)
  .join('\n');

/** A pattern's engine is loaded by `require`, which modules have to make. */
const bannerFor = (version: string): string =>
  [
    `// The snapshot client of ${version}, as released. Written by record.ts; not to be changed.`,
    '/* oxlint-disable */',
    "import { createRequire as __createRequire } from 'node:module';",
    'const require = __createRequire(import.meta.url);',
  ].join('\n');

/** The sidecar's side in one file; packages are taken from where it lies. */
async function sidecarCode(version: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    packages: 'external',
    banner: { js: bannerFor(version) },
  });
  return outputFiles[0]?.text ?? '';
}

async function main(): Promise<number> {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  const folder = path.join(RELEASES, version);
  if (existsSync(folder)) {
    process.stderr.write(`${version} is recorded already, and a release does not change: ${folder}\n`);
    return 1;
  }
  const conversation = await converse(version);
  const code = await sidecarCode(version);
  mkdirSync(folder, { recursive: true });
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  writeFileSync(path.join(folder, 'contract.json'), json(contractNow()));
  writeFileSync(path.join(folder, 'conversation.json'), json(conversation));
  writeFileSync(path.join(folder, 'sidecar.mjs'), code);
  process.stdout.write(`recorded ${version} in ${path.relative(ROOT, folder)}\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await main();
