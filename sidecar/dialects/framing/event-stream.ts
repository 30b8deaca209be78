/**
 * Cuts the binary event stream of AWS (`application/vnd.amazon.eventstream`) into messages, with the surface of `SseSplitter`.
 *
 *   total length (4) · headers length (4) · CRC-32 of these (4) · headers · payload · CRC-32 of everything before (4)
 *
 * All numbers are big-endian. A message lies in `event` whole and its payload in `data`; both are views where they can be. What
 * does not add up ends the reading: nothing behind a damaged message can be told from noise.
 */
import { crc32 } from 'node:zlib';
import type { SplitKind } from '../sse.ts';
import { HeldBytes } from './held-bytes.ts';

const PRELUDE = 12;
const TRAILER = 4;
/** What AWS sends at most is 16 MiB with 128 KiB of headers; a model's events are far smaller. */
const MESSAGE_LIMIT = 4 * 1024 * 1024;
const HEADERS_LIMIT = 128 * 1024;
const EMPTY = Buffer.alloc(0);

export class EventStreamSplitter {
  /** As of `SseSplitter`; `TooLong` also stands for a message that is damaged: see `damage`. */
  kind: SplitKind = 'Event';
  event: Buffer = EMPTY;
  data: Buffer = EMPTY;
  hasData = false;
  readonly pieceEnds = false;
  /** Messages come out whole or not at all, so this is never true. */
  readonly midPiece = false;
  /** Largest part of a message kept back. May be lowered or raised between messages. */
  holdLimit: number;
  readonly oversize = 'Fail';
  /** Why the reading ended; undefined: it has not. */
  damage: string | undefined = undefined;

  private chunk: Buffer = EMPTY;
  private pos = 0;
  private readonly held = new HeldBytes();
  /** Length of the message that is held in part; 0: its prelude is not complete. */
  private wanted = 0;
  private ended = false;

  constructor(holdLimit: number = MESSAGE_LIMIT) {
    this.holdLimit = holdLimit;
  }

  get heldSize(): number {
    return this.held.size;
  }

  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.pos = 0;
  }

  end(): void {
    this.ended = true;
    this.chunk = EMPTY;
    this.pos = 0;
  }

  next(): boolean {
    if (this.damage !== undefined) return false;
    if (this.wanted === 0) {
      const prelude = this.peek(PRELUDE);
      if (prelude === undefined) return this.hold();
      const reason = this.readPrelude(prelude);
      if (reason !== undefined) return this.fail(reason);
    }
    const message = this.take(this.wanted);
    if (message === undefined) return this.hold();
    this.wanted = 0;
    if (
      message.readUInt32BE(message.length - TRAILER) !== crc32(message.subarray(0, message.length - TRAILER))
    ) {
      return this.fail('the checksum of a message is wrong');
    }
    this.kind = 'Event';
    this.event = message;
    this.data = message.subarray(PRELUDE + message.readUInt32BE(4), message.length - TRAILER);
    this.hasData = true;
    return true;
  }

  private readPrelude(prelude: Buffer): string | undefined {
    if (prelude.readUInt32BE(8) !== crc32(prelude.subarray(0, 8)))
      return 'the checksum of a prelude is wrong';
    const total = prelude.readUInt32BE(0);
    const headers = prelude.readUInt32BE(4);
    if (headers > HEADERS_LIMIT || PRELUDE + headers + TRAILER > total)
      return 'the lengths of a message are wrong';
    if (total > MESSAGE_LIMIT) return 'a message is too long';
    this.wanted = total;
    return undefined;
  }

  /** The next bytes, not taken; undefined: they are not all here. */
  private peek(length: number): Buffer | undefined {
    if (this.held.size + this.chunk.length - this.pos < length) return undefined;
    if (this.held.size > 0) {
      // Rare: a prelude that was split. What is here becomes one chunk.
      this.chunk = this.held.take(this.chunk.subarray(this.pos));
      this.pos = 0;
    }
    return this.chunk.subarray(this.pos, this.pos + length);
  }

  private take(length: number): Buffer | undefined {
    const here = this.chunk.length - this.pos;
    if (this.held.size + here < length) return undefined;
    const from = this.pos;
    this.pos += length - this.held.size;
    const rest = this.chunk.subarray(from, this.pos);
    return this.held.size === 0 ? rest : this.held.take(rest);
  }

  private hold(): boolean {
    const rest = this.chunk.subarray(this.pos);
    this.chunk = EMPTY;
    this.pos = 0;
    if (rest.length > 0) {
      this.held.add(rest);
      if (this.held.size > this.holdLimit) return this.fail('a message is too long to hold');
    }
    this.event = EMPTY;
    this.data = EMPTY;
    if (!this.ended || this.held.size === 0) return false;
    this.kind = 'Tail';
    this.event = this.held.take(EMPTY);
    this.hasData = false;
    return true;
  }

  private fail(damage: string): boolean {
    this.damage = damage;
    this.kind = 'TooLong';
    this.event = EMPTY;
    this.data = EMPTY;
    this.hasData = false;
    this.chunk = EMPTY;
    this.pos = 0;
    this.held.clear();
    return true;
  }
}
