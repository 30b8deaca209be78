/**
 * A batch that its provider runs: handed in, asked after now and then, and its results taken. Each step is on the disk before the
 * next begins. Whoever is killed between handing in and writing down where looks for the batch at the provider first; where a
 * provider cannot be asked for it by name, it is handed in again, and may be billed twice.
 */
import type { RoutingTable } from '../../routing/table.ts';
import { type BatchLine, isWrong, readBatchLine } from '../batch-line.ts';
import { linesOf } from '../lines.ts';
import { type Medium, piecesOf } from '../media/medium.ts';
import type { BatchRecord, NativeRecord } from '../records.ts';
import { batchRoute } from '../rules.ts';
import type { BatchRun, RunEnd, RunParts } from '../run-batch.ts';
import { retryAfter } from '../send.ts';
import { callNative, type NativeAnswer, type NativeCall } from './call.ts';
import { NativeChoice } from './choose.ts';
import { type NativeLineParts, type PreparedLine, prepareLine, settleLine } from './line.ts';
import { NativeMoney } from './money.ts';
import { lineName, STYLES, type Style } from './styles.ts';

export interface NativeParts extends NativeLineParts, Pick<RunParts, 'spool' | 'clock' | 'maxLine' | 'warn'> {
  table: () => RoutingTable | undefined;
  hasCredential: (id: string) => boolean;
}

/** The provider does not take the batch. */
class NativeRefused extends Error {
  override readonly name = 'NativeRefused';
}

const CALL_MS = 60_000;
const TRANSFER_MS = 3_600_000;
const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 60_000;
/** A batch that was cancelled may take its time; then it is left alone. */
const CANCEL_MS = 900_000;
const MAX_RESULTS = 1024 ** 3;

type Native = NativeRecord;

export class NativeRunner {
  readonly #parts: NativeParts;
  readonly #polls = new Map<string, number>();
  readonly #money: NativeMoney;

  constructor(parts: NativeParts) {
    this.#parts = parts;
    this.#money = new NativeMoney(parts.dispatch.spend, parts.clock);
  }

  choice(): NativeChoice {
    return new NativeChoice(this.#parts.hasCredential);
  }

  /** It has ended. */
  forget(id: string): void {
    this.#polls.delete(id);
    this.#money.release(id);
  }

  /** One step on. All: everything that the provider answered is kept. Throws NativeRefused. */
  async step(batch: BatchRecord, native: Native, run: BatchRun, signal: AbortSignal): Promise<RunEnd> {
    const style = STYLES[native.style];
    const first = await this.#first(batch);
    try {
      const unwanted = batch.state === 'cancelling' || batch.expiresAt <= this.#parts.clock.wall();
      if (native.remoteBatch === undefined) {
        if (unwanted) return { kind: 'All' };
        const rest = await this.#setAside(batch, native, run, signal);
        if (rest !== undefined) return rest;
        await this.#handIn(batch, native, style, first, signal);
        return this.#later(batch, undefined);
      }
      await this.#setAside(batch, native, run, signal);
      if (unwanted && native.cancelledAt === undefined) {
        await this.#call(first, 'POST', `${style.batches}/${native.remoteBatch}/cancel`, signal);
        native.cancelledAt = this.#parts.clock.wall();
        await this.#parts.spool.save('Batch', batch);
      }
      const answer = await this.#call(first, 'GET', `${style.batches}/${native.remoteBatch}`, signal);
      if (answer.status !== 200) return this.#later(batch, answer);
      const state = style.state(JSON.parse(answer.body) as Record<string, unknown>);
      if (state.refused !== undefined) throw new NativeRefused(`the provider failed it: ${state.refused}`);
      if (!state.over) {
        batch.completed = state.completed;
        batch.failed = state.failed;
        const waited = this.#parts.clock.wall() - (native.cancelledAt ?? this.#parts.clock.wall());
        return waited > CANCEL_MS ? { kind: 'All' } : this.#later(batch, undefined);
      }
      for (const path of state.results) {
        const taken = await this.#take(batch, style, first, path, run, signal);
        if (taken !== undefined) return this.#later(batch, taken);
      }
      run.count();
      return { kind: 'All' };
    } finally {
      first.exchange.releaseBody();
    }
  }

  /** What the batch may cost, of budgets. Undefined: it may go on. Throws NativeRefused where it never can. */
  async #setAside(
    batch: BatchRecord,
    native: Native,
    run: BatchRun,
    signal: AbortSignal,
  ): Promise<RunEnd | undefined> {
    if (this.#money.has(batch.id)) return undefined;
    if (native.handingInAt !== undefined) {
      await this.#money.owe(batch.id, this.#unanswered(batch, run));
      return undefined;
    }
    const refusal = await this.#money.setAside(batch.id, this.#unanswered(batch, run), signal);
    if (refusal === undefined) return undefined;
    const { code, message, retryAfterMs } = refusal.error;
    if (code !== 'budget_exhausted' && code !== 'budget_unavailable') throw new NativeRefused(message);
    if (signal.aborted) return { kind: 'Stopped' };
    const { clock } = this.#parts;
    const now = clock.monotonic();
    if (native.demanded) {
      // Its own time may be over long before the budget has more.
      const left = batch.expiresAt - clock.wall();
      return { kind: 'Until', at: now + Math.min(left, retryAfterMs ?? LONGEST_POLL_MS) };
    }
    // Line by line, what is left of the budget serves some of them.
    delete batch.native;
    await this.#parts.spool.save('Batch', batch);
    return { kind: 'Until', at: now };
  }

  async *#unanswered(
    batch: BatchRecord,
    run: BatchRun,
  ): AsyncGenerator<{ number: number; prepared: PreparedLine }> {
    for await (const { line, number } of this.#lines(batch)) {
      if (!run.has(number)) yield { number, prepared: await this.#prepare(batch, number, line) };
    }
  }

  /** Speaks for all lines: they have one provider and one key. */
  async #first(batch: BatchRecord): Promise<PreparedLine> {
    for await (const { line, number } of this.#lines(batch)) return await this.#prepare(batch, number, line);
    throw new NativeRefused('the input has no lines');
  }

  async *#lines(batch: BatchRecord): AsyncGenerator<{ line: BatchLine; number: number }> {
    const { spool, maxLine } = this.#parts;
    for await (const { bytes, number } of linesOf(spool.medium, spool.name(batch.inputFileId), { maxLine })) {
      if (bytes === undefined || bytes.length === 0) continue;
      const line = readBatchLine(bytes, batch.endpoint);
      if (!isWrong(line)) yield { line, number };
    }
  }

