/** How far the canaries of this pod's experiments have come, as routing asks for it. Whoever decides it writes it here. */
import type { TableExperiment } from './arms.ts';

/** Experiments that are remembered; more than a table ever holds with canaries is of no use. */
const MAX_EXPERIMENTS = 256;

export class CanarySteps {
  readonly #percents = new Map<string, number>();
  /** Somebody else decides: until it has said something, a canary gets nothing. */
  waits = false;

  /** Share of the canary's arm in percent: where nothing was decided yet, the first step. */
  percent({ key, body: { canary } }: TableExperiment): number {
    if (canary === undefined) return 0;
    return this.#percents.get(key) ?? (this.waits ? 0 : (canary.steps[0] ?? 0));
  }

  set(key: string, percent: number): void {
    if (this.#percents.size >= MAX_EXPERIMENTS && !this.#percents.has(key)) return;
    this.#percents.set(key, percent);
  }

  /** Forgets experiments that are not among `keys`. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#percents.keys()) if (!keys.has(key)) this.#percents.delete(key);
  }
}
