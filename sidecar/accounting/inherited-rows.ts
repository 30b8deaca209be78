/** Rows that an earlier process of the same pod wrote and nobody has acknowledged, as its journal has them. */
import { readdir } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { forgetOwnFile, readOwnFile } from '../snapshot/own-file.ts';
import type { JournalRecord } from './row-journal.ts';
import type { Row, Sequenced, TotalRow } from './rows.ts';

const NAME = /^rows\.([0-9a-zA-Z-]{1,64})\.log(\.tmp)?$/;
/** A pod that restarts over and over while no operator is there. */
const MAX_FILES = 64;
const MAX_BYTES = 16 * 1_048_576;

export class InheritedRows {
  readonly epoch: string;
  readonly bytes: number;
  readonly #file: string;
  #rows: Sequenced<Row | TotalRow>[];

  constructor(epoch: string, file: string, bytes: number, rows: Sequenced<Row | TotalRow>[]) {
    this.epoch = epoch;
    this.bytes = bytes;
    this.#file = file;
    this.#rows = rows;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** The oldest, at most `max`. */
  pending(max: number): Sequenced<Row | TotalRow>[] {
    return this.#rows.slice(0, max);
  }

  acknowledge(seq: number): void {
    this.#rows = this.#rows.filter((row) => row.seq > seq);
  }

  /** Nothing of it is left to hand in. */
  async forget(): Promise<void> {
    await forgetOwnFile(this.#file);
  }
}

/** What earlier processes left, oldest first. Files that are not ours, or cannot be read, are told of and left alone. */
export async function inheritRows(
  directory: string,
  ownEpoch: string,
  onProblem: (problem: string) => void,
): Promise<InheritedRows[]> {
  const found: { at: number; rows: InheritedRows }[] = [];
  const names = await promisify(readdir)(directory).catch(() => []);
  for (const name of names.slice(0, 10 * MAX_FILES)) {
    const [, epoch, unfinished] = NAME.exec(name) ?? [];
    if (epoch === undefined || epoch === ownEpoch || found.length >= MAX_FILES) continue;
    const file = path.join(directory, name);
    try {
      if (unfinished !== undefined) {
        // Its process was killed while it wrote: what this was to replace is there.
        await forgetOwnFile(file);
        continue;
      }
      const { text, at, bytes } = await readOwnFile(file, MAX_BYTES);
      const rows = new InheritedRows(epoch, file, bytes, readJournal(text));
      if (rows.size > 0) found.push({ at, rows });
      else await rows.forget();
    } catch (error) {
      onProblem(`rows of an earlier process were not usable: ${(error as Error).message}`);
    }
  }
  return found.sort((a, b) => a.at - b.at).map(({ rows }) => rows);
}

/** Rows that are not acknowledged, in order. A line that is torn, or not what was written, is left out. */
export function readJournal(text: string): Sequenced<Row | TotalRow>[] {
  let rows: Sequenced<Row | TotalRow>[] = [];
  let folded: (Row | TotalRow)[] = [];
  let last = 0;
  for (const line of text.split('\n')) {
    const record = readLine(line);
    if (record === undefined) continue;
    const [kind, value] = record;
    if (kind === 'r') {
      rows.push(value);
      last = Math.max(last, value.seq);
    } else if (kind === 'a') {
      last = Math.max(last, value);
      rows = rows.filter((row) => row.seq > value);
    } else if (kind === 'z') {
      folded = [];
    } else {
      folded.push(value);
    }
  }
  // They never had a place in the sequence, so nobody has heard of them.
  for (const one of folded) rows.push({ ...one, seq: ++last });
  return rows;
}

function readLine(line: string): JournalRecord | undefined {
  const json = line.slice(9);
  if (line[8] !== ' ' || crc32(json).toString(16).padStart(8, '0') !== line.slice(0, 8)) return undefined;
  return JSON.parse(json) as JournalRecord;
}
