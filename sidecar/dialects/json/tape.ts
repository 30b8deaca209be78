/**
 * A JSON document as a list of tokens over its Buffer: one pass checks it, nothing is decoded until somebody asks, and every
 * value can be taken out as it was written. Translation needs the last: a number such as 12345678901234567890, or the order
 * of a schema's members, would not survive JSON.parse.
 */
import { OutriderError } from '../../../errors/table.ts';
import { JsonScanner } from '../scan/json-scanner.ts';
import { type Said, STAYS_FROM, WrittenText } from './said.ts';

/** What kind of value a node is. */
export type JsonKind = 'Object' | 'Array' | 'String' | 'Number' | 'True' | 'False' | 'Null';

const KINDS: Readonly<Record<number, JsonKind>> = {
  0x7b: 'Object',
  0x5b: 'Array',
  0x22: 'String',
  0x74: 'True',
  0x66: 'False',
  0x6e: 'Null',
};
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** Per value: start, end, number of values in it with itself, and start of its key (-1 without one), end of its key. */
const WIDTH = 5;
/** A value of two bytes takes forty here: more than this is no request and no answer, but an attempt on our memory. */
const MAX_VALUES = 250_000;
const MAX_TOKENS = MAX_VALUES * WIDTH;

const scanner = new JsonScanner();

/** Where tokens are gathered: a list that grew anew with each document would be most of what reading it allocates. */
let scratch: number[] = [];
const MOST_SCRATCH = 20_000;

/** One value of a document. Cheap to make: a position and the document it is in. */
export class JsonNode {
  readonly #doc: Document;
  readonly #at: number;

  constructor(doc: Document, at: number) {
    this.#doc = doc;
    this.#at = at;
  }

