/**
 * Reads request bodies under the size limit and the process-wide memory budget. Room is reserved before bytes are taken: by
 * content-length at once, without one in steps as bytes come.
 */
import type { IncomingMessage } from 'node:http';
import { OutriderError } from '../../errors/table.ts';
import { freeBytes } from '../limits/free-bytes.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import { type BodyOptions, CallerGone } from './body-options.ts';
import { decodeBody } from './content-encoding.ts';

/** Reserved at a time for bodies of unknown length. */
const STEP = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/** The whole body, decoded. Throws, or rejects with, OutriderError or CallerGone. */
export function readBody(req: IncomingMessage, options: BodyOptions): Promise<Buffer> {
  const { limit, hold } = options;
  const encoding = options.contentEncoding?.trim().toLowerCase();
  const declared = options.contentLength === undefined ? undefined : Number(options.contentLength);
  if (declared !== undefined) {
    if (declared > limit) throw new OutriderError('body_too_large', { limit });
    reserve(hold, declared);
    if (declared === 0) return Promise.resolve(EMPTY);
  }
  if (encoding === undefined || encoding === '' || encoding === 'identity') {
    options.accept?.();
    return new PlainBody(req, hold, limit, declared).read();
  }
  return decodeBody(req, encoding, options, (bytes) => reserve(hold, bytes));
}

/** Throws `memory_full` (503) when there is no room. */
export function reserve(hold: MemoryHold, bytes: number): void {
  if (!hold.grow(bytes)) throw hold.full();
}

const READER = Symbol('body reader');
type Reading = IncomingMessage & { [READER]?: PlainBody | undefined };

class PlainBody {
  private readonly req: Reading;
  private readonly hold: MemoryHold;
  private readonly limit: number;
  private readonly declared: number | undefined;
  private first: Buffer = EMPTY;
  /** Where chunks are gathered when there is more than one. */
  private whole: Buffer | undefined = undefined;
  private pieces: Buffer[] | undefined = undefined;
  private length = 0;
  private resolve!: (body: Buffer) => void;
  private reject!: (error: Error) => void;

  constructor(req: IncomingMessage, hold: MemoryHold, limit: number, declared: number | undefined) {
    this.req = req;
    this.hold = hold;
    this.limit = limit;
    this.declared = declared;
  }

  read(): Promise<Buffer> {
    const { req } = this;
    req[READER] = this;
    req.on('data', onData);
    req.on('end', onEnd);
    req.on('error', onGone);
    req.on('close', onGone);
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  data(chunk: Buffer): void {
    const before = this.length;
    this.length = before + chunk.length;
    if (this.declared !== undefined) {
      // node:http ends the message at its content-length, so this never overruns.
      if (before === 0) {
        if (chunk.length === this.declared) this.first = chunk;
        else this.whole = Buffer.allocUnsafeSlow(this.declared);
      }
      if (this.whole) {
        chunk.copy(this.whole, before);
        // Else a large body is in memory twice until young objects are collected, which its chunks hardly bring about.
        freeBytes(chunk);
      }
      return;
    }
    if (this.length > this.limit) {
      this.fail(new OutriderError('body_too_large', { limit: this.limit }));
      return;
    }
    // Twice the size: the pieces and the Buffer they are joined in live together for a moment.
    const needed = this.pieces ? 2 * this.length : this.length;
    if (needed > this.hold.size && !this.hold.grow(Math.max(STEP, needed - this.hold.size))) {
      this.fail(this.hold.full());
      return;
    }
    if (before === 0) this.first = chunk;
    else (this.pieces ??= [this.first]).push(chunk);
  }

  end(): void {
    this.detach();
    const body = this.whole ?? (this.pieces ? Buffer.concat(this.pieces, this.length) : this.first);
    this.pieces = undefined;
    if (this.declared === undefined) this.hold.resize(body.length);
    this.resolve(body);
  }

  fail(error: Error): void {
    this.detach();
    this.pieces = undefined;
    this.reject(error);
  }

  /** The listeners stay: taking them off costs more than their finding nothing to do. */
  private detach(): void {
    this.req[READER] = undefined;
  }
}

function onData(this: Reading, chunk: Buffer): void {
  this[READER]?.data(chunk);
}

function onEnd(this: Reading): void {
  this[READER]?.end();
}

function onGone(this: Reading): void {
  this[READER]?.fail(new CallerGone());
}
