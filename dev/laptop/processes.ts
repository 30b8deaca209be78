/** The product's own processes, started as a user would start them, and ended together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const STOP_MS = 8000;
/** A process that ends sooner than this is started again after a pause. */
const STABLE_MS = 5000;
const BACKOFF_MS = 2000;

export class Processes {
  readonly #running = new Map<string, ChildProcess>();
  readonly #onExit: (name: string, how: string) => void;
  #stopping = false;

  /** `onExit` hears of a process that ends before it was told to; it is started again, as a kubelet would. */
  constructor(onExit: (name: string, how: string) => void) {
    this.#onExit = onExit;
  }

  /** `outrider <args>` in a process of its own; each line of its output goes to `onLine`. */
  start(name: string, args: string[], onLine: (line: string) => void): void {
    const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.set(name, child);
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    const started = Date.now();
    child.on('exit', (code, signal) => {
      this.#running.delete(name);
      if (this.#stopping) return;
      this.#onExit(name, signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
      const wait = Date.now() - started < STABLE_MS ? BACKOFF_MS : 0;
      setTimeout(() => {
        if (!this.#stopping) this.start(name, args, onLine);
      }, wait).unref();
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#running.values()].map(end));
  }
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(hard);
}