  get kind(): JsonKind {
    return KINDS[this.#doc.buf[this.#doc.tokens[this.#at] as number] as number] ?? 'Number';
  }

  get isObject(): boolean {
    return this.kind === 'Object';
  }

  get isArray(): boolean {
    return this.kind === 'Array';
  }

  get isNull(): boolean {
    return this.kind === 'Null';
  }

  /** The value as it was written. */
  get raw(): string {
    const { buf, tokens } = this.#doc;
    return buf.toString('utf8', tokens[this.#at], tokens[this.#at + 1]);
  }

  /** A string's text; undefined for anything else. */
  get text(): string | undefined {
    const { buf, tokens } = this.#doc;
    const start = tokens[this.#at] as number;
    if (buf[start] !== 0x22) return undefined;
    return decode(buf, start + 1, (tokens[this.#at + 1] as number) - 1);
  }

  /** As `text`, but what is long stays where it is. */
  get said(): Said | undefined {
    const { buf, tokens } = this.#doc;
    const start = tokens[this.#at] as number;
    if (buf[start] !== 0x22) return undefined;
    const end = tokens[this.#at + 1] as number;
    return end - start < STAYS_FROM ? decode(buf, start + 1, end - 1) : new WrittenText(buf, start, end);
  }

  /** A number; undefined for anything else. */
  get number(): number | undefined {
    return this.kind === 'Number' ? Number(this.raw) : undefined;
  }

  /** `true` or `false`; undefined for anything else. */
  get boolean(): boolean | undefined {
    const { kind } = this;
    return kind === 'True' ? true : kind === 'False' ? false : undefined;
  }

  /** The value of a member; undefined where there is none, or where this is no object. The first wins. */
  get(name: string): JsonNode | undefined {
    const { buf, tokens } = this.#doc;
    const start = this.#at;
    if (buf[tokens[start] as number] !== OPEN_BRACE) return undefined;
    const end = start + (tokens[start + 2] as number) * WIDTH;
    for (let at = start + WIDTH; at < end; at += (tokens[at + 2] as number) * WIDTH) {
      if (isKey(buf, tokens[at + 3] as number, tokens[at + 4] as number, name)) {
        return new JsonNode(this.#doc, at);
      }
    }
    return undefined;
  }

  /** As `get`, but undefined for null too. */
  at(name: string): JsonNode | undefined {
    const found = this.get(name);
    return found?.isNull ? undefined : found;
  }

  /** How many members an object has; 0 where this is none. */
  get size(): number {
    const { buf, tokens } = this.#doc;
    const start = this.#at;
    if (buf[tokens[start] as number] !== OPEN_BRACE) return 0;
    const end = start + (tokens[start + 2] as number) * WIDTH;
    let size = 0;
    for (let at = start + WIDTH; at < end; at += (tokens[at + 2] as number) * WIDTH) size++;
    return size;
  }

  /** Members in the order of the document; nothing where this is no object. */
  members(): [string, JsonNode][] {
    const { buf, tokens } = this.#doc;
    const start = this.#at;
    const found: [string, JsonNode][] = [];
    if (buf[tokens[start] as number] !== OPEN_BRACE) return found;
    const end = start + (tokens[start + 2] as number) * WIDTH;
    for (let at = start + WIDTH; at < end; at += (tokens[at + 2] as number) * WIDTH) {
      const key = decode(buf, tokens[at + 3] as number, tokens[at + 4] as number);
      found.push([key, new JsonNode(this.#doc, at)]);
    }
    return found;
  }

  /** Elements in order; nothing where this is no array. */
  elements(): JsonNode[] {
    const { buf, tokens } = this.#doc;
    const start = this.#at;
    const found: JsonNode[] = [];
    if (buf[tokens[start] as number] !== OPEN_BRACKET) return found;
    const end = start + (tokens[start + 2] as number) * WIDTH;
    for (let at = start + WIDTH; at < end; at += (tokens[at + 2] as number) * WIDTH) {
      found.push(new JsonNode(this.#doc, at));
    }
    return found;
  }

  /** As JSON.parse gives it. */
  value(): unknown {
    return JSON.parse(this.raw) as unknown;
  }
}

interface Document {
  readonly buf: Buffer;
  readonly tokens: readonly number[];
}

/** Reads a whole document. Throws `invalid_json` (400) as the scanner does. */
export function readJson(buf: Buffer): JsonNode {
  scanner.open(buf);
  let length: number;
  let tokens: number[];
  try {
    length = readValue(0, -1, -1);
    scanner.close();
  } finally {
    scanner.release();
    tokens = scratch;
    if (scratch.length > MOST_SCRATCH) scratch = [];
  }
  return new JsonNode({ buf, tokens: tokens.slice(0, length) }, 0);
}

/** As `readJson`, for text that may be anything: undefined where it is not JSON. */
export function tryReadJson(buf: Buffer): JsonNode | undefined {
  try {
    return readJson(buf);
  } catch {
    return undefined;
  }
}

/** Puts the value under the cursor at `at`; returns where the next one goes. */
function readValue(at: number, keyStart: number, keyEnd: number): number {
  if (at >= MAX_TOKENS) {
    throw new OutriderError('invalid_json', { reason: `it has more than ${MAX_VALUES} values` });
  }
  const tokens = scratch;
  let next = at + WIDTH;
  tokens[at] = scanner.pos;
  tokens[at + 1] = 0;
  tokens[at + 2] = 1;
  tokens[at + 3] = keyStart;
  tokens[at + 4] = keyEnd;
  if (scanner.atObject()) {
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      next = readValue(next, scanner.keyStart, scanner.keyEnd);
    }
    tokens[at + 2] = (next - at) / WIDTH;
  } else if (scanner.atArray()) {
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) next = readValue(next, -1, -1);
    tokens[at + 2] = (next - at) / WIDTH;
  } else {
    scanner.value();
  }
  tokens[at + 1] = scanner.lastEnd;
  return next;
}

/** Without making a string of the key, which is most often another. */
function isKey(buf: Buffer, start: number, end: number, name: string): boolean {
  const { length } = name;
  if (end - start === length) {
    let i = 0;
    while (i < length && buf[start + i] === name.charCodeAt(i)) i++;
    if (i === length) return true;
  }
  // Escapes and letters beyond ASCII take more bytes than letters.
  return end - start > length && isWrittenLonger(buf, start, end) && decode(buf, start, end) === name;
}

function isWrittenLonger(buf: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = buf[i] as number;
    if (c === BACKSLASH || c > 0x7f) return true;
  }
  return false;
}

/** Strings from this length on are searched as a whole. */
const LONG = 48;

function decode(buf: Buffer, start: number, end: number): string {
  return hasEscape(buf, start, end)
    ? (JSON.parse(buf.toString('utf8', start - 1, end + 1)) as string)
    : buf.toString('utf8', start, end);
}

function hasEscape(buf: Buffer, start: number, end: number): boolean {
  if (end - start >= LONG) return buf.subarray(start, end).includes(BACKSLASH);
  for (let i = start; i < end; i++) if (buf[i] === BACKSLASH) return true;
  return false;
}
