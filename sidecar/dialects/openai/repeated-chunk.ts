/**
 * The chunks of one stream are mostly the same text around one string that differs: the next words. Where a chunk is the one
 * before with other plain characters in that string, it need not be looked through again.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Longer chunks are rare, and the copy that is kept of one stays small. */
const LONGEST = 2048;
/** Streams whose chunks keep differing, such as those of several choices, are not compared any more. */
const MOST_MISSES = 16;
const EMPTY = Buffer.alloc(0);

export class RepeatedChunk {
  private text: Buffer = EMPTY;
  /** The string within `text`, without its quotes. */
  private from = 0;
  private to = 0;
  private misses = 0;

  /** Bytes of the string in this chunk; 0: it is another chunk, or the string needs a closer look. */
  match(chunk: Buffer): number {
    const { text, from, to } = this;
    if (from === 0) return 0;
    const behind = chunk.length - (text.length - to);
    if (
      behind <= from ||
      chunk.compare(text, 0, from, 0, from) !== 0 ||
      chunk.compare(text, to, text.length, behind) !== 0 ||
      !isPlain(chunk, from, behind)
    )
      return 0;
    this.misses = 0;
    return behind - from;
  }

  /** From now on chunks are compared with this one. `from` and `to`: its string, without the quotes. */
  learn(chunk: Buffer, from: number, to: number): void {
    if (chunk.length > LONGEST || ++this.misses > MOST_MISSES) {
      this.forget();
      return;
    }
    // A view would keep alive all that was read with it.
    if (this.text.length >= chunk.length) this.text = this.text.subarray(0, chunk.length);
    else this.text = Buffer.allocUnsafeSlow(chunk.length);
    chunk.copy(this.text);
    this.from = from;
    this.to = to;
  }

  forget(): void {
    this.from = 0;
  }
}

/** No byte that ends a string or means another. */
function isPlain(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return false;
  }
  return true;
}
