/**
 * `npm run generate`: writes what is derived from something else: the kinds and their reference, the chart, plain manifests.
 *
 * `--check` writes nothing and fails, naming each file that is not current.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { generatedFiles } from '../crds/generate.ts';
import { injectionPage } from '../operator/inject/generate-reference.ts';
import { metricsPage } from '../operator/metrics-reference.ts';
import { failuresPage } from '../sidecar/providers/generate-failures.ts';
import { providersPage } from '../sidecar/providers/generate-providers.ts';
import { telemetryPage } from '../sidecar/telemetry/generate-reference.ts';
import { chartFiles } from './chart/files.ts';
import { plainManifests } from './chart/plain-manifests.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Reference pages that are made of tables in the code. */
const PAGES: Readonly<Record<string, () => string>> = {
  failures: failuresPage,
  injection: injectionPage,
  metrics: metricsPage,
  providers: providersPage,
  telemetry: telemetryPage,
};

/** Every generated file, by its path from the root of the repository. */
export function allGeneratedFiles(): Map<string, string> {
  const pages = Object.entries(PAGES).map(([name, page]) => [`docs/reference/${name}.md`, page()] as const);
  return new Map([...generatedFiles(), ...pages, ...chartFiles(), ...plainManifests()]);
}

/** Paths of generated files whose text on disk is missing or differs. */
export async function allStaleFiles(): Promise<string[]> {
  const stale: string[] = [];
  for (const [file, text] of allGeneratedFiles()) {
    const onDisk = await readFile(path.join(ROOT, file), 'utf8').catch(() => undefined);
    if (onDisk !== text) stale.push(file);
  }
  return stale;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const stale = await allStaleFiles();
  if (values.check) {
    for (const file of stale) process.stderr.write(`${file} is not current: run npm run generate\n`);
    return stale.length === 0 ? 0 : 1;
  }
  const files = allGeneratedFiles();
  for (const file of stale) {
    await mkdir(path.dirname(path.join(ROOT, file)), { recursive: true });
    await writeFile(path.join(ROOT, file), files.get(file) as string);
    process.stdout.write(`wrote ${file}\n`);
  }
  if (stale.length === 0) process.stdout.write('everything generated is current\n');
  return 0;
}

if (import.meta.main) process.exitCode = await main();
