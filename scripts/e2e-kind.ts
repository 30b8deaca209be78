/**
 * `npm run test:kind`: a new kind cluster, the images of the Dockerfile in it, and the end-to-end suite against it. What follows
 * `--` goes to vitest, such as `-- journey`.
 *
 * Needs Docker, kind and kubectl, and helm unless `E2E_INSTALL=manifests`. Where one is missing it says so and fails: nothing was
 * tested. The cluster is deleted at the end; `KEEP_CLUSTER=1` leaves it, after a failure for instance.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { TARGETS } from './image.ts';

const { version } = packageJson;

/** Exit code where the suite could not be run at all. */
const NOT_RUN = 2;

const NEEDED: readonly { program: string; args: string[]; why: string }[] = [
  // Asks the engine, not only the program: without a daemon there is no node to run.
  { program: 'docker', args: ['version', '--format', '{{.Server.Version}}'], why: 'a running Docker engine' },
  { program: 'kind', args: ['version'], why: 'kind' },
  { program: 'kubectl', args: ['version', '--client'], why: 'kubectl' },
  ...(process.env.E2E_INSTALL === 'manifests'
    ? []
    : [
        { program: process.env.HELM_BIN ?? 'helm', args: ['version'], why: 'helm, or E2E_INSTALL=manifests' },
      ]),
];

async function missing(): Promise<string | undefined> {
  for (const { program, args, why } of NEEDED) {
    const said = await attempt(program, args);
    if (said !== undefined) return `${why} is needed, and \`${program} ${args[0]}\` failed: ${said}`;
  }
  return undefined;
}

/** Undefined where it succeeded, else what it said. */
function attempt(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += String(chunk)));
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? undefined : errors.trim() || `exit code ${code}`));
  });
}

/** Shows what it says; throws where it fails. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  process.stdout.write(`$ ${program} ${args.join(' ')}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args[0]} ended with ${code}`));
    });
  });
}

async function main(): Promise<number> {
  const obstacle = await missing();
  if (obstacle !== undefined) {
    process.stderr.write(`NOT RUN: ${obstacle}\n`);
    return NOT_RUN;
  }
  const cluster = `outrider-e2e-${randomBytes(3).toString('hex')}`;
  const folder = await mkdtemp(path.join(tmpdir(), 'outrider-kind-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  const images = TARGETS.map((target) => ({ target, name: `outrider/${target}:${version}` }));
  const keep = Boolean(process.env.KEEP_CLUSTER);
  try {
    for (const { target, name } of images)
      await run('docker', ['build', '--target', target, '--tag', name, '.']);
    await run('kind', ['create', 'cluster', '--name', cluster, '--kubeconfig', kubeconfig, '--wait', '3m']);
    await run('kind', ['load', 'docker-image', ...images.map(({ name }) => name), '--name', cluster]);
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/e2e/vitest.config.ts'];
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    await run(process.execPath, [...vitest, ...process.argv.slice(2)], env);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  } finally {
    if (keep) process.stdout.write(`kept: KUBECONFIG=${kubeconfig}; kind delete cluster --name ${cluster}\n`);
    else {
      await run('kind', ['delete', 'cluster', '--name', cluster, '--kubeconfig', kubeconfig]).catch(() => {});
      await rm(folder, { recursive: true });
    }
  }
}

process.exitCode = await main();
