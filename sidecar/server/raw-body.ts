/**
 * Looks into the body of a path that is passed through, only to learn which model it asks for. JSON is read whole, so that
 * it can be sent again; of a multipart form the beginning is read, and the rest streams on.
 */
import type { IncomingMessage } from 'node:http';
import { MemberReaders, scanBody } from '../dialects/scan/body-scan.ts';
import { readName } from '../dialects/scan/read-value.ts';
import type { Exchange } from '../exchange.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import { readBody, reserve } from './body.ts';
import { CallerGone } from './body-options.ts';
import { multipartField } from './multipart.ts';
import type { RequestHead } from './request-head.ts';

/** How far into a form the model is looked for. */
const PEEK_BYTES = 64 * 1024;

const MODEL_READERS = new MemberReaders([
  [
    'model',
    (scanner, envelope) =>
      scanner.atString() ? void (envelope.model = readName(scanner, 'model')) : scanner.value(),
  ],
]);

export interface RawBody {
  model: string | undefined;
  /** Undefined: nothing was read. */
  head: Exchange['head'];
}

export interface RawBodyOptions {
  limit: number;
  hold: MemoryHold;
  accept: (() => void) | undefined;
}

/** Throws OutriderError or CallerGone. */
export async function lookIntoBody(
  req: IncomingMessage,
  head: RequestHead,
  options: RawBodyOptions,
): Promise<RawBody> {
  const type = head.contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const plain = head.contentEncoding === undefined || head.contentEncoding.toLowerCase() === 'identity';
  if (!plain || !hasBody(head)) {
    options.accept?.();
    return { model: undefined, head: undefined };
  }
  if (type === 'application/json') {
    const body = await readBody(req, {
      ...options,
      contentLength: head.contentLength,
      contentEncoding: undefined,
    });
    const complete = { chunks: body.length === 0 ? [] : [body], length: body.length, complete: true };
    return { model: body.length === 0 ? undefined : scanBody(body, MODEL_READERS).model, head: complete };
  }
  options.accept?.();
  if (type === 'multipart/form-data') {
    const peeked = await peek(req, options.hold);
    const boundary = /boundary="?([^";]+)"?/i.exec(head.contentType ?? '')?.[1];
    const bytes = Buffer.concat(peeked.chunks, peeked.length);
    return { model: boundary && multipartField(bytes, boundary, 'model'), head: peeked };
  }
  return { model: undefined, head: undefined };
}

function hasBody(head: RequestHead): boolean {
  return head.transferEncoding !== undefined || Number(head.contentLength ?? 0) > 0;
}

/** Reads until enough was seen or the body ends, and leaves the request paused. */
function peek(req: IncomingMessage, hold: MemoryHold): Promise<NonNullable<Exchange['head']>> {
  return new Promise((resolve, reject) => {
    const read = { chunks: [] as Buffer[], length: 0, complete: false };
    const done = (error?: Error) => {
      req.off('data', onData);
      req.off('end', onEnd);
      req.off('close', onGone);
      req.off('error', onGone);
      if (error) reject(error);
      else resolve(read);
    };
    const onData = (chunk: Buffer) => {
      try {
        reserve(hold, chunk.length);
      } catch (error) {
        done(error as Error);
        return;
      }
      read.chunks.push(chunk);
      read.length += chunk.length;
      if (read.length < PEEK_BYTES) return;
      req.pause();
      done();
    };
    const onEnd = () => {
      read.complete = true;
      done();
    };
    const onGone = () => done(new CallerGone());
    req.on('data', onData);
    req.on('end', onEnd);
    req.on('close', onGone);
    req.on('error', onGone);
  });
}
