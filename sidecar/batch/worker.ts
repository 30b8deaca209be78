/**
 * The one worker of a sidecar: takes batches in the order in which they came, from being checked to their results. One that has
 * to wait makes room for the next. Whatever it does is on the disk before it is said, so that another process can go on.
 */
import type { RoutingTable } from '../routing/table.ts';
import type { Timer } from '../snapshot/clock.ts';
import type { NativeRunner } from './native/run-native.ts';
import { type BatchRecord, type BatchState, isOver } from './records.ts';
import { BatchRun, type RunEnd, type RunParts } from './run-batch.ts';
import { validateInput } from './validate.ts';

export interface WorkerParts extends RunParts {
  /** Undefined: no configuration has arrived. */
  table: () => RoutingTable | undefined;
  /** Loaded when a rule lets providers run batches. */
  native: () => Promise<NativeRunner>;
  /** A batch has ended. */
  onEnd: (batch: BatchRecord) => void;
}

/** What cannot be kept now is tried again. */
const FAULT_MS = 30_000;
const NO_TABLE_MS = 1000;
const SWEEP_MS = 600_000;
const LONGEST_TIMER_MS = 2_147_483_647;

export class BatchWorker {
  readonly #parts: WorkerParts;
  readonly #notBefore = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #cutting = new AbortController();
  #running: { id: string; stop: AbortController } | undefined;
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #swept = Number.NEGATIVE_INFINITY;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#stopping.signal.aborted) return;
    this.#loop ??= this.#work();
    this.#wake?.();
  }

  /** Lines that are under way are waited for; no other is sent. */
  async cancel(batch: BatchRecord): Promise<void> {
    this.#to(batch, 'cancelling');
    await this.#parts.spool.save('Batch', batch);
    if (this.#running?.id === batch.id) this.#running.stop.abort();
    this.#notBefore.delete(batch.id);
    this.wake();
  }

  /** Sends nothing more; resolves when nothing is under way. The batches go on in the next process. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#running?.stop.abort();
    this.#wake?.();
    await this.#loop;
  }

  /** What is under way is broken off, and sent again in the next process. */
  cut(): void {
    this.#cutting.abort();
  }

  async #work(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const batch = this.#next();
      if (batch === undefined) {
        await this.#sweep();
        await this.#idle();
        continue;
      }
      try {
        await this.#step(batch);
      } catch (error) {
        this.#parts.warn(`batch ${batch.id} cannot go on now: ${String(error)}`);
        this.#later(batch, FAULT_MS);
      }
    }
  }

  /** The oldest that need not wait. */
  #next(): BatchRecord | undefined {
    const { clock, spool } = this.#parts;
    const now = clock.monotonic();
    let oldest: BatchRecord | undefined;
    for (const batch of spool.batches.values()) {
      if (isOver(batch) || (this.#notBefore.get(batch.id) ?? 0) > now) continue;
      if (oldest === undefined || batch.createdAt < oldest.createdAt) oldest = batch;
    }
    return oldest;
  }

  async #step(batch: BatchRecord): Promise<void> {
    switch (batch.state) {
      case 'validating':
        return await this.#validate(batch);
      case 'in_progress':
      case 'cancelling':
      case 'finalizing':
        return await this.#run(batch);
      default:
        return;
    }
  }

  async #validate(batch: BatchRecord): Promise<void> {
    const { spool, maxLine } = this.#parts;
    const table = this.#parts.table();
    if (table === undefined) {
      this.#later(batch, NO_TABLE_MS);
      return;
    }
    const { inputFileId, endpoint } = batch;
    const bytes = spool.files.get(inputFileId)?.bytes ?? 0;
    const choice = mayBeNative(table) ? (await this.#parts.native()).choice() : undefined;
    const checked = await validateInput({
      medium: spool.medium,
      name: spool.name(inputFileId),
      bytes,
      endpoint,
      maxLine,
      table,
      ...(choice && { each: (line, number, route) => choice.each(line, number, route) }),
    });
    // Somebody may have cancelled it meanwhile.
    if (batch.state !== 'validating') return;
    batch.total = checked.total;
    if (!checked.ok) {
      batch.errors = checked.errors;
      await this.#end(batch, 'failed');
      return;
    }
    const { maxConcurrent, expiresAfterMs } = checked.terms;
    batch.maxConcurrent = maxConcurrent;
    batch.expiresAt = batch.createdAt + expiresAfterMs;
    const decision = choice?.decision;
    if (decision && 'native' in decision) {
      batch.native = { ...decision.native, ...(choice.demanded && { demanded: true }) };
    } else if (decision && choice.demanded) {
      const { reason, line } = decision.against;
      const message = `mode is Native, and the provider cannot run the batch: ${reason}`;
      batch.errors = [{ code: 'native_unavailable', message, param: null, line }];
      await this.#end(batch, 'failed');
      return;
    }
    this.#to(batch, 'in_progress');
    await spool.save('Batch', batch);
  }

  async #run(batch: BatchRecord): Promise<void> {
    const { clock } = this.#parts;
    const stop = new AbortController();
    this.#running = { id: batch.id, stop };
    const run = await BatchRun.open(batch, this.#parts);
    let timer: Timer | undefined;
    try {
      if (batch.native && batch.state !== 'finalizing') {
        const native = await this.#parts.native();
        const end = await this.#handOver(batch, batch.native, native, run, stop.signal);
        if (end === undefined || this.#stopping.signal.aborted) return;
        if (end.kind === 'Until') {
          this.#later(batch, end.at - clock.monotonic());
          return;
        }
        native.forget(batch.id);
      } else if (batch.state === 'in_progress') {
        const left = batch.expiresAt - clock.wall();
        if (left > 0) {
          timer = clock.after(Math.min(left, LONGEST_TIMER_MS), () => stop.abort());
          if (this.#stopping.signal.aborted) stop.abort();
          const end = await run.run(stop.signal, this.#cutting.signal);
          if (this.#stopping.signal.aborted) return;
          const over = batch.expiresAt <= clock.wall();
          if (end.kind === 'Until' && !over && (batch.state as BatchState) === 'in_progress') {
            this.#later(batch, Math.min(end.at - clock.monotonic(), batch.expiresAt - clock.wall()));
            return;
          }
          if (end.kind === 'Stopped' && !over && (batch.state as BatchState) === 'in_progress') return;
        }
      }
      await this.#finish(batch, run);
    } finally {
      timer?.cancel();
      this.#running = undefined;
      await run.close();
    }
  }

  /** Undefined: the provider does not take it, and the batch has failed. */
  async #handOver(
    batch: BatchRecord,
    record: NonNullable<BatchRecord['native']>,
    native: NativeRunner,
    run: BatchRun,
    signal: AbortSignal,
  ): Promise<RunEnd | undefined> {
    try {
      return await native.step(batch, record, run, signal);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      native.forget(batch.id);
      batch.errors = [{ code: 'native_refused', message: error.message, param: null, line: null }];
      await this.#end(batch, 'failed');
      return undefined;
    }
  }

  async #finish(batch: BatchRecord, run: BatchRun): Promise<void> {
    const { spool } = this.#parts;
    const cancelled = batch.at.cancelling !== undefined;
    const expired = !cancelled && run.answered < batch.total;
    if (!cancelled && batch.state !== 'finalizing') {
      this.#to(batch, 'finalizing');
      await spool.save('Batch', batch);
    }
    if (expired) {
      // Said first: whoever goes on after a kill finds every line with a result, and must not take that for the end.
      batch.gaveUp = true;
      await spool.save('Batch', batch);
      await run.giveUp(EXPIRED);
    }
    await this.#show(batch, batch.outputFileId, 'output');
    await this.#show(batch, batch.errorFileId, 'error');
    await this.#end(batch, cancelled ? 'cancelled' : batch.gaveUp ? 'expired' : 'completed');
  }

  /** Results become a file that callers can have, where there are any. */
  async #show(batch: BatchRecord, id: string, what: string): Promise<void> {
    const { spool, clock } = this.#parts;
    const bytes = await spool.size(id);
    if (bytes === 0) {
      await spool.discard(id);
      return;
    }
    const createdAt = clock.wall();
    await spool.save('File', {
      id,
      filename: `${batch.id}_${what}.jsonl`,
      purpose: 'batch_output',
      bytes,
      createdAt,
      expiresAt: createdAt + batch.keptMs,
    });
  }

  async #end(batch: BatchRecord, state: 'completed' | 'failed' | 'expired' | 'cancelled'): Promise<void> {
    const { spool, onEnd } = this.#parts;
    this.#to(batch, state);
    this.#notBefore.delete(batch.id);
    await spool.save('Batch', batch);
    await spool.removePart(batch.id, 'started');
    onEnd(batch);
  }

  #to(batch: BatchRecord, state: BatchState): void {
    batch.state = state;
    batch.at[state] ??= this.#parts.clock.wall();
  }

  #later(batch: BatchRecord, ms: number): void {
    this.#notBefore.set(batch.id, this.#parts.clock.monotonic() + Math.max(1, ms));
  }

  async #sweep(): Promise<void> {
    const { clock, spool, warn } = this.#parts;
    const now = clock.monotonic();
    if (now - this.#swept < SWEEP_MS) return;
    this.#swept = now;
    await spool
      .sweep(clock.wall())
      .catch((error: unknown) => warn(`the spool is not tidied: ${String(error)}`));
  }

  /** Until somebody wakes it, or a batch need not wait any more. */
  #idle(): Promise<void> {
    const { clock, spool } = this.#parts;
    const now = clock.monotonic();
    let at = now + SWEEP_MS;
    for (const batch of spool.batches.values()) {
      if (!isOver(batch)) at = Math.min(at, this.#notBefore.get(batch.id) ?? now);
    }
    return new Promise((resolve) => {
      const timer = clock.after(Math.max(1, at - now), () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        resolve();
      };
      if (this.#stopping.signal.aborted) this.#wake();
    });
  }
}

const mayBeNative = (table: RoutingTable): boolean =>
  table.routes.some(({ rules }) => rules.some(({ body: { batch } }) => batch && batch.mode !== 'Emulated'));

/** By name: the class is loaded apart. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'NativeRefused';

const EXPIRED = {
  code: 'batch_expired',
  message: 'This request could not be executed before the completion window expired.',
};
