/**
 * The bytes of an event that has not ended. Vendors may send them one by one, each a chunk of its own: kept as they come, a
 * chunk of one byte would cost a hundred.
 */

/** Small chunks that are joined at once. */
const JOINED = 256;

export class HeldBytes {
  size = 0;
  #joined: Buffer[] = [];
  #small: Buffer[] = [];
  #smallSize = 0;

  add(bytes: Buffer): void {
    this.size += bytes.length;
    this.#small.push(owned(bytes));
    this.#smallSize += bytes.length;
    if (this.#small.length === JOINED) this.#join();
  }

  /** All of it, with `last` behind it; nothing is held any more. */
  take(last: Buffer): Buffer {
    const all = [...this.#joined, ...this.#small, last];
    const whole =
      all.length === 2 && last.length === 0
        ? (all[0] as Buffer)
        : Buffer.concat(all, this.size + last.length);
    this.clear();
    return whole;
  }

  clear(): void {
    this.size = 0;
    this.#joined = [];
    this.#small = [];
    this.#smallSize = 0;
  }

  #join(): void {
    // Not from the pool: what is held long must not keep more than itself.
    const whole = Buffer.allocUnsafeSlow(this.#smallSize);
    let at = 0;
    for (const piece of this.#small) at += piece.copy(whole, at);
    this.#joined.push(whole);
    this.#small = [];
    this.#smallSize = 0;
  }
}

/** A small rest must not keep a large chunk alive. */
function owned(rest: Buffer): Buffer {
  return rest.buffer.byteLength > 1024 + 4 * rest.length ? Buffer.from(rest) : rest;
}
