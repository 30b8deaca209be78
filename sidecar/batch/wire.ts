/** Files and batches as OpenAI's API writes them, and results of lines. Times there are whole seconds. */
import type { BatchRecord, FileRecord } from './records.ts';

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1000));

export function fileObject({ id, filename, purpose, bytes, createdAt, expiresAt }: FileRecord): object {
  return {
    id,
    object: 'file',
    bytes,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
    filename,
    purpose,
    status: 'processed',
  };
}

export function batchObject(batch: BatchRecord, files: ReadonlyMap<string, FileRecord>): object {
  const { id, endpoint, inputFileId, completionWindow, state, at, errors, metadata } = batch;
  const file = (name: string): string | null => (files.has(name) ? name : null);
  return {
    id,
    object: 'batch',
    endpoint,
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    input_file_id: inputFileId,
    completion_window: completionWindow,
    status: state,
    output_file_id: file(batch.outputFileId),
    error_file_id: file(batch.errorFileId),
    created_at: seconds(batch.createdAt),
    in_progress_at: seconds(at.in_progress),
    expires_at: seconds(batch.expiresAt),
    finalizing_at: seconds(at.finalizing),
    completed_at: seconds(at.completed),
    failed_at: seconds(at.failed),
    expired_at: seconds(at.expired),
    cancelling_at: seconds(at.cancelling),
    cancelled_at: seconds(at.cancelled),
    request_counts: { total: batch.total, completed: batch.completed, failed: batch.failed },
    metadata,
  };
}

export const deletedObject = (id: string): object => ({ id, object: 'file', deleted: true });

/** The newest first; `after` is the last one that the caller has. */
export function page<T extends { id: string; createdAt: number }>(
  all: Iterable<T>,
  { after, limit, order = 'desc' }: { after?: string | undefined; limit: number; order?: 'asc' | 'desc' },
  show: (one: T) => object,
): object {
  const sign = order === 'asc' ? 1 : -1;
  const sorted = [...all].sort((a, b) => sign * (a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)));
  const from = after === undefined ? 0 : sorted.findIndex(({ id }) => id === after) + 1;
  const shown = sorted.slice(from, from + limit);
  return {
    object: 'list',
    data: shown.map(show),
    first_id: shown[0]?.id ?? null,
    last_id: shown.at(-1)?.id ?? null,
    has_more: from + limit < sorted.length,
  };
}

/** Begins every result, and tells after a restart whose it is. */
const resultId = (batch: string, line: number): string =>
  `batch_req_${batch.slice(-24)}_${line.toString(36)}`;
const RESULT = /^\{"id":"batch_req_[0-9a-f]{24}_([0-9a-z]+)"/;

/** Number of the line that a result is of; undefined: it is no result. */
export function lineOfResult(head: string): number | undefined {
  const found = RESULT.exec(head)?.[1];
  return found === undefined ? undefined : Number.parseInt(found, 36);
}

export interface LineResult {
  batch: string;
  line: number;
  customId: string;
  /** As it was answered; `body` is JSON. Absent: it was not. */
  response?: { status: number; requestId: string; body: Buffer } | undefined;
  error?: { code: string; message: string } | undefined;
}

export function renderResult({ batch, line, customId, response, error }: LineResult): Buffer {
  const head = `{"id":"${resultId(batch, line)}","custom_id":${JSON.stringify(customId)},"response":`;
  const tail = `,"error":${error ? JSON.stringify(error) : 'null'}}`;
  if (response === undefined) return Buffer.from(`${head}null${tail}`);
  const { status, requestId, body } = response;
  return Buffer.concat([
    Buffer.from(`${head}{"status_code":${status},"request_id":${JSON.stringify(requestId)},"body":`),
    onOneLine(body),
    Buffer.from(`}${tail}`),
  ]);
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

/** Inside its strings, JSON has no line ends: those between its parts may as well be spaces. */
function onOneLine(json: Buffer): Buffer {
  if (!json.includes(NEWLINE) && !json.includes(RETURN)) return json;
  const copy = Buffer.from(json);
  for (let i = 0; i < copy.length; i++) if (copy[i] === NEWLINE || copy[i] === RETURN) copy[i] = SPACE;
  return copy;
}
