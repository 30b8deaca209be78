/**
 * Results of lines, in the form in which callers get them: one JSON document and line end for each, added at the end. A line
 * counts as answered once its result is here, on the disk; what a kill left half written is cut off when the log is opened.
 */
import { linesOf } from './lines.ts';
import type { Growing, Medium } from './media/medium.ts';

/** Takes bytes of the spool; throws where there are none. */
export type Grow = (bytes: number) => void;

/** Enough of a result to tell whose it is. */
const HEAD_BYTES = 128;

export class ResultLog {
  readonly #content: Growing;
  readonly #grow: Grow;
  #waiting: Buffer[] = [];
  #writing: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  private constructor(content: Growing, grow: Grow) {
    this.#content = content;
    this.#grow = grow;
  }

  /** `seen` hears of every result that is there; `maxLine` in bytes. */
  static async open(
    medium: Medium,
    name: string,
    grow: Grow,
    seen: (head: string) => void,
  ): Promise<ResultLog> {
    let length = 0;
    for await (const line of linesOf(medium, name, { maxLine: Number.MAX_SAFE_INTEGER })) {
      if (!line.ended || line.bytes === undefined) break;
      seen(line.bytes.toString('utf8', 0, HEAD_BYTES));
      length = line.next;
    }
    return new ResultLog(await medium.grow(name, length), grow);
  }

  get length(): number {
    return this.#content.length;
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
    await this.#content.close();
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
      await this.#content.append(bytes);
      await this.#content.sync();
    } catch (error) {
      this.#grow(-bytes.length);
      throw error;
    }
  }
}

const NEWLINE = Buffer.from('\n');
