/**
 * A validating JSON cursor over a Buffer: walks a document once, copies nothing, and stops where the caller wants to look.
 *
 * It accepts exactly what JSON.parse accepts, except that bytes must be well-formed UTF-8 and containers may nest 128 deep.
 * Callers drive it: `enterObject`/`nextMember`, `enterArray`/`nextElement`, `string`, or `value` to step over anything.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { OutriderError } from '../../../errors/table.ts';

export const MAX_DEPTH = 128;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** 1: ends a run of plain string bytes (quote, backslash, control). */
const STOPS = new Uint8Array(256);
STOPS.fill(1, 0, 0x20);
STOPS[QUOTE] = 1;
STOPS[BACKSLASH] = 1;

/** 1: may follow a backslash as it is; 2: `u`, which takes four hex digits. */
const ESCAPES = new Uint8Array(256);
for (const c of '"\\/bfnrt') ESCAPES[c.charCodeAt(0)] = 1;
ESCAPES[0x75] = 2;

const HEX = new Uint8Array(256);
for (const c of '0123456789abcdefABCDEF') HEX[c.charCodeAt(0)] = 1;

/** For `keyMayBe`. */
export function lengthsOf(names: readonly Uint8Array[]): number {
  return names.reduce((mask, name) => mask | (1 << name.length), 0);
}

const EMPTY = Buffer.alloc(0);
const NO_WORDS = new Int32Array(0);
/** Below this a word view costs more than it saves. */
const WORDS_FROM = 512;

export class JsonScanner {
  buf: Buffer = EMPTY;
  pos = 0;
  /** End of the last value read, before the white space behind it. */
  lastEnd = 0;
  /** Whole input is known to be ASCII: counting other bytes can be skipped. */
  ascii = true;
  /** Inside the quotes of the last string read. */
  stringStart = 0;
  stringEnd = 0;
  /** Bytes of escape sequences in the last string, as written. */
  escaped = 0;
  /** The same three for the last key. */
  keyStart = 0;
  keyEnd = 0;
  keyEscaped = false;

  private end = 0;
  private depth = 0;
  private words: Int32Array = NO_WORDS;
  /** Distance from the word view's first byte to the Buffer's first byte. */
  private shift = 0;

  /** Starts on a document. `checkUtf8` is for input whose encoding nobody has checked yet. */
  open(buf: Buffer, checkUtf8 = true): void {
    this.buf = buf;
    this.pos = 0;
    this.end = buf.length;
    this.depth = 0;
    this.ascii = checkUtf8 && isAscii(buf);
    if (checkUtf8 && !this.ascii && !isUtf8(buf)) {
      throw new OutriderError('invalid_json', { reason: 'it is not well-formed UTF-8' });
    }
    if (buf.length >= WORDS_FROM) {
      this.shift = buf.byteOffset & 3;
      this.words = new Int32Array(buf.buffer, buf.byteOffset - this.shift, (buf.length + this.shift) >>> 2);
    } else {
      this.words = NO_WORDS;
    }
    this.space();
  }

  /** Checks that nothing follows the document, and lets go of the Buffer. */
  close(): void {
    if (this.pos < this.end) this.fail('the end of the text');
    this.release();
  }

  release(): void {
    this.buf = EMPTY;
    this.words = NO_WORDS;
  }

  /** First byte of the value at the cursor; 0 at the end of the text. */
  peek(): number {
    return this.pos < this.end ? (this.buf[this.pos] as number) : 0;
  }

  atObject(): boolean {
    return this.peek() === OPEN_BRACE;
  }

  atArray(): boolean {
    return this.peek() === OPEN_BRACKET;
  }

  atString(): boolean {
    return this.peek() === QUOTE;
  }

  atNull(): boolean {
    return this.peek() === 0x6e;
  }

  /** Cursor on `{`. True: the cursor is on the value of the first member, whose key is `keyStart`..`keyEnd`. */
  enterObject(): boolean {
    this.deeper();
    this.pos++;
    this.space();
    if (this.peek() === CLOSE_BRACE) {
      this.leave();
      return false;
    }
    this.key();
    return true;
  }

  /** After a member's value. True: on the value of the next member. */
  nextMember(): boolean {
    const c = this.peek();
    if (c === COMMA) {
      this.pos++;
      this.space();
      this.key();
      return true;
    }
    if (c !== CLOSE_BRACE) this.fail("',' or '}'");
    this.leave();
    return false;
  }

