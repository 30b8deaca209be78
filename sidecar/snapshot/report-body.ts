/**
 * The bytes of a report. Its rows are hundreds at times, so each is text for a moment only: as strings that wait for one another,
 * they would outlive the young objects around them.
 */
import type { Report } from './messages.ts';

/** A report but for its rows. */
export type Frame = Omit<Report, 'rows'>;

const BEGINNING = Buffer.from('{"rows":[');
const FIRST_CAPACITY = 16 * 1024;
/** No character of a string takes more bytes than this in UTF-8, counted by UTF-16 unit. */
const WORST = 3;

export class ReportBody {
  /** Rows that it has. */
  rows = 0;
  readonly #limit: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #length = BEGINNING.copy(this.#bytes);

  /** `limit`: bytes that beginning and rows may take. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds as many of the first rows as there is room for. */
  add(rows: readonly unknown[]): void {
    for (const row of rows) {
      const text = (this.rows === 0 ? '' : ',') + JSON.stringify(row);
      if (this.#length + Buffer.byteLength(text) > this.#limit) return;
      this.#write(text);
      this.rows++;
    }
  }

  /** A whole `Report` as JSON. */
  finish(frame: Frame): Buffer {
    this.#write(`],${JSON.stringify(frame).slice(1)}`);
    return this.#bytes.subarray(0, this.#length);
  }

  #write(text: string): void {
    const needed = this.#length + text.length * WORST;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(text, this.#length);
  }
}