  #prepare(batch: BatchRecord, number: number, line: BatchLine): Promise<PreparedLine> {
    const route = batchRoute(this.#parts.table(), line.envelope.model);
    return prepareLine(this.#parts, this.choice(), batch.id, number, line, route);
  }

  async #handIn(
    batch: BatchRecord,
    native: Native,
    style: Style,
    first: PreparedLine,
    signal: AbortSignal,
  ): Promise<void> {
    const { spool, clock } = this.#parts;
    const asked = { input_file_id: '', endpoint: batch.endpoint, completion_window: '24h' };
    if (native.handingInAt !== undefined && style.uploads)
      await this.#find(batch, native, style, first, signal);
    if (native.remoteBatch !== undefined) return;
    const upload = spool.name(batch.id, 'upload');
    if (!style.uploads || native.remoteFile === undefined) await this.#write(batch, style);
    const length = await spool.size(batch.id, 'upload');
    if (style.uploads && native.remoteFile === undefined) {
      const form = formOf(spool.medium, upload, length);
      native.remoteFile = await this.#create(first, '/files', form, signal);
      await spool.save('Batch', batch);
    }
    native.handingInAt = clock.wall();
    await spool.save('Batch', batch);
    const body = style.uploads
      ? bodyOf({ ...asked, input_file_id: native.remoteFile, metadata: { outrider_batch: batch.id } })
      : { pieces: piecesOf(spool.medium, upload, length), length, type: 'application/json' };
    native.remoteBatch = await this.#create(first, style.batches, body, signal);
    await spool.save('Batch', batch);
    await spool.removePart(batch.id, 'upload');
  }

