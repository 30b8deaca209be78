/**
 * Sends the lines of one batch, as many at once as may be, and keeps what comes of each. A line has its result on the disk
 * before it counts. What is under way when the process ends has none, and is sent again: those lines may reach a provider twice.
 */
import { OutriderError } from '../../errors/table.ts';
import { innerId } from '../internal/internal-rule.ts';
import type { TableRule } from '../routing/table.ts';
import type { Clock } from '../snapshot/clock.ts';
import { isWrong, readBatchLine } from './batch-line.ts';
import { Bits } from './bits.ts';
import { type Line, linesOf } from './lines.ts';
import { type Growing, wholeOf } from './media/medium.ts';
import type { BatchRecord } from './records.ts';
import { ResultLog } from './result-log.ts';
import { type Send, type Sent, verdictOf } from './send.ts';
import type { Spool } from './spool.ts';
import { opensAt } from './window.ts';
import { type LineResult, lineOfResult, renderResult } from './wire.ts';

export interface RunParts {
  spool: Spool;
  clock: Clock;
  send: Send;
  maxLine: number;
  /** In [0, 1). */
  random: () => number;
  warn: (message: string) => void;
  /** A line is over, or has to wait. */
  onLine: (outcome: LineOutcome) => void;
}

/** Repeated: it was under way when an earlier process ended, so a provider may have served it before. */
export type LineOutcome = 'Completed' | 'Failed' | 'Paused' | 'Retried' | 'Repeated';

/** All: every line has its result. Until: not before that, in monotonic milliseconds. Stopped: by whoever runs it. */
export type RunEnd = { kind: 'All' } | { kind: 'Until'; at: number } | { kind: 'Stopped' };

const MAX_RETRIES = 3;
const FIRST_RETRY_MS = 500;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** Of an answer. */
const MAX_ANSWER = 8 * 1024 * 1024;
const HEADERS = ['content-type', 'application/json'];

export class BatchRun {
  readonly #batch: BatchRecord;
  readonly #parts: RunParts;
  readonly #done = new Bits();
  readonly #kept = { completed: 0, failed: 0 };
  #output: ResultLog | undefined;
  #errors: ResultLog | undefined;
  #started: Growing | undefined;
  #noting: Promise<void> = Promise.resolve();
  /** Were under way when an earlier process ended. */
  readonly #begun = new Set<number>();
  /** Before it every line has its result. */
  #from = { offset: 0, number: 1 };
  #pauses = 0;
  #pauseUntil = 0;
  #failure: unknown;
  #halt = new AbortController();

  private constructor(batch: BatchRecord, parts: RunParts) {
    this.#batch = batch;
    this.#parts = parts;
  }

  /** Reads what is answered already. */
  static async open(batch: BatchRecord, parts: RunParts): Promise<BatchRun> {
    const run = new BatchRun(batch, parts);
    try {
      await run.#open();
      return run;
    } catch (error) {
      await run.close();
      throw error;
    }
  }

  get answered(): number {
    return this.#done.size;
  }

