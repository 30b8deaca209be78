/** Sends deferred requests, the oldest first, and tells who asked to be told. Bounded in what is under way at once. */
import type { Clock, Timer } from '../snapshot/clock.ts';
import { asyncObject, withAnswer } from './async-desk.ts';
import { wholeOf } from './media/medium.ts';
import type { AsyncRecord } from './records.ts';
import { type Send, type Sent, verdictOf } from './send.ts';
import type { Spool } from './spool.ts';
import type { Deliver } from './webhook.ts';

export interface AsyncWorkerParts {
  spool: Spool;
  clock: Clock;
  send: Send;
  deliver: Deliver;
  random: () => number;
  warn: (message: string) => void;
  onEnd: (record: AsyncRecord) => void;
  onWebhook: (delivered: boolean) => void;
}

const AT_ONCE = 8;
const MAX_ANSWER = 8 * 1024 * 1024;
const MAX_RETRIES = 3;
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const MAX_DELIVERIES = 6;
const FIRST_DELIVERY_MS = 5000;
/** Longer answers are not in what is sent; whoever is told can ask for them. */
const MAX_TOLD = 1024 * 1024;
const LONGEST_TIMER_MS = 2_147_483_647;

export class AsyncWorker {
  readonly #parts: AsyncWorkerParts;
  readonly #under = new Map<string, { done: Promise<void>; cut: AbortController }>();
  readonly #notBefore = new Map<string, number>();
  readonly #tries = new Map<string, number>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: AsyncWorkerParts) {
    this.#parts = parts;
    // What was under way when an earlier process ended is asked again.
    for (const record of parts.spool.deferred.values()) {
      if (record.state === 'in_progress') record.state = 'queued';
    }
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#stopped) return;
    const { clock, spool } = this.#parts;
    const now = clock.monotonic();
    let at = Number.POSITIVE_INFINITY;
    for (const record of [...spool.deferred.values()].sort((a, b) => a.createdAt - b.createdAt)) {
      if (this.#under.has(record.id) || !hasWork(record)) continue;
      const due = this.#notBefore.get(record.id) ?? 0;
      const expires = record.state === 'queued' ? now + record.expiresAt - clock.wall() : due;
      const next = Math.min(due, expires);
      if (next > now) {
        at = Math.min(at, next);
      } else if (this.#under.size < AT_ONCE) {
        const cut = new AbortController();
        const done = this.#work(record, cut.signal).finally(() => {
          this.#under.delete(record.id);
          this.wake();
        });
        this.#under.set(record.id, { done, cut });
      }
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    if (Number.isFinite(at)) {
      this.#timer = clock.after(Math.min(LONGEST_TIMER_MS, Math.max(1, at - now)), () => this.wake());
    }
  }

  async remove(id: string): Promise<void> {
    const under = this.#under.get(id);
    under?.cut.abort();
    await under?.done;
    await this.#parts.spool.remove('Async', id);
    this.#forget(id);
  }

  /** Sends nothing more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.all([...this.#under.values()].map(({ done }) => done));
  }

  cut(): void {
    for (const { cut } of this.#under.values()) cut.abort();
  }

  /** Never rejects. */
  async #work(record: AsyncRecord, signal: AbortSignal): Promise<void> {
    try {
      if (record.state === 'queued') await this.#answer(record, signal);
      else await this.#tell(record, signal);
    } catch (error) {
      // Whether it could not be begun, or its answer not be kept.
      if (record.state === 'in_progress') record.state = 'queued';
      this.#parts.warn(`deferred request ${record.id} cannot go on now: ${String(error)}`);
      this.#later(record, LONGEST_PAUSE_MS);
    }
  }

  async #answer(record: AsyncRecord, signal: AbortSignal): Promise<void> {
    const { spool, clock, send, onEnd } = this.#parts;
    if (record.expiresAt <= clock.wall()) {
      record.state = 'expired';
      await spool.save('Async', record);
      this.#forget(record.id);
      onEnd(record);
      return;
    }
    record.state = 'in_progress';
    await spool.save('Async', record);
    const sent = await send({
      id: `${record.id}~${(this.#tries.get(record.id) ?? 0).toString(36)}`,
      purpose: 'Async',
      parent: record.id,
      path: record.path,
      rawHeaders: record.rawHeaders,
      body: await wholeOf(spool.medium, spool.name(record.id)),
      maxAnswer: MAX_ANSWER,
      signal,
      adapt: (rule) => rule,
    });
    const verdict = verdictOf(sent);
    const tries = (this.#tries.get(record.id) ?? 0) + 1;
    const retried = verdict.kind === 'Retry' && tries <= MAX_RETRIES;
    if (verdict.kind === 'Stopped' || verdict.kind === 'Pause' || retried) {
      record.state = 'queued';
      await spool.save('Async', record);
      this.#tries.set(record.id, tries);
      const backoff = Math.min(
        LONGEST_PAUSE_MS,
        PAUSE_MS * 2 ** Math.min(tries - 1, 6) * (0.5 + this.#parts.random()),
      );
      this.#later(record, ('afterMs' in verdict ? verdict.afterMs : undefined) ?? backoff);
      return;
    }
    await this.#keep(record, sent);
    this.#forget(record.id);
    onEnd(record);
  }

  async #keep(record: AsyncRecord, sent: Sent): Promise<void> {
    const { spool, clock } = this.#parts;
    const answer = sent.overflown
      ? Buffer.from(JSON.stringify({ error: { message: `the answer has more than ${MAX_ANSWER} bytes` } }))
      : sent.body;
    spool.grow(answer.length);
    try {
      await spool.medium.replace(spool.name(record.id, 'answer'), answer);
    } catch (error) {
      spool.grow(-answer.length);
      throw error;
    }
    record.state = sent.status >= 200 && sent.status <= 299 && !sent.overflown ? 'completed' : 'failed';
    record.status = sent.status;
    record.contentType = sent.overflown ? 'application/json' : contentType(sent.rawHeaders);
    record.requestId = record.id;
    record.bytes = answer.length;
    record.completedAt = clock.wall();
    await spool.save('Async', record);
  }

  async #tell(record: AsyncRecord, signal: AbortSignal): Promise<void> {
    const { webhook } = record;
    if (webhook === undefined) return;
    const { spool, clock, deliver, onWebhook } = this.#parts;
    const whole = record.bytes <= MAX_TOLD && record.state !== 'expired';
    const data = whole
      ? (await withAnswer(spool, record)).toString('utf8')
      : JSON.stringify(asyncObject(record));
    const at = Math.floor(clock.wall() / 1000);
    const body = `{"type":"async.${record.state}","timestamp":"${new Date(at * 1000).toISOString()}","data":${data}}`;
    const problem = await deliver({ ...webhook, id: record.id, at, body: Buffer.from(body) }, signal);
    if (signal.aborted) return;
    webhook.tries++;
    onWebhook(problem === undefined);
    if (problem === undefined) {
      webhook.delivered = clock.wall();
    } else if (webhook.tries >= MAX_DELIVERIES) {
      webhook.gaveUp = problem;
      this.#parts.warn(`nobody could be told of deferred request ${record.id}: ${problem}`);
    } else {
      this.#later(record, FIRST_DELIVERY_MS * 4 ** (webhook.tries - 1));
    }
    await spool.save('Async', record);
  }

  #later({ id }: AsyncRecord, ms: number): void {
    this.#notBefore.set(id, this.#parts.clock.monotonic() + Math.max(1, ms));
  }

  #forget(id: string): void {
    this.#notBefore.delete(id);
    this.#tries.delete(id);
  }
}

/** To be sent, or somebody to be told. */
function hasWork({ state, webhook }: AsyncRecord): boolean {
  if (state === 'queued') return true;
  if (state === 'in_progress') return false;
  return webhook !== undefined && webhook.delivered === undefined && webhook.gaveUp === undefined;
}

function contentType(rawHeaders: readonly string[]): string {
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-type');
  return (at >= 0 ? rawHeaders[at + 1] : undefined) ?? 'application/json';
}
