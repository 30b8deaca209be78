/**
 * Results of lines, in the form in which callers get them: one JSON document and line end for each, added at the end. A line
 * counts as answered once its result is here, on the disk; what a kill left half written is cut off when the log is opened.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { linesOf } from './lines.ts';

/** Takes bytes of the spool; throws where there are none. */
export type Grow = (bytes: number) => void;

/** Enough of a result to tell whose it is. */
const HEAD_BYTES = 128;

export class ResultLog {
  readonly #handle: FileHandle;
  readonly #grow: Grow;
  #length: number;
  #waiting: Buffer[] = [];
  #writing: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor(handle: FileHandle, length: number, grow: Grow) {
    this.#handle = handle;
    this.#length = length;
    this.#grow = grow;
  }

  /** `seen` hears of every result that is there; `maxLine` in bytes. */
  static async open(path: string, grow: Grow, seen: (head: string) => void): Promise<ResultLog> {
    const handle = await open(path, 'a', 0o600);
    let length = 0;
    for await (const line of linesOf(path, { maxLine: Number.MAX_SAFE_INTEGER })) {
      if (!line.ended || line.bytes === undefined) break;
      seen(line.bytes.toString('utf8', 0, HEAD_BYTES));
      length = line.next;
    }
    await handle.truncate(length);
    return new ResultLog(handle, length, grow);
  }

  get length(): number {
    return this.#length;
  }

  /** Resolves when it is on the disk. `line` without its end. Rejects where it cannot be kept: then none of it is there. */
  append(line: Buffer): Promise<void> {
    this.#grow(line.length + 1);
    this.#waiting.push(line, NEWLINE);
    this.#writing ??= this.#write();
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {});
    await this.#last.catch(() => {});
    await this.#handle.close();
  }

  /** What comes while one write is under way goes together in the next. */
  async #write(): Promise<void> {
    // Whoever adds in this turn is in the first write.
    await Promise.resolve();
    const lines = this.#waiting;
    this.#waiting = [];
    this.#writing = undefined;
    const before = this.#last;
    const done = (async () => {
      await before.catch(() => {});
      await this.#put(Buffer.concat(lines));
    })();
    this.#last = done;
    await done;
  }

  async #put(bytes: Buffer): Promise<void> {
    try {
      await this.#handle.appendFile(bytes);
      await this.#handle.datasync();
      this.#length += bytes.length;
    } catch (error) {
      // The disk is full, perhaps: no half a line stays.
      await this.#handle.truncate(this.#length).catch(() => {});
      this.#grow(-bytes.length);
      throw error;
    }
  }
}

const NEWLINE = Buffer.from('\n');
