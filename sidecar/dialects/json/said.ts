/**
 * Text of a request. What is long stays where its caller wrote it: most of it is only handed on, and goes from body to body
 * as it was written, without ever becoming a string. Not to decode it, escape it and encode it anew is most of what
 * translating a long conversation costs.
 */
import { type JsonText, reference } from './write.ts';

/** A string, or the place where it stands in `ChatRequest.source`. */
export type Said = string | WrittenText;

/** Bytes of a string in JSON, quotes included, from which on it stays where it is: below, a string is as cheap. */
export const STAYS_FROM = 256;

const BACKSLASH = 0x5c;

/** A string of a JSON document that has been read, so it is well-formed. */
export class WrittenText {
  readonly #body: Buffer;
  /** Of the quotes. */
  readonly #start: number;
  readonly #end: number;

  constructor(body: Buffer, start: number, end: number) {
    this.#body = body;
    this.#start = start;
    this.#end = end;
  }

  /** Decoded anew each time. */
  get text(): string {
    return JSON.parse(this.#body.toString('utf8', this.#start, this.#end)) as string;
  }

  /** So that it reads right wherever a string is expected. */
  toString(): string {
    return this.text;
  }

  get json(): JsonText {
    return reference(this.#start, this.#end);
  }

  get isBlank(): boolean {
    const first = this.#body[this.#start + 1] as number;
    // A printable letter of ASCII settles it; others may be white space of some kind.
    return first > 0x20 && first < 0x7f && first !== BACKSLASH ? false : this.text.trim() === '';
  }
}

export const textOfSaid = (said: Said): string => (typeof said === 'string' ? said : said.text);

export const jsonOfSaid = (said: Said): JsonText =>
  typeof said === 'string' ? JSON.stringify(said) : said.json;

/** Nothing but white space. */
export const isBlank = (said: Said): boolean =>
  typeof said === 'string' ? said.trim() === '' : said.isBlank;

/** Several texts as one; one alone stays where it is. */
export function joinSaid(said: readonly Said[], separator: string): Said {
  const [only] = said;
  return said.length === 1 && only !== undefined ? only : said.map(textOfSaid).join(separator);
}