  /** Cursor on `[`. True: the cursor is on the first element. */
  enterArray(): boolean {
    this.deeper();
    this.pos++;
    this.space();
    if (this.peek() === CLOSE_BRACKET) {
      this.leave();
      return false;
    }
    return true;
  }

  /** After an element. True: on the next one. */
  nextElement(): boolean {
    const c = this.peek();
    if (c === COMMA) {
      this.pos++;
      this.space();
      return true;
    }
    if (c !== CLOSE_BRACKET) this.fail("',' or ']'");
    this.leave();
    return false;
  }

  /** Steps over any value, and over the white space behind it. */
  value(): void {
    switch (this.peek()) {
      case QUOTE:
        this.string();
        return;
      case OPEN_BRACE:
        for (let more = this.enterObject(); more; more = this.nextMember()) this.value();
        return;
      case OPEN_BRACKET:
        for (let more = this.enterArray(); more; more = this.nextElement()) this.value();
        return;
      case 0x74:
        this.literal('true');
        return;
      case 0x66:
        this.literal('false');
        return;
      case 0x6e:
        this.literal('null');
        return;
      default:
        this.number();
    }
  }

  /** Cursor on a quote: reads the string, and the white space behind it. */
  string(): void {
    this.stringStart = this.pos + 1;
    this.stringEnd = this.quoted();
    this.space();
  }

  /** Whether the last key may be one of names with these lengths (bit n: a name of n bytes). Tells most others apart. */
  keyMayBe(lengths: number): boolean {
    const length = this.keyEnd - this.keyStart;
    return this.keyEscaped || (length < 32 && ((lengths >>> length) & 1) === 1);
  }

  /** Whether the last key is `name`. */
  keyIs(name: Uint8Array): boolean {
    if (this.keyEscaped) return this.decodedKey() === Buffer.from(name).toString();
    const start = this.keyStart;
    const length = name.length;
    if (this.keyEnd - start !== length) return false;
    const buf = this.buf;
    for (let i = 0; i < length; i++) if (buf[start + i] !== name[i]) return false;
    return true;
  }

  /** The last key, decoded. */
  keyText(): string {
    return this.keyEscaped ? this.decodedKey() : this.buf.toString('utf8', this.keyStart, this.keyEnd);
  }

  /** The last string, decoded. */
  stringText(): string {
    return this.escaped > 0
      ? (JSON.parse(this.buf.toString('utf8', this.stringStart - 1, this.stringEnd + 1)) as string)
      : this.buf.toString('utf8', this.stringStart, this.stringEnd);
  }

  /** Whether the last string is `word`, which has nothing to escape. */
  stringIs(word: Uint8Array): boolean {
    if (this.escaped > 0) return this.stringText() === Buffer.from(word).toString();
    const start = this.stringStart;
    const length = word.length;
    if (this.stringEnd - start !== length) return false;
    const buf = this.buf;
    for (let i = 0; i < length; i++) if (buf[start + i] !== word[i]) return false;
    return true;
  }

  /** Bytes of the last string that are not ASCII. */
  countNonAscii(): number {
    if (this.ascii) return 0;
    const { buf, words, shift, stringEnd: end } = this;
    let i = this.stringStart;
    let n = 0;
    if (words.length > 0 && end - i > 16) {
      while (((i + shift) & 3) !== 0) n += (buf[i++] as number) >>> 7;
      const last = (end + shift) >>> 2;
      for (let w = (i + shift) >>> 2; w < last; w++) {
        // The high bit of each byte, moved down and summed up in the highest byte.
        n += Math.imul(((words[w] as number) >>> 7) & 0x01010101, 0x01010101) >>> 24;
      }
      i = (last << 2) - shift;
    }
    while (i < end) n += (buf[i++] as number) >>> 7;
    return n;
  }

  fail(expected: string): never {
    const at = this.pos;
    const reason =
      at >= this.end ? `it ends at byte ${at}, where ${expected} is due` : `byte ${at} is not ${expected}`;
    this.release();
    throw new OutriderError('invalid_json', { reason });
  }

  private decodedKey(): string {
    return JSON.parse(this.buf.toString('utf8', this.keyStart - 1, this.keyEnd + 1)) as string;
  }

  private key(): void {
    if (this.peek() !== QUOTE) this.fail('a name in quotes');
    this.keyStart = this.pos + 1;
    this.keyEnd = this.quoted();
    this.keyEscaped = this.escaped > 0;
    this.space();
    if (this.peek() !== COLON) this.fail("':'");
    this.pos++;
    this.space();
  }

