/**
 * A keyed, coalescing, level-triggered work queue.
 *
 * A key says "look at this object again", never what happened to it: adding a key that waits does nothing, adding one
 * that runs makes it run once more afterwards. One key runs at most once at a time. A handler that throws is retried with
 * exponential backoff and jitter; one that throws a TerminalError waits for the next add. Nothing a handler does ends the
 * process.
 */
import { type Backoff, jittered } from '../../sidecar/snapshot/backoff.ts';
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import { describeError, type Log } from './log.ts';

/** A failure that no retry mends, such as an object the API server calls invalid. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** What happened to one run of a handler, for metrics. */
export type RunResult = 'Done' | 'Retry' | 'Terminal';

export interface QueueOptions {
  /** Named in log lines and metrics. */
  name: string;
  /** Does the work for one key; a number is the milliseconds after which to look again unasked. */
  handle(key: string): Promise<number | void> | number | void;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Keys handled at the same time; 4 unless told. */
  concurrency?: number;
  /** Unset: 5 ms doubling to 16 minutes. */
  backoff?: Backoff;
  /** Lets waiting I/O go first, before every run. */
  polite?: boolean;
  observe?(result: RunResult, milliseconds: number): void;
}

interface Entry {
  running: boolean;
  /** Waits in the ready list, or, while running, asked for another run. */
  due: boolean;
  failures: number;
  failedAt: number;
}

const DEFAULT_BACKOFF: Backoff = { baseMs: 5, maxMs: 16 * 60_000 };

/**
 * While a key fails, changes may bring its retry forward, but not nearer than this to the failure: a burst of changes
 * must not turn backoff into a hot loop, and a person who mends the cause must not wait for minutes.
 */
const RETRY_ON_CHANGE_MS = 1000;

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ready = new Set<string>();
  /** Monotonic times at which keys are to be looked at again. */
  readonly #plans = new Map<string, number>();
  /** One for all plans: thousands of objects have one each. */
  #alarm: { at: number; timer: Timer } | undefined;
  readonly #idle: (() => void)[] = [];
  #running = 0;
  #stopped = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Keys that wait for a free worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Asks for a run of the key as soon as there is a free worker. */
  add(key: string): void {
    if (this.#stopped) return;
    const entry = this.#entry(key);
    const wait =
      entry.failures === 0 ? 0 : entry.failedAt + RETRY_ON_CHANGE_MS - this.#options.clock.monotonic();
    if (wait > 0 && !entry.running) this.#schedule(key, wait);
    else this.#makeDue(key, entry);
  }

  /** Asks for a run in `ms` milliseconds, or earlier where an earlier one is already planned. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    const entry = this.#entry(key);
    if (ms <= 0) this.#makeDue(key, entry);
    else if (!entry.due) this.#schedule(key, ms);
  }

  /** Drops a key's plans and its memory of failures; a run under way ends normally. */
  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#cancelPlan(key);
    entry.failures = 0;
    entry.due = false;
    this.#ready.delete(key);
    if (!entry.running) this.#entries.delete(key);
    this.#settleIdle();
  }

  /** Resolves when nothing is ready or running; plans for later do not count. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#ready.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Drops what waits and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const [key, entry] of this.#entries) {
      this.#cancelPlan(key);
      entry.due = false;
    }
    this.#ready.clear();
    await this.idle();
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { running: false, due: false, failures: 0, failedAt: 0 };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #makeDue(key: string, entry: Entry): void {
    this.#cancelPlan(key);
    entry.due = true;
    if (entry.running) return;
    this.#ready.add(key);
    this.#dispatch();
  }

  #schedule(key: string, ms: number): void {
    const at = this.#options.clock.monotonic() + ms;
    if ((this.#plans.get(key) ?? Number.POSITIVE_INFINITY) <= at) return;
    this.#plans.set(key, at);
    this.#wakeAt(at);
  }

  #wakeAt(at: number): void {
    const { clock } = this.#options;
    if (this.#alarm && this.#alarm.at <= at) return;
    this.#alarm?.timer.cancel();
    const ms = Math.max(0, at - clock.monotonic());
    this.#alarm = { at, timer: clock.after(ms, () => this.#wake(at)) };
  }

  /** @param at when it was meant to be; timers may come a little early */
  #wake(at: number): void {
    this.#alarm = undefined;
    const now = Math.max(at, this.#options.clock.monotonic());
    const due: string[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [key, planned] of this.#plans) {
      if (planned <= now) due.push(key);
      else next = Math.min(next, planned);
    }
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(next);
    for (const key of due) {
      // One that ran before it may have changed what is planned.
      if ((this.#plans.get(key) ?? Number.POSITIVE_INFINITY) <= now) this.#makeDue(key, this.#entry(key));
    }
  }

  #cancelPlan(key: string): void {
    if (!this.#plans.delete(key) || this.#plans.size > 0) return;
    this.#alarm?.timer.cancel();
    this.#alarm = undefined;
  }

  #dispatch(): void {
    const limit = this.#options.concurrency ?? 4;
    for (const key of this.#ready) {
      if (this.#running >= limit) return;
      this.#ready.delete(key);
      void this.#run(key, this.#entry(key));
    }
  }

  async #run(key: string, entry: Entry): Promise<void> {
    const { clock } = this.#options;
    this.#running += 1;
    entry.running = true;
    if (this.#options.polite) await new Promise<void>((resolve) => setImmediate(resolve));
    entry.due = false;
    const began = clock.monotonic();
    let result: RunResult = 'Done';
    let again: number | void;
    try {
      again = await this.#options.handle(key);
      entry.failures = 0;
    } catch (error) {
      result = error instanceof TerminalError ? 'Terminal' : 'Retry';
      again = this.#failed(key, entry, error);
    }
    entry.running = false;
    this.#running -= 1;
    this.#options.observe?.(result, clock.monotonic() - began);
    this.#after(key, entry, again);
  }

  #failed(key: string, entry: Entry, error: unknown): number | undefined {
    const { backoff, clock, log, name, random } = this.#options;
    if (error instanceof TerminalError) {
      entry.failures = 0;
      log.error({ queue: name, key, error: describeError(error) }, 'failed for good; waits for a change');
      return undefined;
    }
    entry.failures += 1;
    entry.failedAt = clock.monotonic();
    const wait = jittered(backoff ?? DEFAULT_BACKOFF, entry.failures, random());
    log.warn(
      {
        queue: name,
        key,
        error: describeError(error),
        failures: entry.failures,
        retryInMs: Math.round(wait),
      },
      'failed; will be retried',
    );
    return wait;
  }

  #after(key: string, entry: Entry, again: number | void): void {
    if (!this.#stopped) {
      const asked = entry.due;
      entry.due = false;
      if (again !== undefined) this.#schedule(key, again);
      if (asked) this.add(key);
      // Adding it may have started it again already.
      const atRest = !entry.running && !entry.due && !this.#plans.has(key) && entry.failures === 0;
      if (atRest) this.#entries.delete(key);
    }
    this.#dispatch();
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.#running > 0 || this.#ready.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
