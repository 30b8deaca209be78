/** Reads a content line by line, with as much in memory as one line takes. */
import type { Medium } from './media/medium.ts';

export interface Line {
  /** From 1. */
  number: number;
  /** Where it begins, in bytes. */
  offset: number;
  /** Where the next one begins. */
  next: number;
  /** Without the line end; undefined: it is longer than may be read. */
  bytes: Buffer | undefined;
  /** False: the content ended before the line did. */
  ended: boolean;
}

export interface LinesFrom {
  /** Longest line that is kept, in bytes. */
  maxLine: number;
  /** Where to begin: the offset of a line, and its number. */
  offset?: number;
  number?: number;
}

const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Every line, empty ones too; what follows the last line end is a line where it is not empty. */
export async function* linesOf(
  medium: Pick<Medium, 'read'>,
  name: string,
  options: LinesFrom,
): AsyncGenerator<Line> {
  const { maxLine } = options;
  let position = options.offset ?? 0;
  let number = options.number ?? 1;
  let start = position;
  let held: Buffer[] = [];
  let length = 0;
  for (;;) {
    const data = await medium.read(name, position, CHUNK);
    if (data.length === 0) break;
    let from = 0;
    for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, from)) {
      const rest = data.subarray(from, at);
      length += rest.length;
      const bytes = length > maxLine ? undefined : whole(held, rest, length);
      const next = position + at + 1;
      yield { number, offset: start, next, bytes, ended: true };
      number++;
      start = next;
      from = at + 1;
      held = [];
      length = 0;
    }
    const rest = data.subarray(from);
    length += rest.length;
    if (length > maxLine) held = [];
    else if (rest.length > 0) held.push(rest);
    position += data.length;
  }
  if (length === 0) return;
  const bytes = length > maxLine ? undefined : whole(held, Buffer.alloc(0), length);
  yield { number, offset: start, next: position, bytes, ended: false };
}

function whole(held: readonly Buffer[], rest: Buffer, length: number): Buffer {
  const joined = held.length === 0 ? rest : Buffer.concat([...held, rest], length);
  return joined.at(-1) === RETURN ? joined.subarray(0, -1) : joined;
}
