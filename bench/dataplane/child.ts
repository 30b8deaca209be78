/** Child processes of a bench: started, spoken to in JSON lines, ended. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #read: string[] = [];

  /** With `quiet`, standard output is not read as answers but thrown away. */
  constructor(args: string[], options: { env?: NodeJS.ProcessEnv; quiet?: boolean } = {}) {
    this.process = spawn(process.execPath, args, {
      stdio: ['pipe', options.quiet ? 'ignore' : 'pipe', 'inherit'],
      env: options.env ?? process.env,
    }) as ChildProcessWithoutNullStreams;
    if (options.quiet) return;
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      const waiting = this.#waiting.shift();
      if (waiting) waiting(line);
      else this.#read.push(line);
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async next<T>(): Promise<T> {
    const line = this.#read.shift() ?? (await new Promise<string>((resolve) => this.#waiting.push(resolve)));
    return JSON.parse(line) as T;
  }

  ask<T>(message: object): Promise<T> {
    this.process.stdin.write(`${JSON.stringify(message)}\n`);
    return this.next<T>();
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const exited = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    const hard = setTimeout(() => this.process.kill('SIGKILL'), 3000);
    await exited;
    clearTimeout(hard);
  }
}
