/**
 * Rows on tmpfs, for a process that may be killed at any time: what was appended is there for the next one, which hands it in
 * under the epoch it was written in. One file per epoch, only ever appended to, and written anew when what is acknowledged takes
 * most of it. Each line has a checksum, so a line that was torn is known. Memory does not tear, so nothing is synced.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { Row, Sequenced, TotalRow } from './rows.ts';

/**
 * r: a row with its place in the sequence. a: everything up to there is acknowledged. f: a row that was folded into a total. z:
 * totals were closed; those that were come as rows. t: a total that is open.
 */
export type JournalRecord =
  | ['r', Sequenced<Row | TotalRow>]
  | ['a', number]
  | ['f', Row]
  | ['z']
  | ['t', TotalRow];

export interface RowJournalOptions {
  directory: string;
  epoch: string;
  /** Bytes it may have on disk. */
  limitBytes: number;
  /** Whatever goes wrong here must not become the requests' problem. */
  onProblem: (problem: string) => void;
}

export const fileOf = (epoch: string): string => `rows.${epoch}.log`;

/** Below it, nothing is worth being written anew. */
const SMALL_BYTES = 65_536;

export const lineOf = (record: JournalRecord): string => {
  const json = JSON.stringify(record);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
};

export class RowJournal {
  readonly #options: RowJournalOptions;
  readonly #file: string;
  #fd: number | undefined;
  #bytes = 0;
  /** Not written yet: what a turn brings is written in one call. */
  #lines = '';
  #scheduled = false;
  /** There is no room for more until something is acknowledged. */
  #full = false;
  /** Nothing could be written; it is tried again with what is acknowledged, and told of once. */
  #broken = false;
  #contents: () => Iterable<JournalRecord> = () => [];

  constructor(options: RowJournalOptions) {
    this.#options = options;
    this.#file = path.join(options.directory, fileOf(options.epoch));
    try {
      this.#fd = openSync(this.#file, 'wx', 0o600);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Everything that has to be in a file that is written anew. */
  onRewrite(contents: () => Iterable<JournalRecord>): void {
    this.#contents = contents;
  }

  write(record: JournalRecord): void {
    if (this.#fd === undefined) return;
    if (this.#full && record[0] !== 'a') return;
    this.#lines += lineOf(record);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** What is to be handed out must be here first, or its place in the sequence could be given to something else. */
  flush(): void {
    if (this.#lines === '' || this.#fd === undefined) return;
    const bytes = Buffer.from(this.#lines);
    const { limitBytes } = this.#options;
    if (this.#full || this.#bytes + bytes.length > limitBytes) {
      this.#rewrite();
      return;
    }
    this.#lines = '';
    try {
      this.#append(bytes);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** `left`: rows that are not acknowledged. */
  acknowledged(seq: number, left: number): void {
    this.write(['a', seq]);
    if (this.#bytes > SMALL_BYTES && (left === 0 || this.#bytes > this.#options.limitBytes / 2))
      this.#rewrite();
  }

  /** `empty`: nothing is left to hand in. */
  close(empty: boolean): void {
    this.flush();
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    if (empty) rmSync(this.#file, { force: true });
  }

  #append(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length) written += writeSync(this.#fd as number, bytes, written);
    this.#bytes += bytes.length;
  }

  /** Beside the old file, which it then replaces: a process that dies meanwhile, or finds no room, leaves one of the two whole. */
  #rewrite(): void {
    this.#lines = '';
    const temporary = `${this.#file}.tmp`;
    const { limitBytes, onProblem } = this.#options;
    try {
      rmSync(temporary, { force: true });
      const before = this.#fd;
      this.#fd = openSync(temporary, 'wx', 0o600);
      if (before !== undefined) closeSync(before);
      this.#bytes = 0;
      let room = true;
      let lines = '';
      for (const record of this.#contents()) {
        const line = lineOf(record);
        room = this.#bytes + lines.length + line.length <= limitBytes;
        if (!room) break;
        lines += line;
        if (lines.length < SMALL_BYTES) continue;
        this.#append(Buffer.from(lines));
        lines = '';
      }
      this.#append(Buffer.from(lines));
      renameSync(temporary, this.#file);
      const full = !room || this.#bytes > limitBytes * 0.9;
      if (full && !this.#full)
        onProblem('rows have no room on disk: those that come now do not survive a restart');
      this.#full = full;
      this.#broken = false;
    } catch (error) {
      this.#failed(error);
      forget(temporary);
    }
  }

  #failed(error: unknown): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    if (!this.#broken) this.#options.onProblem(`rows are not kept on disk: ${(error as Error).message}`);
    this.#broken = true;
  }
}

/** As far as it came, it takes the room of others. */
function forget(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The next process takes it away.
  }
}