  /**
   * Lines go out until all are answered, or something stops them; what is under way is waited for, unless it is cut.
   * Rejects where results cannot be kept.
   */
  async run(stop: AbortSignal, cut: AbortSignal): Promise<RunEnd> {
    const { spool, maxLine, clock } = this.#parts;
    const under = new Set<Promise<void>>();
    this.#pauseUntil = 0;
    this.#failure = undefined;
    this.#halt = new AbortController();
    const input = spool.name(this.#batch.inputFileId);
    let leading = true;
    for await (const line of linesOf(spool.medium, input, { maxLine, ...this.#from })) {
      if (line.bytes?.length === 0 || this.#done.has(line.number)) {
        if (leading) this.#from = { offset: line.next, number: line.number + 1 };
        continue;
      }
      leading = false;
      while (under.size >= this.#batch.maxConcurrent) await Promise.race(under);
      if (stop.aborted || this.#isHalted) break;
      const one = this.#line(line, stop, cut).finally(() => under.delete(one));
      under.add(one);
    }
    await Promise.all(under);
    if (this.#failure !== undefined) throw this.#failure;
    if (stop.aborted) return { kind: 'Stopped' };
    if (this.#pauseUntil > 0) return { kind: 'Until', at: Math.max(this.#pauseUntil, clock.monotonic()) };
    return { kind: 'All' };
  }

  /** Every line without a result gets this one. */
  async giveUp(error: { code: string; message: string }): Promise<void> {
    const { spool, maxLine } = this.#parts;
    const { id: batch, endpoint, inputFileId } = this.#batch;
    let last: Promise<void> | undefined;
    for await (const { number: line, bytes } of linesOf(spool.medium, spool.name(inputFileId), {
      maxLine,
      ...this.#from,
    })) {
      if (bytes === undefined || bytes.length === 0 || this.#done.has(line)) continue;
      const read = readBatchLine(bytes, endpoint);
      if (isWrong(read)) continue;
      last = this.keep({ batch, line, customId: read.customId, error }, false);
      await last;
    }
    await last;
  }

  /** Whether a line has its result. */
  has(line: number): boolean {
    return this.#done.has(line);
  }

  /** Says how many have, where somebody else's figures were shown meanwhile. */
  count(): void {
    this.#batch.completed = this.#kept.completed;
    this.#batch.failed = this.#kept.failed;
  }

  async close(): Promise<void> {
    await this.#output?.close();
    await this.#errors?.close();
    await this.#noting.catch(() => {});
    await this.#started?.close();
  }

  get #isHalted(): boolean {
    return this.#pauseUntil > 0 || this.#failure !== undefined;
  }

  async #open(): Promise<void> {
    const { spool } = this.#parts;
    const batch = this.#batch;
    const log = async (file: string): Promise<{ log: ResultLog; count: number }> => {
      let count = 0;
      const opened = await ResultLog.open(spool.medium, spool.name(file), spool.grow, (head) => {
        const line = lineOfResult(head);
        if (line !== undefined && this.#done.add(line)) count++;
      });
      return { log: opened, count };
    };
    const output = await log(batch.outputFileId);
    this.#output = output.log;
    const errors = await log(batch.errorFileId);
    this.#errors = errors.log;
    this.#kept.completed = output.count;
    this.#kept.failed = errors.count;
    if (batch.native === undefined) this.count();
    await this.#readBegun();
  }

  async #readBegun(): Promise<void> {
    const { medium } = this.#parts.spool;
    const name = this.#parts.spool.name(this.#batch.id, 'started');
    const text = (await wholeOf(medium, name)).toString('latin1');
    // A kill may have left half a number.
    this.#started = await medium.grow(name, text.lastIndexOf('\n') + 1);
    for (const number of text.split('\n').slice(0, -1)) {
      const line = Number(number);
      // A minus: it came back unserved, and waits.
      if (line < 0) this.#begun.delete(-line);
      else if (line > 0 && !this.#done.has(line)) this.#begun.add(line);
    }
    if (this.#begun.size === 0) return;
    const { warn } = this.#parts;
    warn(
      `batch ${this.#batch.id} goes on: ${this.#done.size} lines are answered, ${this.#begun.size} were under way and are sent again`,
    );
  }

  /** Never rejects: what fails here ends the run. */
  async #line(line: Line, stop: AbortSignal, cut: AbortSignal): Promise<void> {
    try {
      await this.#answer(line, stop, cut);
    } catch (error) {
      this.#failure ??= error;
      this.#halt.abort();
    }
  }

  async #answer({ number, bytes }: Line, stop: AbortSignal, cut: AbortSignal): Promise<void> {
    const { id: batch, endpoint } = this.#batch;
    const read = bytes && readBatchLine(bytes, endpoint);
    if (read === undefined || isWrong(read)) throw new Error(`line ${number} of ${batch} has changed`);
    const { customId, path, body } = read;
    const { onLine, random } = this.#parts;
    await this.#begin(number);
    for (let tries = 0; ; tries++) {
      const admission = new Admission(this.#parts.clock);
      const sent = await this.#parts.send({
        id: `${innerId(batch, number)}${tries === 0 ? '' : `.${tries}`}`,
        purpose: 'Batch',
        parent: batch,
        path,
        rawHeaders: HEADERS,
        body,
        maxAnswer: MAX_ANSWER,
        signal: cut,
        adapt: admission.adapt,
      });
      const verdict = verdictOf(sent);
      if (verdict.kind === 'Stopped') return;
      if (verdict.kind === 'Pause') {
        this.#pause(admission.closedForMs ?? verdict.afterMs);
        await this.#note(-number);
        return;
      }
      if (verdict.kind === 'Retry' && tries < MAX_RETRIES) {
        onLine('Retried');
        const backoff = FIRST_RETRY_MS * 2 ** tries * (0.5 + random());
        if (!(await this.#rest(Math.min(LONGEST_PAUSE_MS, verdict.afterMs ?? backoff), stop))) return;
        continue;
      }
      const ok = verdict.kind === 'Answered' && verdict.ok;
      await this.keep({ batch, line: number, customId, ...answerOf(sent, innerId(batch, number)) }, ok);
      this.#pauses = 0;
      return;
    }
  }

  /** Written before it is sent, so that whoever comes after a kill knows what was under way. */
  async #begin(number: number): Promise<void> {
    if (this.#begun.has(number)) this.#parts.onLine('Repeated');
    await this.#note(number);
  }

  async #note(number: number): Promise<void> {
    const entry = Buffer.from(`${number}\n`);
    this.#parts.spool.grow(entry.length);
    // One after the other: each goes behind the one before.
    const before = this.#noting;
    this.#noting = before.catch(() => {}).then(() => this.#started?.append(entry));
    await this.#noting;
  }

  /** Once it is on the disk, it counts. */
  async keep(result: LineResult, ok: boolean): Promise<void> {
    const log = ok ? this.#output : this.#errors;
    await log?.append(renderResult(result));
    this.#done.add(result.line);
    if (ok) this.#kept.completed++;
    else this.#kept.failed++;
    this.count();
    this.#parts.onLine(ok ? 'Completed' : 'Failed');
  }

  /** Nothing is wrong with the line: the whole batch waits, since the next line would fare no better. */
  #pause(afterMs: number | undefined): void {
    const { clock, onLine } = this.#parts;
    const wait = afterMs ?? Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses++);
    this.#pauseUntil = Math.max(this.#pauseUntil, clock.monotonic() + Math.max(1, wait));
    onLine('Paused');
  }

  /** False: the run stops before. */
  #rest(ms: number, signal: AbortSignal): Promise<boolean> {
    const halted = AbortSignal.any([signal, this.#halt.signal]);
    return new Promise((resolve) => {
      if (halted.aborted) {
        resolve(false);
        return;
      }
      const timer = this.#parts.clock.after(ms, () => resolve(true));
      halted.addEventListener(
        'abort',
        () => {
          timer.cancel();
          resolve(false);
        },
        { once: true },
      );
    });
  }
}

const asBatch = new WeakMap<TableRule, TableRule>();

/** One class below all others, unless the rule says otherwise. The same object for each rule: queues tell rules apart by it. */
function inBatchClass(rule: TableRule): TableRule {
  if (rule.body.admission) return rule;
  let made = asBatch.get(rule);
  if (made === undefined) {
    made = { ...rule, body: { ...rule.body, admission: { class: 'Batch', maxWaitMs: 0 } } };
    asBatch.set(rule, made);
  }
  return made;
}

/** Whether a line may go by a rule, and now. */
class Admission {
  closedForMs: number | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly adapt = (rule: TableRule, route: string): TableRule => {
    const { name, batch } = rule.body;
    if (batch === undefined) throw new OutriderError('batch_not_allowed', { rule: name, route });
    const now = this.#clock.wall();
    const opens = batch.window ? opensAt(batch.window, now) : now;
    if (opens > now) {
      this.closedForMs = opens - now;
      throw new OutriderError(
        'batch_closed',
        { rule: name, route, opens: new Date(opens).toISOString() },
        opens - now,
      );
    }
    return inBatchClass(rule);
  };
}

function answerOf(
  { status, body, overflown, rawHeaders }: Sent,
  fallbackId: string,
): Pick<LineResult, 'response' | 'error'> {
  if (overflown) {
    return {
      error: { code: 'answer_too_large', message: `the answer has more than ${MAX_ANSWER} bytes` },
    };
  }
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'x-outrider-request-id');
  const requestId = (at >= 0 ? rawHeaders[at + 1] : undefined) ?? fallbackId;
  return { response: { status, requestId, body: isJson(body) ? body : asJson(body) } };
}

/** Error pages of web servers are none. */
function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

const asJson = (body: Buffer): Buffer =>
  Buffer.from(JSON.stringify({ error: { message: body.toString('utf8', 0, 4096) } }));
