/**
 * Cuts a server-sent event stream into whole events, on Buffers: an event that lies in one chunk is a view of it, nothing is
 * decoded. Every byte of the stream comes out again, in order, as part of exactly one event or piece.
 *
 *   splitter.push(chunk);
 *   while (splitter.next()) use(splitter.kind, splitter.event, splitter.data);
 *   ... at the end of the stream: splitter.end(), and the loop once more.
 *
 * A partial event is held up to `holdLimit` bytes. A longer one either comes out in pieces as it arrives (`Oversize: Forward`)
 * or ends the reading (`Oversize: Fail`), for readers that must see events whole.
 */
import { HeldBytes } from './framing/held-bytes.ts';

export const HOLD_LIMIT = 256 * 1024;
/** A longer event is no event of an API. */
export const EVENT_LIMIT = 4 * 1024 * 1024;

/**
 * Event: `event` is a whole event with its blank line. Piece: `event` is a part of an event that is too long to hold;
 * `pieceEnds` tells the last one. Tail: the stream ended inside an event; `event` is what came of it.
 * TooLong: an event passed the limit where pieces are not allowed; nothing more will come.
 */
export type SplitKind = 'Event' | 'Piece' | 'Tail' | 'TooLong';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const EMPTY = Buffer.alloc(0);
const NEWLINE = Buffer.from('\n');

export class SseSplitter {
  kind: SplitKind = 'Event';
  event: Buffer = EMPTY;
  /** Joined payload of the event's `data` lines; a view where there is one line. */
  data: Buffer = EMPTY;
  /** False: comments, other fields or blank lines only. */
  hasData = false;
  pieceEnds = false;
  /** Largest partial event kept back. May be lowered or raised between events. */
  holdLimit: number;
  oversize: 'Forward' | 'Fail';

  private chunk: Buffer = EMPTY;
  /** Where the next event starts in `chunk`. */
  private pos = 0;
  /** Earlier chunks of an event that has not ended. */
  private readonly held = new HeldBytes();
  private inPieces = false;
  /** The cursor is at the start of a line. */
  private lineStart = true;
  /** The last line ended with CRLF, so a CR at the end of a chunk is waiting for its LF. */
  private crlf = false;
  /** An LF that comes next belongs to the CR before it. */
  private afterCr = false;
  /** A CR that would end the event waits for the LF that may follow in the next chunk. */
  private pendingCr = false;
  /** Until the first event is out: a byte order mark may stand before it. */
  private first = true;
  private readonly lines = new Lines();
  /** Lines of the current event so far, and where the last one lies in the chunk. */
  private lineCount = 0;
  private lineFrom = 0;
  private lineTo = 0;
  private ended = false;
  private dead = false;

  constructor(holdLimit: number = EVENT_LIMIT, oversize: 'Forward' | 'Fail' = 'Fail') {
    this.holdLimit = holdLimit;
    this.oversize = oversize;
  }

  /** Bytes of an unfinished event that are kept back. */
  get heldSize(): number {
    return this.held.size;
  }

  /** Inside an event of which pieces have gone out: the stream cannot be ended cleanly here. */
  get midPiece(): boolean {
    return this.inPieces;
  }

