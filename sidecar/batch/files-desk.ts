/** `/v1/files` of batches: handed in, looked at, read and removed. */
import { Readable } from 'node:stream';
import { OutriderError } from '../../errors/table.ts';
import { answerJson } from '../server/answer.ts';
import { CallerGone } from '../server/body-options.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { RequestHead } from '../server/request-head.ts';
import { outriderHeaders } from '../server/response-headers.ts';
import { boundaryOf, readForm } from './form.ts';
import { newId } from './ids.ts';
import { piecesOf } from './media/medium.ts';
import type { FileRecord } from './records.ts';
import type { Spool } from './spool.ts';
import { deletedObject, fileObject, page } from './wire.ts';

const DAY_MS = 24 * 3_600_000;
export const KEPT_MS = 30 * DAY_MS;
const MIN_KEPT_S = 3600;

export interface FilesDeskParts {
  spool: Spool;
  wall: () => number;
  /** Largest input, in bytes. */
  maxBytes: () => number;
}

export class FilesDesk {
  readonly #parts: FilesDeskParts;

  constructor(parts: FilesDeskParts) {
    this.#parts = parts;
  }

  async create(exchange: HttpExchange, head: RequestHead, accept: (() => void) | undefined): Promise<void> {
    const { spool, wall, maxBytes } = this.#parts;
    const boundary = boundaryOf(head.contentType);
    if (boundary === undefined) {
      throw invalid('content-type', head.contentType ?? 'missing', 'multipart/form-data with a boundary');
    }
    const limit = maxBytes();
    if (Number(head.contentLength ?? 0) > limit + FORM_BYTES)
      throw new OutriderError('body_too_large', { limit });
    spool.room('File');
    const id = newId('File');
    const content = await spool.begin(id);
    let kept = false;
    try {
      accept?.();
      const form = await readForm(bodyOf(exchange), boundary, async (piece) => {
        if (content.length + piece.length > limit) throw new OutriderError('body_too_large', { limit });
        await content.append(piece);
      });
      const purpose = form.fields.get('purpose');
      if (purpose !== 'batch') throw invalid('purpose', JSON.stringify(purpose) ?? 'missing', '"batch"');
      if (form.filename === undefined)
        throw new OutriderError('missing_member', { member: 'file', expected: 'the lines' });
      const keptMs = keptOf(form.fields);
      await content.sync();
      const createdAt = wall();
      const record: FileRecord = {
        id,
        filename: form.filename,
        purpose,
        bytes: content.length,
        createdAt,
        expiresAt: createdAt + keptMs,
      };
      await spool.save('File', record);
      kept = true;
      answerJson(exchange, json(fileObject(record)));
    } finally {
      await content.close();
      if (!kept) {
        spool.grow(-content.length);
        await spool.discard(id);
      }
    }
  }

  get(id: string): FileRecord {
    const file = this.#parts.spool.files.get(id);
    if (!file) throw new OutriderError('later_not_found', { kind: 'file', id });
    return file;
  }

  show(exchange: HttpExchange, id: string): void {
    answerJson(exchange, json(fileObject(this.get(id))));
  }

  list(exchange: HttpExchange): void {
    const query = new URLSearchParams(exchange.query);
    const purpose = query.get('purpose');
    const files = [...this.#parts.spool.files.values()].filter(
      (file) => purpose === null || file.purpose === purpose,
    );
    const order = query.get('order') === 'asc' ? 'asc' : 'desc';
    const after = query.get('after') ?? undefined;
    answerJson(exchange, json(page(files, { after, limit: limitOf(query, 1000), order }, fileObject)));
  }

  async remove(exchange: HttpExchange, id: string): Promise<void> {
    const { spool } = this.#parts;
    this.get(id);
    if (spool.inUse(id)) throw new OutriderError('file_in_use', { id });
    await spool.remove('File', id);
    answerJson(exchange, json(deletedObject(id)));
  }

  content(exchange: HttpExchange, id: string): Promise<void> {
    const { bytes } = this.get(id);
    const { spool } = this.#parts;
    return sendContent(
      exchange,
      piecesOf(spool.medium, spool.name(id), bytes),
      bytes,
      'application/octet-stream',
    );
  }
}

/** Streams a content. Sets the outcome of the exchange. */
function sendContent(
  exchange: HttpExchange,
  pieces: AsyncIterable<Buffer>,
  bytes: number,
  contentType: string,
  status = 200,
): Promise<void> {
  const { res } = exchange;
  const headers = outriderHeaders(exchange);
  headers.push('content-type', contentType, 'content-length', String(bytes));
  return new Promise((resolve, reject) => {
    const source = Readable.from(pieces, { objectMode: false });
    const over = (whole: boolean): void => {
      source.destroy();
      exchange.outcome ??= {
        status: whole ? status : 499,
        endedAt: performance.now(),
        errorCode: undefined,
        broken: false,
        cancelled: !whole,
        streamed: false,
        responseBytes: bytes,
      };
      resolve();
    };
    source.on('error', reject);
    source.once('readable', () => {
      res.writeHead(status, headers);
      source.pipe(res);
    });
    res.on('finish', () => over(true));
    res.on('close', () => over(res.writableFinished));
  });
}

export const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

export const invalid = (member: string, value: string, expected: string): OutriderError =>
  new OutriderError('invalid_member', { member, value: value.slice(0, 100), expected });

export function limitOf(query: URLSearchParams, most: number): number {
  const limit = Number(query.get('limit') ?? Math.min(20, most));
  return Number.isInteger(limit) && limit >= 1 ? Math.min(limit, most) : Math.min(20, most);
}

/** For what is in a form beside the file. */
const FORM_BYTES = 64 * 1024;

function keptOf(fields: ReadonlyMap<string, string>): number {
  const seconds = fields.get('expires_after[seconds]');
  return seconds === undefined ? KEPT_MS : keptFor(Number(seconds), 'expires_after.seconds');
}

export function keptFor(seconds: unknown, name: string): number {
  const most = KEPT_MS / 1000;
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < MIN_KEPT_S || seconds > most) {
    throw invalid(name, JSON.stringify(seconds) ?? 'missing', `a whole number from ${MIN_KEPT_S} to ${most}`);
  }
  return seconds * 1000;
}

/** Leaving counts as leaving. */
async function* bodyOf({ req }: HttpExchange): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) yield chunk;
  } catch {
    throw new CallerGone();
  }
}
