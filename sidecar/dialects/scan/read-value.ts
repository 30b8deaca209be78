/** Reads single values at the cursor of a scanner; what is not as expected becomes an error that names it. */
import { OutriderError } from '../../../errors/table.ts';
import type { JsonScanner } from './json-scanner.ts';

/** Longest piece of a caller's value that an error repeats. */
const SHOWN = 40;

/** A non-empty string. */
export function readName(scanner: JsonScanner, member: string): string {
  if (!scanner.atString()) refuse(scanner, member, 'a string');
  const start = scanner.pos;
  scanner.string();
  if (scanner.stringStart === scanner.stringEnd) {
    scanner.pos = start;
    refuse(scanner, member, 'a string that is not empty');
  }
  return scanner.stringText();
}

/** `true`, `false`, or undefined for `null`. */
export function readBoolean(scanner: JsonScanner, member: string): boolean | undefined {
  const c = scanner.peek();
  if (c !== 0x74 && c !== 0x66 && c !== 0x6e) refuse(scanner, member, 'true or false');
  scanner.value();
  return c === 0x6e ? undefined : c === 0x74;
}

/** An integer, or undefined for `null`. */
export function readInteger(scanner: JsonScanner, member: string): number | undefined {
  const c = scanner.peek();
  const start = scanner.pos;
  if (c === 0x6e) {
    scanner.value();
    return undefined;
  }
  const numeric = c === 0x2d || (c >= 0x30 && c <= 0x39);
  if (!numeric) refuse(scanner, member, 'an integer');
  scanner.value();
  const value = Number(scanner.buf.toString('latin1', start, scanner.lastEnd));
  if (!Number.isInteger(value)) {
    scanner.pos = start;
    refuse(scanner, member, 'an integer');
  }
  return value;
}

/** Throws `invalid_member` for the value at the cursor. */
export function refuse(scanner: JsonScanner, member: string, expected: string): never {
  const start = scanner.pos;
  // A broken value is reported as broken JSON first.
  scanner.value();
  const raw = scanner.buf.toString('utf8', start, Math.min(scanner.lastEnd, start + SHOWN));
  const value = scanner.lastEnd > start + SHOWN ? `${raw}...` : raw;
  throw new OutriderError('invalid_member', { member, value, expected });
}
