/**
 * Rows on their way to the operator, in memory, bounded. Rows are kept until they are acknowledged; when there is no room,
 * new rows are folded into totals by (route, provider, model, source, whom they charge), so that sums survive an outage of any
 * length.
 *
 * Only rows that were never sent are folded: what was sent may have been counted already, and must come again as it was.
 */
import type { Charge } from './charge.ts';
import { PackedRows } from './packed-rows.ts';
import type { JournalRecord, RowJournal } from './row-journal.ts';
import type { Row, RowSink, Sequenced, TotalRow } from './rows.ts';
import { addUsage, NO_USAGE } from './usage.ts';

const SPOOL_LIMIT = 8 * 1024 * 1024;
/** Totals beyond this many keys share one. */
const MAX_TOTALS = 1000;
/** Rows are counted at what they take as JSON, about this much. */
const ROW_BYTES = 512;

/** A total that still grows: the sum is a number until it is handed in. */
interface OpenTotal {
  readonly row: TotalRow;
  nanoUsd: bigint;
  savedNanoUsd: bigint;
}

const OTHER = '_other';

export class RowSpool implements RowSink {
  private readonly maxRows: number;
  private readonly rows = new PackedRows();
  private readonly totals = new Map<string, OpenTotal>();
  /** Numbers of lists of charges, for as long as totals have them. */
  private charges = new Map<readonly Charge[], number>();
  /** The total of the row before: mostly that of the next one too, and a key is dear to make. */
  private latest: OpenTotal | undefined = undefined;

  private readonly journal: RowJournal | undefined;

  /** `journal`: keeps the rows for the next process, if this one is killed. */
  constructor(limitBytes: number = SPOOL_LIMIT, journal?: RowJournal) {
    this.maxRows = Math.max(1, Math.floor(limitBytes / ROW_BYTES));
    this.journal = journal;
    journal?.onRewrite(() => this.records());
  }

  /** Rows not yet acknowledged, folded ones counted as the totals they became. */
  get size(): number {
    return this.rows.length + this.totals.size;
  }

  append(row: Row): void {
    if (this.rows.length < this.maxRows && this.totals.size === 0) {
      this.rows.push(row);
      this.journal?.write(['r', { ...row, seq: this.rows.lastSeq }]);
    } else {
      fold(row, this.totalOf(row));
      this.journal?.write(['f', row]);
    }
  }

  /** Ends the journal; what is not acknowledged is left for the next process. */
  close(): void {
    this.journal?.close(this.size === 0);
  }

  /** The oldest unacknowledged rows, at most `max`. The same rows come again until they are acknowledged. */
  pending(max: number): Sequenced<Row | TotalRow>[] {
    // Totals get their place in the sequence only now, so that nothing already sent changes.
    if (this.rows.length < max && this.totals.size > 0) this.closeTotals();
    this.journal?.flush();
    const count = Math.min(max, this.rows.length);
    return Array.from({ length: count }, (_, i) => this.rows.at(i));
  }

  /**
   * Everything up to `seq` is safe with the operator. Numbers never given out are ignored. `each` hears what the rows charged
   * that are dropped.
   */
  acknowledge(seq: number, each?: (charges: readonly Charge[], nanoUsd: bigint) => void): void {
    const { firstSeq, length } = this.rows;
    if (seq < firstSeq || seq >= firstSeq + length) return;
    const count = seq - firstSeq + 1;
    if (each) this.tell(count, each);
    this.rows.drop(count);
    this.journal?.acknowledged(seq, this.size);
  }

  private *records(): Generator<JournalRecord> {
    const { firstSeq, length } = this.rows;
    yield ['a', firstSeq - 1];
    for (let i = 0; i < length; i++) yield ['r', this.rows.at(i)];
    for (const total of this.totals.values()) yield ['t', shown(total)];
  }

  private closeTotals(): void {
    this.journal?.write(['z']);
    for (const [key, total] of this.totals) {
      if (this.rows.length >= this.maxRows) break;
      this.totals.delete(key);
      if (this.totals.size === 0) this.charges = new Map();
      this.latest = undefined;
      const row = shown(total);
      this.rows.pushTotal(row);
      this.journal?.write(['r', { ...row, seq: this.rows.lastSeq }]);
    }
    for (const total of this.totals.values()) this.journal?.write(['t', shown(total)]);
  }

  private tell(count: number, each: (charges: readonly Charge[], nanoUsd: bigint) => void): void {
    for (let i = 0; i < count; i++) {
      const charged = this.rows.charged(i);
      if (charged) each(charged.charges, charged.nanoUsd);
    }
  }

  private numberOf(charges: readonly Charge[] | undefined): number {
    if (charges === undefined) return 0;
    let known = this.charges.get(charges);
    if (known === undefined) this.charges.set(charges, (known = this.charges.size + 1));
    return known;
  }

  private totalOf(row: Row): OpenTotal {
    if (this.latest === undefined || !isOf(row, this.latest.row)) this.latest = this.findTotal(row);
    return this.latest;
  }

  private findTotal(row: Row): OpenTotal {
    const charged = this.numberOf(row.charges);
    // Models, and keys, can hold any character, so a length tells where one ends.
    const { key: whose = '' } = row;
    let key = `${row.source}\n${row.provider}\n${row.route ?? ''}\n${charged}\n${whose.length}\n${whose}\n${row.model}`;
    let total = this.totals.get(key);
    if (total) return total;
    const other = this.totals.size >= MAX_TOTALS;
    if (other) {
      // What budgets are charged stays exact, whatever else is told no longer.
      key = `${OTHER}\n${charged}`;
      total = this.totals.get(key);
    }
    if (!total) this.totals.set(key, (total = { row: newTotal(row, other), nanoUsd: 0n, savedNanoUsd: 0n }));
    return total;
  }
}

/** As it is by now. */
function shown({ row, nanoUsd, savedNanoUsd }: OpenTotal): TotalRow {
  return {
    ...row,
    usage: { ...row.usage },
    costNanoUsd: nanoUsd.toString(),
    ...(savedNanoUsd > 0n && { savedNanoUsd: savedNanoUsd.toString() }),
  };
}

function isOf(row: Row, { source, provider, route, model, charges, key }: TotalRow): boolean {
  return (
    row.model === model &&
    row.route === route &&
    row.source === source &&
    row.provider === provider &&
    row.charges === charges &&
    row.key === key
  );
}

function fold(row: Row, total: OpenTotal): void {
  const { row: sum } = total;
  sum.rows++;
  if (row.costNanoUsd === undefined) sum.unpriced++;
  else total.nanoUsd += BigInt(row.costNanoUsd);
  if (row.savedNanoUsd !== undefined) total.savedNanoUsd += BigInt(row.savedNanoUsd);
  if (row.savedTokens !== undefined) sum.savedTokens = (sum.savedTokens ?? 0) + row.savedTokens;
  sum.to = row.at;
  addUsage(sum.usage, row.usage);
}

function newTotal(row: Row, other: boolean): TotalRow {
  const total: TotalRow = {
    type: 'Total',
    provider: other ? OTHER : row.provider,
    model: other ? OTHER : row.model,
    source: row.source,
    rows: 0,
    unpriced: 0,
    from: row.at,
    to: row.at,
    usage: { ...NO_USAGE },
    costNanoUsd: '0',
  };
  if (!other && row.route !== undefined) total.route = row.route;
  if (row.charges !== undefined) total.charges = row.charges;
  if (!other && row.key !== undefined) total.key = row.key;
  return total;
}
