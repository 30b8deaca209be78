/**
 * Writes lines to a file descriptor in the background, many at a time: each is encoded once, into a buffer that goes to the
 * system as it is. A reader that is too slow costs lines, which are counted, and never more memory than the limit.
 */
import { write } from 'node:fs';

export interface LineWriterOptions {
  fd: number;
  /** Bytes that may wait to be written. */
  limit: number;
  /** Bytes that are gathered before they are written without being told. */
  gather: number;
  /** Lines that will never be written. */
  onLost: (lines: number) => void;
}

const CHUNK = 64 * 1024;
/** How long a pipe that is full is left alone, in milliseconds. */
const FULL_PIPE_MS = 50;
/** No character of a string takes more bytes than this in UTF-8, counted by UTF-16 unit. */
const WORST = 3;

interface Chunk {
  readonly bytes: Buffer;
  length: number;
  lines: number;
}

export class LineWriter {
  readonly #options: LineWriterOptions;
  #open: Chunk | undefined;
  /** Full, in order; the first may be on its way. */
  #waiting: Chunk[] = [];
  /** Used again, so that steady traffic allocates nothing. */
  #spare: Chunk | undefined;
  #held = 0;
  #writing = false;
  #flushing: (() => void)[] = [];

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  /** Adds `head` and, from its second character on, `text`: the way two JSON objects become one. */
  write(head: Buffer, text: string): void {
    const { limit, gather, onLost } = this.#options;
    if (this.#held + head.length + text.length > limit) {
      onLost(1);
      return;
    }
    const chunk = this.#room(head.length + text.length * WORST + 1);
    const at = chunk.length;
    const { bytes } = chunk;
    // The last byte of the head takes the place of the first of the text.
    const end = at + head.length - 1 + bytes.write(text, at + head.length - 1);
    bytes.set(head, at);
    bytes[end] = NEWLINE;
    chunk.length = end + 1;
    chunk.lines++;
    this.#held += chunk.length - at;
    if (this.#held >= gather) this.#start();
  }

  /** Writes what there is; resolves when everything so far is out, or lost. */
  flush(): Promise<void> {
    this.#start();
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#flushing.push(resolve));
  }

  #room(bytes: number): Chunk {
    const open = this.#open;
    if (open && open.length + bytes <= open.bytes.length) return open;
    if (open) this.#waiting.push(open);
    let next = this.#spare;
    this.#spare = undefined;
    if (!next || bytes > next.bytes.length) {
      next = { bytes: Buffer.allocUnsafeSlow(Math.max(CHUNK, bytes)), length: 0, lines: 0 };
    }
    return (this.#open = next);
  }

  #start(): void {
    if (this.#writing) return;
    if (this.#waiting.length === 0) {
      if (!this.#open || this.#open.length === 0) return;
      this.#waiting.push(this.#open);
      this.#open = undefined;
    }
    this.#writing = true;
    this.#write(this.#waiting[0] as Chunk, 0);
  }

  #write(chunk: Chunk, from: number): void {
    write(this.#options.fd, chunk.bytes, from, chunk.length - from, null, (error, written) => {
      if (error?.code === 'EAGAIN' || error?.code === 'EBUSY') {
        setTimeout(() => this.#write(chunk, from), FULL_PIPE_MS).unref();
        return;
      }
      if (!error && from + written < chunk.length) {
        this.#write(chunk, from + written);
        return;
      }
      // What cannot be written is let go: a full disk or a closed pipe must not end the process, or fill its memory.
      if (error) this.#options.onLost(chunk.lines);
      this.#done(chunk);
    });
  }

  #done(chunk: Chunk): void {
    this.#waiting.shift();
    this.#held -= chunk.length;
    this.#writing = false;
    if (chunk.bytes.length === CHUNK) {
      chunk.length = 0;
      chunk.lines = 0;
      this.#spare = chunk;
    }
    if (this.#flushing.length > 0 || this.#waiting.length > 0 || this.#held >= this.#options.gather) {
      this.#start();
    }
    if (this.#writing) return;
    const flushing = this.#flushing;
    this.#flushing = [];
    for (const resolve of flushing) resolve();
  }
}

const NEWLINE = 0x0a;