  /** Reads from the opening quote through the closing one; returns where the closing one is. */
  private quoted(): number {
    const buf = this.buf;
    const end = this.end;
    let i = this.pos + 1;
    this.escaped = 0;
    for (;;) {
      // Most strings are short: a word at a time pays off only after some bytes.
      const short = i + 16 < end ? i + 16 : end;
      while (i < short && STOPS[buf[i] as number] === 0) i++;
      if (i === short && i < end) {
        i = this.plainRun(i);
      }
      if (i >= end) {
        this.pos = i;
        this.fail('the rest of a string');
      }
      const c = buf[i] as number;
      if (c === QUOTE) {
        this.pos = i + 1;
        return i;
      }
      if (c !== BACKSLASH) {
        this.pos = i;
        this.fail('allowed in a string (control characters are written as escapes)');
      }
      const kind = i + 1 < end ? (ESCAPES[buf[i + 1] as number] as number) : 0;
      if (kind === 1) {
        i += 2;
        this.escaped += 2;
      } else if (kind === 2 && i + 5 < end && this.hex4(i + 2)) {
        i += 6;
        this.escaped += 6;
      } else {
        this.pos = i;
        this.fail('an escape JSON knows');
      }
    }
  }

  private hex4(at: number): boolean {
    const buf = this.buf;
    return (
      (HEX[buf[at] as number] as number) +
        (HEX[buf[at + 1] as number] as number) +
        (HEX[buf[at + 2] as number] as number) +
        (HEX[buf[at + 3] as number] as number) ===
      4
    );
  }

  /** First position from `i` on that holds a quote, a backslash or a control character: four bytes a step. */
  private plainRun(i: number): number {
    const buf = this.buf;
    const end = this.end;
    const words = this.words;
    const shift = this.shift;
    if (words.length > 0) {
      while (((i + shift) & 3) !== 0) {
        if (i >= end || STOPS[buf[i] as number] !== 0) return i;
        i++;
      }
      let w = (i + shift) >>> 2;
      const last = words.length;
      while (w < last) {
        const x = words[w] as number;
        const q = x ^ 0x22222222;
        const b = x ^ 0x5c5c5c5c;
        // The high bit of a byte is set where it was zero (a hit on quote or backslash) or below 0x20.
        const hit =
          (((q - 0x01010101) & ~q) | ((b - 0x01010101) & ~b) | ((x - 0x20202020) & ~x)) & 0x80808080;
        if (hit !== 0) break;
        w++;
      }
      i = (w << 2) - shift;
    }
    while (i < end && STOPS[buf[i] as number] === 0) i++;
    return i;
  }

  private number(): void {
    const buf = this.buf;
    const end = this.end;
    let i = this.pos;
    if (buf[i] === 0x2d) i++;
    if (i < end && buf[i] === 0x30) {
      i++;
    } else {
      const from = i;
      while (i < end && isDigit(buf[i] as number)) i++;
      if (i === from) {
        this.pos = i;
        this.fail('a value');
      }
    }
    if (i < end && buf[i] === 0x2e) i = this.digits(i + 1);
    if (i < end && ((buf[i] as number) | 0x20) === 0x65) {
      i++;
      if (i < end && (buf[i] === 0x2b || buf[i] === 0x2d)) i++;
      i = this.digits(i);
    }
    this.pos = i;
    this.space();
  }

  private digits(i: number): number {
    const from = i;
    while (i < this.end && isDigit(this.buf[i] as number)) i++;
    if (i === from) {
      this.pos = i;
      this.fail('a digit');
    }
    return i;
  }

  private literal(word: string): void {
    const buf = this.buf;
    for (let i = 0; i < word.length; i++) {
      if (this.pos + i >= this.end || buf[this.pos + i] !== word.charCodeAt(i)) this.fail('a value');
    }
    this.pos += word.length;
    this.space();
  }

  private space(): void {
    const buf = this.buf;
    const end = this.end;
    let i = this.pos;
    this.lastEnd = i;
    while (i < end) {
      const c = buf[i] as number;
      if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) break;
      i++;
    }
    this.pos = i;
  }

  private deeper(): void {
    if (++this.depth > MAX_DEPTH) this.fail(`allowed: values nest at most ${MAX_DEPTH} deep`);
  }

  private leave(): void {
    this.depth--;
    this.pos++;
    this.space();
  }
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}
