/** The other processes of the sync bench, as the one that drives it sees them. */
import { type ChildProcess, fork } from 'node:child_process';
import { monotonicMs, type OperatorSetup, type SidecarsSetup, type Told } from './messages.ts';

/** What is not told by then counts as lost. */
const GIVE_UP_MS = 60_000;

/** A child and what it says, in order. */
export class Child {
  readonly process: ChildProcess;
  readonly #told: Told[] = [];
  #wake = (): void => {};

  /** `file` beside this one. */
  constructor(file: string, setup: OperatorSetup | SidecarsSetup) {
    this.process = fork(new URL(file, import.meta.url), { execArgv: [] });
    this.process.on('message', (message: Told) => {
      this.#told.push(message);
      this.#wake();
    });
    this.process.on('exit', () => this.#wake());
    this.process.send(setup);
  }

  async next<T extends Told['type']>(type: T): Promise<Extract<Told, { type: T }>> {
    const deadline = monotonicMs() + GIVE_UP_MS;
    for (;;) {
      const told = this.#told.shift();
      if (told?.type === type) return told as Extract<Told, { type: T }>;
      if (told) continue;
      const left = deadline - monotonicMs();
      if (left <= 0 || this.process.exitCode !== null) {
        throw new Error(`not "${type}" within ${GIVE_UP_MS} ms`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  end(): void {
    if (this.process.connected) this.process.disconnect();
  }
}