  /** Takes the next chunk; `next` must have returned false before. */
  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.pos = 0;
    this.lines.open(chunk);
  }

  /** The stream is over: what is held comes out. */
  end(): void {
    this.ended = true;
    this.chunk = EMPTY;
    this.pos = 0;
  }

  /** Moves to the next event or piece; false when more input is needed. */
  next(): boolean {
    if (this.dead) return false;
    const chunk = this.chunk;
    const end = this.findEnd();
    if (end < 0) return this.hold();

    const from = this.pos;
    const oneLine = this.lineCount === 1 && this.held.size === 0;
    this.pos = end;
    this.lineCount = 0;
    this.lineStart = true;
    if (this.inPieces) {
      this.inPieces = false;
      this.first = false;
      return this.emitPiece(chunk.subarray(from, end), true);
    }
    if (this.held.size === 0) {
      this.event = from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end);
    } else {
      this.event = this.held.take(chunk.subarray(from, end));
    }
    this.kind = 'Event';
    this.readFields(oneLine);
    return true;
  }

  /** Keeps what is left of the chunk, or lets it out where it is too much. */
  private hold(): boolean {
    const rest = this.pos === 0 ? this.chunk : this.chunk.subarray(this.pos);
    this.chunk = EMPTY;
    this.pos = 0;
    this.lines.open(EMPTY);
    if (rest.length > 0 && this.inPieces) return this.emitPiece(rest, false);
    if (rest.length > 0) {
      this.held.add(rest);
      if (this.held.size > this.holdLimit) return this.tooMuch();
    }
    if (this.ended && this.held.size > 0) return this.flush();
    // Nothing of the last chunk is kept alive while the stream is idle.
    this.event = EMPTY;
    this.data = EMPTY;
    return false;
  }

  private tooMuch(): boolean {
    if (this.oversize === 'Forward') {
      this.inPieces = true;
      return this.emitPiece(this.held.take(EMPTY), false);
    }
    this.held.clear();
    this.dead = true;
    this.kind = 'TooLong';
    this.event = EMPTY;
    this.data = EMPTY;
    this.hasData = false;
    return true;
  }

  private flush(): boolean {
    this.event = this.held.take(EMPTY);
    // A blank line whose CR was still waiting for its LF is a blank line.
    this.kind = this.pendingCr || this.lineCount === 0 ? 'Event' : 'Tail';
    this.pendingCr = false;
    this.lineCount = 0;
    this.readFields(false);
    return true;
  }

  private emitPiece(bytes: Buffer, ends: boolean): boolean {
    this.kind = 'Piece';
    this.event = bytes;
    this.data = EMPTY;
    this.hasData = false;
    this.pieceEnds = ends;
    return true;
  }

  /** Position behind the blank line that ends the current event, or -1 when it is not in this chunk. */
  private findEnd(): number {
    const chunk = this.chunk;
    const length = chunk.length;
    let i = this.pos;
    if (i >= length) return -1;
    if (this.pendingCr) {
      this.pendingCr = false;
      this.crlf = chunk[i] === LF;
      return this.crlf ? i + 1 : i;
    }
    if (this.afterCr) {
      this.afterCr = false;
      this.crlf = chunk[i] === LF;
      if (this.crlf) i++;
    }
    while (i < length) {
      const c = chunk[i];
      if (c !== LF && c !== CR) {
        const end = this.lines.end(i);
        if (this.lineStart) {
          this.lineCount++;
          this.lineFrom = i;
        }
        this.lineStart = false;
        this.lineTo = end;
        i = end;
        continue;
      }
      const blank = this.lineStart;
      const crlfBefore = this.crlf;
      this.crlf = false;
      i++;
      if (c === CR) {
        if (i < length) {
          if (chunk[i] === LF) {
            i++;
            this.crlf = true;
          }
        } else if (blank && crlfBefore) {
          this.pendingCr = true;
          return -1;
        } else {
          this.afterCr = true;
        }
      }
      if (blank) return i;
      this.lineStart = true;
    }
    return -1;
  }

  private readFields(oneLine: boolean): void {
    const event = this.event;
    this.hasData = false;
    this.data = EMPTY;
    if (oneLine && !this.first) {
      const line = payload(this.chunk, this.lineFrom, this.lineTo);
      if (line) this.setData(line);
      return;
    }
    let at = this.first && event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf ? 3 : 0;
    this.first = false;
    let more: Buffer[] | undefined;
    this.lines.open(event);
    while (at < event.length) {
      const end = this.lines.end(at);
      const line = payload(event, at, end);
      if (line && !this.hasData) this.setData(line);
      else if (line) (more ??= [this.data]).push(NEWLINE, line);
      at = event[end] === CR && event[end + 1] === LF ? end + 2 : end + 1;
    }
    if (more) this.data = Buffer.concat(more);
    this.lines.open(this.chunk);
  }

  private setData(line: Buffer): void {
    this.data = line;
    this.hasData = true;
  }
}

/** What a `data` line carries; undefined for comments and other fields. */
function payload(buf: Buffer, from: number, end: number): Buffer | undefined {
  const isData =
    end - from >= 4 &&
    buf[from] === 0x64 &&
    buf[from + 1] === 0x61 &&
    buf[from + 2] === 0x74 &&
    buf[from + 3] === 0x61;
  if (!isData) return undefined;
  let value = from + 4;
  if (value < end) {
    if (buf[value] !== COLON) return undefined;
    value++;
    if (value < end && buf[value] === 0x20) value++;
  }
  return buf.subarray(value, end);
}

/** Finds line ends in one Buffer going forward; each byte is searched once for LF and once for CR. */
class Lines {
  private buf: Buffer = EMPTY;
  private lf = -1;
  private cr = -1;

  open(buf: Buffer): void {
    this.buf = buf;
    this.lf = -1;
    this.cr = -1;
  }

  /** Position of the first CR or LF at or behind `from`, or the end of the Buffer. */
  end(from: number): number {
    if (this.lf < from) this.lf = this.find(LF, from);
    if (this.cr < from) this.cr = this.find(CR, from);
    return this.lf < this.cr ? this.lf : this.cr;
  }

  private find(byte: number, from: number): number {
    const at = this.buf.indexOf(byte, from);
    return at < 0 ? this.buf.length : at;
  }
}
