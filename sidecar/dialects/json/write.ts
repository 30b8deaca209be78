/** Writes JSON out of parts of which some are JSON text already and must come out as they are. */

/** JSON text of one value. It may refer to text in the body that was read (`reference`), until it is encoded. */
export type JsonText = string;

/** Before a reference. No JSON has it: in strings it is written as an escape, elsewhere it is not allowed. */
const MARK = 1;
/** Of each of the two places of a reference: letters of ASCII, six bits each. */
const LETTERS = 5;
const FIRST_LETTER = 0x30;

/** What stands in a body from `start` to `end` (both below 1 GiB), which must be JSON. */
export const reference = (start: number, end: number): JsonText =>
  String.fromCharCode(
    MARK,
    letter(start >> 24),
    letter(start >> 18),
    letter(start >> 12),
    letter(start >> 6),
    letter(start),
    letter(end >> 24),
    letter(end >> 18),
    letter(end >> 12),
    letter(end >> 6),
    letter(end),
  );

const letter = (bits: number): number => FIRST_LETTER + (bits & 0x3f);

function place(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at; i < at + LETTERS; i++) value = (value << 6) | ((bytes[i] as number) - FIRST_LETTER);
  return value;
}

/** UTF-8 of `text`, in which every reference is what stands at its place in `source`. */
export function encode(text: JsonText, source: Buffer | undefined): Buffer {
  const own = Buffer.from(text);
  let mark = own.indexOf(MARK);
  if (mark < 0) return own;
  if (source === undefined) throw new Error('a reference to the text of no request');
  const width = 1 + 2 * LETTERS;
  let { length } = own;
  for (let at = mark; at >= 0; at = own.indexOf(MARK, at + width)) {
    length += place(own, at + 1 + LETTERS) - place(own, at + 1) - width;
  }
  const bytes = Buffer.allocUnsafe(length);
  let written = 0;
  let from = 0;
  for (; mark >= 0; mark = own.indexOf(MARK, from)) {
    written += own.copy(bytes, written, from, mark);
    written += source.copy(bytes, written, place(own, mark + 1), place(own, mark + 1 + LETTERS));
    from = mark + width;
  }
  own.copy(bytes, written, from);
  return bytes;
}

/** JSON text of a string, number, boolean or null. */
export const json = (value: string | number | boolean | null): JsonText => JSON.stringify(value);

/** Names of members as they are written, the colon with them. Most are those of dialects, so few; those of callers' schemas may be long. */
const NAMES = new Map<string, JsonText>();
const MAX_NAMES = 1000;
const MAX_NAME = 64;

function written(name: string): JsonText {
  let text = NAMES.get(name);
  if (text === undefined) {
    text = `${JSON.stringify(name)}:`;
    if (NAMES.size < MAX_NAMES && name.length <= MAX_NAME) NAMES.set(name, text);
  }
  return text;
}

/** An object of the members that are there; undefined leaves a member out. */
export function object(members: Readonly<Record<string, JsonText | undefined>>): JsonText {
  let text = '{';
  for (const name in members) {
    const value = members[name];
    if (value === undefined) continue;
    if (text !== '{') text += ',';
    text += written(name) + value;
  }
  return `${text}}`;
}

/** Parts are put together once, when all of the text is written. */
export function array(elements: readonly JsonText[]): JsonText {
  let text = '';
  for (const element of elements) text = text === '' ? element : `${text},${element}`;
  return `[${text}]`;
}

/** `json` for what may be absent. */
export const optional = (value: string | number | boolean | undefined): JsonText | undefined =>
  value === undefined ? undefined : JSON.stringify(value);
