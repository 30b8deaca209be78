/**
 * The bytes of a report. Its rows are hundreds at times, so each is text for a moment only: as strings that wait for one another,
 * they would outlive the young objects around them.
 */
import type { Report } from './messages.ts';

/** A report but for its rows. */
export type Frame = Omit<Report, 'rows'>;

const BEGINNING = Buffer.from('{"rows":[');
/** Before the frame, whose own brace the beginning has. */
const ENDING = '],';
const FIRST_CAPACITY = 16 * 1024;

export class ReportBody {
  /** Rows that it has. */
  rows = 0;
  readonly #limit: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #length = BEGINNING.copy(this.#bytes);

  /** `room`: bytes that it may take beyond those of its frame as JSON. */
  constructor(room: number) {
    this.#limit = room + '{'.length - ENDING.length;
  }

  /** Adds as many of the first rows as there is room for. */
  add(rows: readonly unknown[]): void {
    for (const row of rows) {
      const text = (this.rows === 0 ? '' : ',') + JSON.stringify(row);
      const bytes = Buffer.byteLength(text);
      if (this.#length + bytes > this.#limit) return;
      this.#write(text, bytes);
      this.rows++;
    }
  }

  /** A whole `Report` as JSON. */
  finish(frame: Frame): Buffer {
    const text = ENDING + JSON.stringify(frame).slice(1);
    this.#write(text, Buffer.byteLength(text));
    return this.#bytes.subarray(0, this.#length);
  }

  #write(text: string, bytes: number): void {
    const needed = this.#length + bytes;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.write(text, this.#length);
    this.#length = needed;
  }
}