  /** One that an earlier process handed in. */
  async #find(
    batch: BatchRecord,
    native: Native,
    style: Style,
    first: PreparedLine,
    signal: AbortSignal,
  ): Promise<void> {
    const answer = await this.#call(first, 'GET', `${style.batches}?limit=100`, signal);
    if (answer.status !== 200) throw new Error(`batches cannot be listed: status ${answer.status}`);
    const { data } = JSON.parse(answer.body) as {
      data?: { id: string; metadata?: Record<string, unknown> }[];
    };
    const found = data?.find(({ metadata }) => metadata?.outrider_batch === batch.id);
    if (found === undefined) return;
    native.remoteBatch = found.id;
    await this.#parts.spool.save('Batch', batch);
  }

  /** All lines as the provider takes them, in one file. */
  async #write(batch: BatchRecord, style: Style): Promise<void> {
    const { spool } = this.#parts;
    const content = await spool.begin(batch.id, 'upload');
    try {
      let before = style.uploads ? '' : '{"requests":[';
      for await (const { line, number } of this.#lines(batch)) {
        const { ready, exchange } = await this.#prepare(batch, number, line);
        const body = Buffer.concat(ready.request.body ?? []);
        exchange.releaseBody();
        await content.append(
          Buffer.concat([Buffer.from(before), style.line(lineName(number), batch.endpoint, body)]),
        );
        before = style.uploads ? '' : ',';
      }
      if (!style.uploads) await content.append(Buffer.from(']}'));
    } finally {
      await content.close();
    }
  }

  /** Keeps the results of one file. Undefined: all of them; else what the provider answered instead. */
  async #take(
    batch: BatchRecord,
    style: Style,
    first: PreparedLine,
    path: string,
    run: BatchRun,
    signal: AbortSignal,
  ): Promise<NativeAnswer | undefined> {
    const { spool } = this.#parts;
    const name = spool.name(batch.id, 'results');
    const content = await spool.begin(batch.id, 'results');
    const into = { content, maxBytes: MAX_RESULTS };
    const more = { into, timeoutMs: TRANSFER_MS };
    let answer: NativeAnswer;
    try {
      answer = await this.#call(first, 'GET', path, signal, more);
    } finally {
      await content.close();
    }
    if (answer.status !== 200) return answer;
    const found = new Map<number, { offset: number; bytes: number }>();
    for await (const { bytes, offset } of linesOf(spool.medium, name, { maxLine: MAX_RESULT })) {
      const result = bytes && bytes.length > 0 ? style.result(parsed(bytes)) : undefined;
      if (result && bytes) found.set(result.line, { offset, bytes: bytes.length });
    }
    for await (const { line, number } of this.#lines(batch)) {
      const place = found.get(number);
      if (place === undefined || run.has(number)) continue;
      for await (const { bytes } of linesOf(spool.medium, name, {
        maxLine: MAX_RESULT,
        offset: place.offset,
      })) {
        const result = bytes && style.result(parsed(bytes));
        if (result) await this.#keep(batch, number, line, result, run);
        break;
      }
    }
    await spool.removePart(batch.id, 'results');
    return undefined;
  }

  async #keep(
    batch: BatchRecord,
    number: number,
    line: BatchLine,
    result: NonNullable<ReturnType<Style['result']>>,
    run: BatchRun,
  ): Promise<void> {
    const prepared = await this.#prepare(batch, number, line);
    const requestId = prepared.exchange.id;
    const { status, body } = settleLine(this.#parts, prepared, result, this.#money.take(batch.id, number));
    const { customId } = line;
    const of = { batch: batch.id, line: number, customId };
    if (status === 0) await run.keep({ ...of, error: UNSERVED }, false);
    else await run.keep({ ...of, response: { status, requestId, body } }, status < 300);
  }

  async #create(
    first: PreparedLine,
    path: string,
    body: NativeCall['body'],
    signal: AbortSignal,
  ): Promise<string> {
    const answer = await this.#call(first, 'POST', path, signal, {
      ...(body && { body }),
      timeoutMs: TRANSFER_MS,
    });
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429) {
      throw new NativeRefused(`the provider refuses it with status ${answer.status}: ${said(answer.body)}`);
    }
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`the provider answered ${path} with status ${answer.status}`);
    }
    const { id } = JSON.parse(answer.body) as { id?: unknown };
    if (typeof id === 'string' && /^[A-Za-z0-9._-]{1,200}$/.test(id)) return id;
    throw new NativeRefused(`the provider answered ${path} without an id`);
  }

  #call(
    { ready, planned }: PreparedLine,
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    more: Partial<NativeCall> = {},
  ): Promise<NativeAnswer> {
    const { upstream, way, secret } = ready;
    const { fixed } = upstream.headerPlan(planned.candidate.target, planned.plan.rule);
    // Host and encoding are those of the call.
    const headers = fixed.slice(4);
    for (const [name, value] of way.spoken.headers ?? []) headers.push(name, value);
    if (secret !== undefined) {
      const { header, prefix } = way.spoken.auth ?? upstream.type.auth;
      headers.push(header, prefix + secret);
    }
    return callNative({
      method,
      url: new URL(`${upstream.provider.url}${path}`),
      headers,
      caBundle: upstream.provider.caBundle,
      timeoutMs: CALL_MS,
      signal,
      ...more,
    });
  }

  #later({ id }: BatchRecord, answer: NativeAnswer | undefined): RunEnd {
    const polls = this.#polls.get(id) ?? 0;
    this.#polls.set(id, polls + 1);
    const wanted =
      answer?.retryAfter === undefined ? undefined : retryAfter(['retry-after', answer.retryAfter]);
    const wait = Math.min(LONGEST_POLL_MS, wanted ?? FIRST_POLL_MS * 1.5 ** Math.min(polls, 20));
    return { kind: 'Until', at: this.#parts.clock.monotonic() + wait };
  }
}

const MAX_RESULT = 16 * 1024 * 1024;
const UNSERVED = { code: 'batch_expired', message: 'The provider did not get to this request in time.' };

function parsed(bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function bodyOf(value: object): NonNullable<NativeCall['body']> {
  const bytes = Buffer.from(JSON.stringify(value));
  return { pieces: each([bytes]), length: bytes.length, type: 'application/json' };
}

async function* each(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield piece;
}

const BOUNDARY = 'outrider-9b1f4c0e7a52';

function formOf(medium: Medium, name: string, length: number): NonNullable<NativeCall['body']> {
  const head = Buffer.from(
    `--${BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="batch.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  const pieces = async function* (): AsyncGenerator<Buffer> {
    yield head;
    yield* piecesOf(medium, name, length);
    yield tail;
  };
  return {
    pieces: pieces(),
    length: head.length + length + tail.length,
    type: `multipart/form-data; boundary=${BOUNDARY}`,
  };
}

/** A provider's words go to the caller only. */
function said(body: string): string {
  const { error } = parsed(Buffer.from(body)) as { error?: { message?: unknown } };
  return typeof error?.message === 'string' ? error.message.slice(0, 500) : 'without saying why';
}
