/** Medians over a rule's targets, which costs and latencies are multiples of; and their rolling means, so that one odd request moves little. */

/** Of what is known; undefined: nothing is. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  if (known.length === 0) return undefined;
  const middle = (known.length - 1) / 2;
  return ((known[Math.floor(middle)] as number) + (known[Math.ceil(middle)] as number)) / 2;
}

const STEP = 0.05;
const MAX_KEYS = 4096;

/** Rolling medians by rule and measure. In logarithms, since what they are used for are ratios. */
export class References {
  #logs = new Map<string, number>();
  #frozen = false;

  /** The same to read, for a question that must change nothing. */
  toRead(): References {
    const frozen = new References();
    frozen.#logs = this.#logs;
    frozen.#frozen = true;
    return frozen;
  }

  /** Undefined before the first. */
  of(key: string): number | undefined {
    const log = this.#logs.get(key);
    return log === undefined ? undefined : Math.exp(log);
  }

  /** Takes in a request's median. */
  observe(key: string, value: number): void {
    if (this.#frozen) return;
    const log = Math.log(value);
    const known = this.#logs.get(key);
    // Rules come and go; a reference is there again with the next request.
    if (known === undefined && this.#logs.size >= MAX_KEYS) this.#logs.clear();
    this.#logs.set(key, known === undefined ? log : known + STEP * (log - known));
  }
}
