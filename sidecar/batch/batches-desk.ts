/** `/v1/batches`: handed in, looked at and cancelled. */
import { OutriderError } from '../../errors/table.ts';
import { answerJson } from '../server/answer.ts';
import { readBody } from '../server/body.ts';
import { requireJson } from '../server/gate.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { RequestHead } from '../server/request-head.ts';
import { BATCH_ENDPOINTS } from './batch-line.ts';
import { invalid, json, KEPT_MS, keptFor, limitOf } from './files-desk.ts';
import { newId } from './ids.ts';
import { type BatchRecord, isOver } from './records.ts';
import type { Spool } from './spool.ts';
import { batchObject, page } from './wire.ts';
import type { BatchWorker } from './worker.ts';

export interface BatchesDeskParts {
  spool: Spool;
  worker: BatchWorker;
  wall: () => number;
}

const MAX_REQUEST = 64 * 1024;
const MAX_METADATA = 16;
const HOUR_MS = 3_600_000;
const MEMBERS = new Set([
  'input_file_id',
  'endpoint',
  'completion_window',
  'metadata',
  'output_expires_after',
]);

export class BatchesDesk {
  readonly #parts: BatchesDeskParts;

  constructor(parts: BatchesDeskParts) {
    this.#parts = parts;
  }

  async create(exchange: HttpExchange, head: RequestHead, accept: (() => void) | undefined): Promise<void> {
    requireJson(head.contentType);
    const { spool, worker, wall } = this.#parts;
    const body = await readBody(exchange.req, {
      limit: MAX_REQUEST,
      hold: exchange.hold,
      contentLength: head.contentLength,
      contentEncoding: head.contentEncoding,
      accept,
    });
    const asked = objectOf(body);
    const stray = Object.keys(asked).find((name) => !MEMBERS.has(name));
    if (stray !== undefined) throw invalid(stray, 'there', 'left out: it is no member of a batch');
    const { input_file_id: input, endpoint, completion_window: window } = asked;
    if (typeof input !== 'string') throw invalid('input_file_id', shown(input), 'the id of a file');
    const file = spool.files.get(input);
    if (file === undefined)
      throw new OutriderError('later_not_found', { kind: 'file', id: input.slice(0, 100) });
    if (file.purpose !== 'batch') throw invalid('input_file_id', input, 'a file of purpose "batch"');
    if (!BATCH_ENDPOINTS.some((one) => one === endpoint)) {
      throw invalid('endpoint', shown(endpoint), `one of ${BATCH_ENDPOINTS.join(', ')}`);
    }
    const windowMs = windowOf(window);
    const metadata = metadataOf(asked.metadata);
    const keptMs = outputKept(asked.output_expires_after);
    spool.room('Batch');
    const createdAt = wall();
    const batch: BatchRecord = {
      id: newId('Batch'),
      endpoint: endpoint as string,
      inputFileId: input,
      completionWindow: window as string,
      state: 'validating',
      at: {},
      createdAt,
      expiresAt: createdAt + windowMs,
      metadata,
      outputFileId: newId('File'),
      errorFileId: newId('File'),
      keptMs,
      errors: [],
      total: 0,
      completed: 0,
      failed: 0,
      maxConcurrent: 1,
    };
    await spool.save('Batch', batch);
    this.#answer(exchange, batch);
    worker.wake();
  }

  show(exchange: HttpExchange, id: string): void {
    this.#answer(exchange, this.#get(id));
  }

  list(exchange: HttpExchange): void {
    const { spool } = this.#parts;
    const query = new URLSearchParams(exchange.query);
    const after = query.get('after') ?? undefined;
    const shownBatch = (batch: BatchRecord): object => batchObject(batch, spool.files);
    answerJson(
      exchange,
      json(page(spool.batches.values(), { after, limit: limitOf(query, 100) }, shownBatch)),
    );
  }

  async cancel(exchange: HttpExchange, id: string): Promise<void> {
    const batch = this.#get(id);
    if (isOver(batch) || batch.state === 'finalizing') {
      throw new OutriderError('batch_over', { id, state: batch.state });
    }
    if (batch.state !== 'cancelling') await this.#parts.worker.cancel(batch);
    this.#answer(exchange, batch);
  }

  #get(id: string): BatchRecord {
    const batch = this.#parts.spool.batches.get(id);
    if (!batch) throw new OutriderError('later_not_found', { kind: 'batch', id });
    return batch;
  }

  #answer(exchange: HttpExchange, batch: BatchRecord): void {
    answerJson(exchange, json(batchObject(batch, this.#parts.spool.files)));
  }
}

function objectOf(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new OutriderError('invalid_json', { reason: 'it cannot be parsed' });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new OutriderError('invalid_json', { reason: 'it is no object' });
}

/** The rule may say otherwise; see `expiresAfter`. */
function windowOf(window: unknown): number {
  const found = typeof window === 'string' ? /^([1-9][0-9]{0,2})(h|d)$/.exec(window) : null;
  const hours = Number(found?.[1]) * (found?.[2] === 'd' ? 24 : 1);
  if (!found || hours > 720) throw invalid('completion_window', shown(window), '"24h"');
  return hours * HOUR_MS;
}

function metadataOf(metadata: unknown): Record<string, string> | null {
  if (metadata === undefined || metadata === null) return null;
  const expected = `an object of at most ${MAX_METADATA} texts, names of at most 64 and values of at most 512 characters`;
  if (typeof metadata !== 'object' || Array.isArray(metadata))
    throw invalid('metadata', shown(metadata), expected);
  const entries = Object.entries(metadata as Record<string, unknown>);
  const good =
    entries.length <= MAX_METADATA &&
    entries.every(([name, value]) => name.length <= 64 && typeof value === 'string' && value.length <= 512);
  if (!good) throw invalid('metadata', shown(metadata), expected);
  return metadata as Record<string, string>;
}

function outputKept(value: unknown): number {
  if (value === undefined || value === null) return KEPT_MS;
  const { anchor, seconds } = value as { anchor?: unknown; seconds?: unknown };
  if (anchor !== 'created_at') throw invalid('output_expires_after.anchor', shown(anchor), '"created_at"');
  return keptFor(seconds, 'output_expires_after.seconds');
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing';
