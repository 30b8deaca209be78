/**
 * The part of a prompt that signals read: the head and the tail of it, so that a prompt of megabytes costs no more than one
 * of 32 KiB. Only those bytes are decoded.
 */
import type { Envelope } from '../dialects/envelope.ts';

export interface PromptSample {
  /** The last user message; parts and cuts are joined by a line break. */
  last: string;
  /** All user messages. */
  all: string;
}

/** Bytes from the beginning, and as many from the end. */
export const HALF_BYTES = 16 * 1024;

interface Range {
  readonly start: number;
  readonly end: number;
}

export function sampleEnvelope({ body, userText }: Pick<Envelope, 'body' | 'userText'>): PromptSample {
  const first = lastMessage(body, userText);
  const last = textOf(body, userText, first);
  return { last, all: first === 0 ? last : textOf(body, userText, 0) };
}

/** The same of text that is already decoded; each entry is one message. */
export function sampleTexts(texts: readonly string[]): PromptSample {
  const bodies = texts.map((text) => Buffer.from(JSON.stringify(text)));
  const body = Buffer.concat(bodies);
  let at = 0;
  const userText = bodies.map(({ length }) => ({ start: at + 1, end: (at += length) - 1 }));
  return { last: textOf(body, userText, Math.max(0, userText.length - 1)), all: textOf(body, userText, 0) };
}

const ROLE = Buffer.from('"role"');
/** How far from the text of a message its role is looked for. */
const NEAR = 512;

/** Index of the first range of the last user message: between two messages there is a role. */
function lastMessage(body: Buffer, ranges: readonly Range[]): number {
  let first = Math.max(0, ranges.length - 1);
  while (first > 0) {
    const from = (ranges[first - 1] as Range).end;
    const to = (ranges[first] as Range).start;
    const apart =
      body.subarray(from, Math.min(to, from + NEAR)).includes(ROLE) ||
      body.subarray(Math.max(from, to - NEAR), to).includes(ROLE);
    if (apart) break;
    first--;
  }
  return first;
}

function textOf(body: Buffer, ranges: readonly Range[], first: number): string {
  let bytes = 0;
  for (let i = first; i < ranges.length; i++) bytes += (ranges[i] as Range).end - (ranges[i] as Range).start;
  const parts: string[] = [];
  if (bytes <= 2 * HALF_BYTES) {
    for (let i = first; i < ranges.length; i++) {
      const { start, end } = ranges[i] as Range;
      parts.push(decode(body, start, end));
    }
    return parts.join('\n');
  }
  for (let i = first, left = HALF_BYTES; i < ranges.length && left > 0; i++) {
    const { start, end } = ranges[i] as Range;
    parts.push(decode(body, start, end - start <= left ? end : cutEnd(body, start, start + left)));
    left -= end - start;
  }
  const tail: string[] = [];
  for (let i = ranges.length - 1, left = HALF_BYTES; i >= first && left > 0; i--) {
    const { start, end } = ranges[i] as Range;
    tail.push(decode(body, end - start <= left ? start : cutStart(body, end - left, end), end));
    left -= end - start;
  }
  return [...parts, ...tail.reverse()].join('\n');
}

const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
/** Of `\u4e2d`. */
const LONGEST_ESCAPE = 6;

function decode(body: Buffer, start: number, end: number): string {
  if (end <= start) return '';
  return body.subarray(start, end).includes(BACKSLASH)
    ? (JSON.parse(`"${body.toString('utf8', start, end)}"`) as string)
    : body.toString('utf8', start, end);
}

const continues = (byte: number | undefined): boolean => ((byte ?? 0) & 0xc0) === 0x80;

/** The last place up to `limit` that is neither in an escape nor in a character. */
function cutEnd(body: Buffer, start: number, limit: number): number {
  let at = start;
  while (at < limit) {
    const length = body[at] === BACKSLASH ? (body[at + 1] === LOWER_U ? LONGEST_ESCAPE : 2) : 1;
    if (at + length > limit) break;
    at += length;
  }
  while (at > start && continues(body[at])) at--;
  return at;
}

/** The first place from `from` that is surely neither in an escape nor in a character; `end` where there is none. */
function cutStart(body: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (continues(body[at])) continue;
    const before = body.subarray(at - LONGEST_ESCAPE, at);
    if (!before.includes(BACKSLASH)) return at;
    // A backslash without one before it begins an escape.
    if (body[at] === BACKSLASH && body[at - 1] !== BACKSLASH) return at;
  }
  return end;
}
