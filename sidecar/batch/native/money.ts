/**
 * What the lines of native batches have set aside of budgets: all of a batch before it is handed in, or nothing. A line is settled
 * when its result is there, which may be in another window, or in another process: then what was handed in is owed, whether
 * there is room or not.
 */
import { isRefusal, type SpendGate, type SpendRefusal } from '../../dispatch/spend-gate.ts';
import type { SpendHold } from '../../limits/budgets/hold.ts';
import type { Clock } from '../../snapshot/clock.ts';
import type { PreparedLine } from './line.ts';

/** How long a line waits for leases before all that the batch has set aside is given back. */
const PATIENCE_MS = 2_000;
/** Behind everybody who waits for an answer. */
const LAST = Number.MAX_SAFE_INTEGER;
/** Lines that wait at once; their bodies are in memory. */
const GROUP = 16;

interface NumberedLine {
  number: number;
  prepared: PreparedLine;
}

/** Every line once; its body is released when it is covered. */
type Lines = AsyncIterable<NumberedLine>;

export class NativeMoney {
  readonly #gate: SpendGate | undefined;
  readonly #clock: Clock;
  readonly #held = new Map<string, Map<number, SpendHold>>();

  constructor(gate: SpendGate | undefined, clock: Clock) {
    this.#gate = gate;
    this.#clock = clock;
  }

  /** Whether this process has set aside what the batch may cost. */
  has(batch: string): boolean {
    return this.#gate === undefined || this.#held.has(batch);
  }

  /** All of it or nothing; waits for leases where that can help. Undefined: the batch is covered. */
  async setAside(batch: string, lines: Lines, signal: AbortSignal): Promise<SpendRefusal | undefined> {
    const gate = this.#gate;
    if (gate === undefined) return undefined;
    this.#held.set(batch, new Map());
    try {
      for await (const group of inGroups(lines)) {
        const taken = await Promise.all(group.map(({ prepared }) => this.#money(gate, prepared, signal)));
        group.forEach(({ number }, i) => this.#keep(batch, number, taken[i]));
        const refusal = taken.find(isRefusal);
        if (refusal === undefined) continue;
        this.release(batch);
        return refusal;
      }
    } catch (error) {
      this.release(batch);
      throw error;
    }
    return undefined;
  }

  /** The lines were handed in by an earlier process. All of them are owed or, where it rejects, none. */
  async owe(batch: string, lines: Lines): Promise<void> {
    this.#held.set(batch, new Map());
    try {
      for await (const { number, prepared } of lines) {
        const { planned, exchange } = prepared;
        this.#keep(batch, number, this.#gate?.owe(planned.candidate, exchange, this.#clock.monotonic()));
        exchange.releaseBody();
      }
    } catch (error) {
      this.release(batch);
      throw error;
    }
  }

  /** What the line has set aside; whoever takes it settles it. */
  take(batch: string, number: number): SpendHold | undefined {
    const held = this.#held.get(batch);
    const hold = held?.get(number);
    held?.delete(number);
    return hold;
  }

  /** Lines without a result cost nothing. */
  release(batch: string): void {
    const now = this.#clock.monotonic();
    for (const hold of this.#held.get(batch)?.values() ?? []) hold.settle(0n, now);
    this.#held.delete(batch);
  }

  #keep(batch: string, number: number, hold: SpendHold | SpendRefusal | undefined): void {
    if (hold !== undefined && !isRefusal(hold)) this.#held.get(batch)?.set(number, hold);
  }

  #money(
    gate: SpendGate,
    { planned: { candidate }, exchange }: PreparedLine,
    signal: AbortSignal,
  ): Promise<SpendHold | SpendRefusal | undefined> {
    let left: (() => void) | undefined;
    return new Promise<SpendHold | SpendRefusal | undefined>((resolve) => {
      const now = this.#clock.monotonic();
      const first = gate.take(candidate, exchange, now);
      if (!isRefusal(first)) {
        resolve(first);
        return;
      }
      const waiter = {
        priority: LAST,
        deadline: now + PATIENCE_MS,
        again: (at: number): SpendRefusal | undefined => {
          const taken = gate.take(candidate, exchange, at);
          if (isRefusal(taken)) return taken;
          resolve(taken);
          return undefined;
        },
        gaveUp: resolve,
      };
      const leave = signal.aborted ? undefined : gate.wait(first, waiter, now);
      if (leave === undefined) {
        resolve(first);
        return;
      }
      left = () => {
        leave();
        resolve(first);
      };
      signal.addEventListener('abort', left, { once: true });
    }).finally(() => {
      // The signal is of the whole batch, which may have thousands of lines.
      if (left) signal.removeEventListener('abort', left);
      exchange.releaseBody();
    });
  }
}

/** So that one report asks for leases of all of them. */
async function* inGroups(lines: Lines): AsyncGenerator<NumberedLine[]> {
  let group: NumberedLine[] = [];
  try {
    for await (const line of lines) {
      group.push(line);
      if (group.length < GROUP) continue;
      yield group;
      group = [];
    }
  } catch (error) {
    for (const { prepared } of group) prepared.exchange.releaseBody();
    throw error;
  }
  if (group.length > 0) yield group;
}
