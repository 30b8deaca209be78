/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 §5.2) without holding a byte: counts messages and payload
 * bytes, and knows where one frame ends and the next may begin. Payloads may be masked or compressed; they are not read.
 */

const CONTROL = 0x8;
const CLOSE = 0x8;

export class FrameMeter {
  /** Whole messages of data. */
  messages = 0;
  /** Payload bytes of data frames, as sent. */
  bytes = 0;
  /** A close frame has passed. */
  closed = false;
  /** What came is no sequence of frames: it is still forwarded, but no longer followed. */
  lost = false;
  /** Bytes of the header of the frame at hand: at most 2 + 8 + 4. */
  readonly #header = Buffer.alloc(14);
  #headerLength = 0;
  #payloadLeft = 0;
  /** The frame at hand ends a message of data. */
  #final = false;

  /** Between two frames: here one of our own may be put in. */
  get atBoundary(): boolean {
    return this.#headerLength === 0 && this.#payloadLeft === 0 && !this.lost;
  }

  /** Follows `chunk`. With `toBoundary` it stops at the first end of a frame. Returns how many bytes it followed. */
  follow(chunk: Buffer, toBoundary = false): number {
    let at = 0;
    while (at < chunk.length && !this.lost) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - at);
        at += step;
        this.#payloadLeft -= step;
      } else {
        this.#header[this.#headerLength++] = chunk[at++] as number;
        if (this.#headerLength < this.#headerSize()) continue;
        this.#begin();
      }
      if (this.#payloadLeft > 0) continue;
      if (this.#final) this.messages++;
      this.#final = false;
      if (toBoundary) return at;
    }
    return chunk.length;
  }

  #headerSize(): number {
    if (this.#headerLength < 2) return 2;
    const second = this.#header[1] as number;
    const length = second & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
  }

  /** The header is complete. */
  #begin(): void {
    const header = this.#header;
    const first = header[0] as number;
    let length = (header[1] as number) & 0x7f;
    if (length === 126) length = header.readUInt16BE(2);
    else if (length === 127) length = header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6);
    this.#headerLength = 0;
    this.#payloadLeft = length;
    const opcode = first & 0x0f;
    if (opcode >= CONTROL) {
      if (opcode === CLOSE) this.closed = true;
      if (length > 125 || (first & 0x80) === 0) this.lost = true;
      return;
    }
    if (opcode > 2 || !Number.isSafeInteger(length)) this.lost = true;
    this.bytes += length;
    this.#final = (first & 0x80) !== 0;
  }
}

/** "Going away": the endpoint is shutting down. */
export const GOING_AWAY = 1001;

/** A close frame; `mask` as clients must and servers must not. */
export function closeFrame(code: number, mask: Buffer | undefined): Buffer {
  const payload = Buffer.from([code >> 8, code & 0xff]);
  if (mask === undefined) return Buffer.from([0x80 | CLOSE, payload.length, ...payload]);
  const masked = payload.map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.from([0x80 | CLOSE, 0x80 | payload.length, ...mask, ...masked]);
}
