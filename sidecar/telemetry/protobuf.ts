/**
 * Writes messages in the wire format of Protocol Buffers into one buffer that is used again and again: no object is made
 * for a field or a message. Readers are the collector's business.
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const FIRST_CAPACITY = 4096;
/** Room that every field surely has: its tag and any number. */
const SPARE = 32;
/** No character of a string takes more bytes than this in UTF-8, counted by UTF-16 unit. */
const WORST = 3;

export class ProtoWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #at = 0;

  /** What was written since the last call, as a Buffer of its own. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  /** A whole number that is not negative, up to 2^53. */
  uint(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0);
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** `high` and `low`: 32 bits each. */
  fixed64(field: number, high: number, low: number): void {
    this.#tag(field, FIXED64);
    this.#at = this.#bytes.writeUInt32LE(low, this.#at);
    this.#at = this.#bytes.writeUInt32LE(high, this.#at);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  text(field: number, value: string): void {
    const start = this.open(field);
    this.#room(value.length * WORST);
    this.#at += this.#bytes.write(value, this.#at);
    this.close(start);
  }

  bytes(field: number, value: Uint8Array): void {
    const start = this.open(field);
    this.raw(value);
    this.close(start);
  }

  /** Fields that were written before. */
  raw(fields: Uint8Array): void {
    this.#room(fields.length);
    this.#bytes.set(fields, this.#at);
    this.#at += fields.length;
  }

  /** Begins a message inside the message; what it returns is for `close`. */
  open(field: number): number {
    this.#tag(field, LENGTH);
    // One byte is kept free for the length, which is enough for most.
    return ++this.#at;
  }

  /** Writes the length of what came since `open`, and moves it where its length takes more than one byte. */
  close(start: number): void {
    const end = this.#at;
    const length = end - start;
    const more = varintLength(length) - 1;
    if (more > 0) {
      this.#room(more);
      this.#bytes.copyWithin(start + more, start, end);
    }
    this.#at = start - 1;
    this.#varint(length);
    this.#at = end + more;
  }

  #tag(field: number, type: number): void {
    this.#room(SPARE);
    this.#varint(field * 8 + type);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes + SPARE;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
