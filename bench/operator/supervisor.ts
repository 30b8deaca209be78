/** Starts replicas and, as a kubelet would, starts again those that end; says which of them are ready. */
import type { ControlPlane, Replica } from './control-plane.ts';
import { isReady } from './control-plane.ts';

const RESTART_MS = 1_000;
const PROBE_MS = 500;

export class Supervisor {
  readonly #plane: ControlPlane;
  readonly #timer: NodeJS.Timeout;
  #ready: Replica[] = [];
  #stopped = false;
  restarts = 0;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
    this.#timer = setInterval(() => void this.#probe(), PROBE_MS);
  }

  /** Resolves once the replica is ready. */
  async start(name: string): Promise<void> {
    const replica = await this.#launch(name);
    await this.#plane.isUp(replica);
    await this.#probe();
  }

  /** Ports of the replicas that may be sent to. */
  ready(): number[] {
    return this.#ready.map(({ sync }) => sync);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #launch(name: string): Promise<Replica> {
    const replica = await this.#plane.launch(name);
    replica.process.once('exit', () => {
      if (this.#stopped) return;
      this.restarts += 1;
      this.#ready = this.#ready.filter((each) => each !== replica);
      this.#plane.replicas.splice(this.#plane.replicas.indexOf(replica), 1);
      setTimeout(() => {
        if (!this.#stopped) void this.#launch(replica.name);
      }, RESTART_MS);
    });
    return replica;
  }

  async #probe(): Promise<void> {
    const replicas = [...this.#plane.replicas];
    const answers = await Promise.all(replicas.map(isReady));
    this.#ready = replicas.filter((replica, n) => answers[n] && this.#plane.replicas.includes(replica));
  }
}
