/**
 * What a conversation has in common from its first request to its last, and what vendors cache by: instructions, tools and
 * the messages up to the first of the user. Read where a rule asks for it, from the ranges of the envelope.
 *
 * Marks that say what to cache (`cache_control`) are left out: clients move them on from request to request.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Envelope } from '../../dialects/envelope.ts';
import { JsonScanner } from '../../dialects/scan/json-scanner.ts';

/** In this order, whatever the order of the body. */
const WHOLE = ['system', 'instructions', 'systemInstruction', 'system_instruction', 'tools', 'functions'];
const UP_TO_USER = ['messages', 'input', 'contents'];
const CACHE_CONTROL = Buffer.from('cache_control');
const ROLE = Buffer.from('role');
const USER = Buffer.from('user');

/** SHA-256; undefined where the body has nothing of the kind. */
export function promptPrefix({ body, members }: Envelope): Buffer | undefined {
  if (body.length === 0) return undefined;
  const made = createHash('sha256');
  let found = false;
  for (const name of WHOLE) {
    const range = members.get(name);
    if (range === undefined) continue;
    made.update(name);
    new PrefixReader(body.subarray(range.valueStart, range.end), made).whole();
    found = true;
  }
  for (const name of UP_TO_USER) {
    const range = members.get(name);
    if (range === undefined) continue;
    made.update(name);
    new PrefixReader(body.subarray(range.valueStart, range.end), made).upToUser();
    found = true;
  }
  const prompt = found ? undefined : members.get('prompt');
  if (prompt) new PrefixReader(body.subarray(prompt.valueStart, prompt.end), made).whole();
  return found || prompt ? made.digest() : undefined;
}

/** Feeds bytes of a JSON value to a hash, without the members that are left out. The envelope's scan has checked them. */
class PrefixReader {
  readonly #bytes: Buffer;
  readonly #hash: Hash;
  readonly #scanner = new JsonScanner();
  /** Fed up to here. */
  #from = 0;
  #user = false;

  constructor(bytes: Buffer, made: Hash) {
    this.#bytes = bytes;
    this.#hash = made;
    this.#scanner.open(bytes, false);
  }

  whole(): void {
    this.#walk();
    this.#feed(this.#bytes.length);
  }

  /** A list of messages up to the first of the user, which may be text; anything else is text of the user. */
  upToUser(): void {
    const scanner = this.#scanner;
    if (!scanner.atArray()) return this.whole();
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
      this.#user = scanner.atString();
      this.#walk(true);
      if (this.#user) break;
    }
    this.#feed(scanner.lastEnd);
  }

  #walk(message = false): void {
    const scanner = this.#scanner;
    if (scanner.atObject()) {
      let behind: number | undefined;
      for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
        if (scanner.keyIs(CACHE_CONTROL)) this.#skip(behind);
        else if (message && scanner.keyIs(ROLE)) this.#role();
        else this.#walk();
        behind = Math.max(scanner.lastEnd, this.#from);
      }
    } else if (scanner.atArray()) {
      for (let more = scanner.enterArray(); more; more = scanner.nextElement()) this.#walk();
    } else {
      scanner.value();
    }
  }

  #role(): void {
    const scanner = this.#scanner;
    const text = scanner.atString();
    scanner.value();
    if (!text) return;
    this.#user = scanner.stringIs(USER);
  }

  /**
   * With the comma that parts it from its neighbour: what is left reads as if the member had never been there. `behind`: the
   * end of the member before it; undefined for the first.
   */
  #skip(behind: number | undefined): void {
    const scanner = this.#scanner;
    this.#feed(behind ?? scanner.keyStart - 1);
    scanner.value();
    // The scanner is behind white space: on a comma or on the brace.
    this.#from = behind === undefined && scanner.peek() === COMMA ? scanner.pos + 1 : scanner.lastEnd;
    if (behind === undefined) while (isSpace(this.#bytes[this.#from])) this.#from++;
  }

  #feed(to: number): void {
    if (to > this.#from) this.#hash.update(this.#bytes.subarray(this.#from, to));
    this.#from = Math.max(this.#from, to);
  }
}

const COMMA = 0x2c;
const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
