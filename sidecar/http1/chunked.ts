/** The chunked transfer coding (RFC 9112 §7.1): where in what comes the body is, and where it ends. */
import { TOKEN } from './grammar.ts';
import { ProtocolError } from './protocol-error.ts';
import { areFields } from './response-head.ts';

/** Of a line with the size of a chunk and its extensions. */
const LINE_LIMIT = 4096;
/** Of all extensions of a body. */
const EXTENSIONS_LIMIT = 16 * 1024;
const TRAILER_LIMIT = 16 * 1024;
/** Digits of a number of bytes that is exact in a double. */
const MAX_DIGITS = 13;
const EXTENSION = `;${TOKEN}(?:=(?:${TOKEN}|"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"))?`;
const SIZE_LINE = new RegExp(`^([0-9a-fA-F]{1,${MAX_DIGITS}})(?:${EXTENSION})*\\r\\n$`);
/** Fields that have no place behind a body (RFC 9110 §6.5.1). */
const FRAMING = /^(?:content-length|transfer-encoding):/im;
const CR = 0x0d;
const LF = 0x0a;

/** Takes the bytes of the body, of what is being read, in order. */
export type Take = (from: number, to: number) => void;

type State = 'Size' | 'Data' | 'DataEnd' | 'Trailer' | 'Over';

export class ChunkedBody {
  #state: State = 'Size';
  /** Bytes of the chunk that are still to come; in DataEnd, of its line end. */
  #left = 0;
  /** What came of a line, or of the trailer, so far. */
  #text = '';
  #extensions = 0;

  get over(): boolean {
    return this.#state === 'Over';
  }

  begin(): void {
    this.#state = 'Size';
    this.#text = '';
    this.#extensions = 0;
  }

  /** Reads from `at`; returns where it stopped, which is before the end where the body is over. Throws ProtocolError. */
  read(bytes: Buffer, at: number, take: Take): number {
    const end = bytes.length;
    let next = at;
    while (next < end) {
      switch (this.#state) {
        case 'Size':
          next = this.#size(bytes, next);
          break;
        case 'Data': {
          const to = Math.min(end, next + this.#left);
          take(next, to);
          this.#left -= to - next;
          next = to;
          if (this.#left === 0) {
            this.#state = 'DataEnd';
            this.#left = 2;
          }
          break;
        }
        case 'DataEnd':
          if (bytes[next] !== (this.#left === 2 ? CR : LF)) {
            throw new ProtocolError('HPE_STRICT', 'a chunk is longer than its size');
          }
          next++;
          if (--this.#left === 0) this.#state = 'Size';
          break;
        case 'Trailer':
          next = this.#trailer(bytes, next);
          break;
        default:
          return next;
      }
    }
    return next;
  }

  #size(bytes: Buffer, at: number): number {
    // Mostly the line is here as a whole, and is nothing but digits.
    let size = 0;
    let next = at;
    let digit = this.#text === '' ? hexDigit(bytes[next]) : -1;
    while (digit >= 0 && next - at < MAX_DIGITS) {
      size = size * 16 + digit;
      digit = hexDigit(bytes[++next]);
    }
    if (next > at && bytes[next] === CR && bytes[next + 1] === LF) {
      this.#sized(size);
      return next + 2;
    }
    const line = this.#lines(bytes, at, LINE_LIMIT);
    if (line === undefined) throw tooMuch();
    if (this.#text.endsWith('\n')) {
      const digits = SIZE_LINE.exec(this.#text)?.[1];
      if (digits === undefined) {
        throw new ProtocolError('HPE_INVALID_CHUNK_SIZE', 'the size of a chunk is not a number');
      }
      this.#extensions += this.#text.length - digits.length - 2;
      if (this.#extensions > EXTENSIONS_LIMIT) throw tooMuch();
      this.#text = '';
      this.#sized(Number.parseInt(digits, 16));
    }
    return line;
  }

  #sized(size: number): void {
    this.#left = size;
    this.#state = size === 0 ? 'Trailer' : 'Data';
  }

  /** Fields after the body are read over: nobody waits for them. */
  #trailer(bytes: Buffer, at: number): number {
    const next = this.#lines(bytes, at, TRAILER_LIMIT);
    if (next === undefined) throw new ProtocolError('HPE_HEADER_OVERFLOW', 'the trailer is too long');
    if (this.#text === '\r\n') {
      this.#state = 'Over';
    } else if (this.#text.endsWith('\r\n\r\n')) {
      if (!areFields(this.#text.slice(0, -2))) {
        throw new ProtocolError('HPE_INVALID_HEADER_TOKEN', 'a field of the trailer is malformed');
      }
      if (FRAMING.test(this.#text)) {
        throw new ProtocolError('HPE_INVALID_CONTENT_LENGTH', 'the trailer tells how long the body was');
      }
      this.#state = 'Over';
    }
    return next;
  }

  /** Adds what is there of one line to `#text`; undefined: that makes it longer than `limit`. */
  #lines(bytes: Buffer, at: number, limit: number): number | undefined {
    const lf = bytes.indexOf(LF, at);
    const next = lf < 0 ? bytes.length : lf + 1;
    if (this.#text.length + next - at > limit) return undefined;
    this.#text += bytes.toString('latin1', at, next);
    return next;
  }
}

const tooMuch = (): ProtocolError =>
  new ProtocolError('HPE_CHUNK_EXTENSIONS_OVERFLOW', 'too much is said beside the chunks');

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
