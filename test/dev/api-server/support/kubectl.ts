/** The kubectl on PATH, run against one server with a home of its own. */
// This builds suites: their titles and whether they run are its arguments.
/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect, vitest/valid-describe-callback */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'vitest';

const KUBECTL = process.env.KUBECTL ?? 'kubectl';
const NO_KUBECTL = 'NOT RUN: no kubectl on PATH';

/** A suite that needs kubectl: where there is none, a skipped test says so. */
export function describeWithKubectl(name: string, body: () => void): void {
  const { status } = spawnSync(KUBECTL, ['version', '--client'], { stdio: 'ignore' });
  if (status === 0) describe(name, body);
  else describe(name, () => test(NO_KUBECTL, (context) => context.skip(NO_KUBECTL)));
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string;
  env?: Record<string, string>;
}

export class Kubectl {
  readonly home = mkdtempSync(path.join(tmpdir(), 'outrider-kubectl-'));
  readonly #children = new Set<ChildProcess>();

  constructor(kubeconfig: string) {
    writeFileSync(path.join(this.home, 'config'), kubeconfig, { mode: 0o600 });
  }

  /** Writes a file and answers its path. */
  file(name: string, content: string, mode = 0o600): string {
    const file = path.join(this.home, name);
    writeFileSync(file, content, { mode });
    return file;
  }

  async run(args: string[], options: RunOptions = {}): Promise<Outcome> {
    const child = this.start(args, options);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise<number | null>((resolve) => {
      child.once('close', resolve);
    });
    return { code, stdout, stderr };
  }

  /** A command that goes on, such as `get -w`. */
  start(args: string[], { input, env }: RunOptions = {}): ChildProcess {
    const { PATH = '' } = process.env;
    const child = spawn(KUBECTL, args, {
      env: { PATH, HOME: this.home, KUBECONFIG: path.join(this.home, 'config'), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    child.stdin?.end(input);
    return child;
  }

  close(): void {
    for (const child of this.#children) child.kill();
    rmSync(this.home, { recursive: true, force: true });
  }
}
