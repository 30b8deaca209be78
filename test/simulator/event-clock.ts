/** Virtual time with an event queue: tasks run in order of their time, those of one time in the order they were planned. */
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';

interface Planned {
  readonly at: number;
  readonly turn: number;
  task: (() => void) | undefined;
}

const WALL_AT_START = Date.parse('2026-01-01T00:00:00Z');

export class EventClock implements Clock {
  #now = 0;
  #turn = 0;
  /** A binary heap, the soonest first. */
  readonly #heap: Planned[] = [];

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return WALL_AT_START + this.#now;
  }

  after(ms: number, task: () => void): Timer {
    return this.at(this.#now + Math.max(0, ms), task);
  }

  /** At a virtual time; at once where that is past. */
  at(time: number, task: () => void): Timer {
    const planned: Planned = { at: Math.max(time, this.#now), turn: this.#turn++, task };
    if (planned.at !== Number.POSITIVE_INFINITY) this.#push(planned);
    return { cancel: () => (planned.task = undefined) };
  }

  /** Every so often, from `ms` from now until the clock reaches `until`. */
  every(ms: number, until: number, task: () => void): void {
    const tick = (): void => {
      task();
      if (this.#now + ms <= until) this.after(ms, tick);
    };
    this.after(ms, tick);
  }

  /** Runs everything due up to `end`, and stands at `end` then; without an end, until nothing is planned. */
  run(end = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const [next] = this.#heap;
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.task === undefined) continue;
      this.#now = next.at;
      next.task();
    }
    if (end !== Number.POSITIVE_INFINITY) this.#now = end;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Planned;
      if (!isBefore(planned, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = planned;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Planned;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child++;
      const smaller = heap[child] as Planned;
      if (!isBefore(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn);
