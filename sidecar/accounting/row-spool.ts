/**
 * Rows on their way to the operator, in memory, bounded. Rows are kept until they are acknowledged; when there is no room,
 * new rows are folded into totals by (route, provider, model, source), so that sums survive an outage of any length.
 *
 * Only rows that were never sent are folded: what was sent may have been counted already, and must come again as it was.
 */
import type { Row, RowSink, Sequenced, TotalRow } from './rows.ts';
import type { Usage } from './usage.ts';

const SPOOL_LIMIT = 8 * 1024 * 1024;
/** Totals beyond this many keys share one. */
const MAX_TOTALS = 1000;
/** Rows are counted at what they take as JSON, about this much. */
const ROW_BYTES = 512;

export class RowSpool implements RowSink {
  private readonly maxRows: number;
  private rows: Sequenced<Row | TotalRow>[] = [];
  private readonly totals = new Map<string, TotalRow>();
  private lastSeq = 0;

  constructor(limitBytes: number = SPOOL_LIMIT) {
    this.maxRows = Math.max(1, Math.floor(limitBytes / ROW_BYTES));
  }

  /** Rows not yet acknowledged, folded ones counted as the totals they became. */
  get size(): number {
    return this.rows.length + this.totals.size;
  }

  append(row: Row): void {
    if (this.rows.length < this.maxRows && this.totals.size === 0) {
      this.rows.push({ ...row, seq: ++this.lastSeq });
    } else {
      this.fold(row);
    }
  }

  /** The oldest unacknowledged rows, at most `max`. The same rows come again until they are acknowledged. */
  pending(max: number): Sequenced<Row | TotalRow>[] {
    // Totals get their place in the sequence only now, so that nothing already sent changes.
    if (this.rows.length < max) {
      for (const [key, total] of this.totals) {
        if (this.rows.length >= this.maxRows) break;
        this.totals.delete(key);
        this.rows.push({ ...total, seq: ++this.lastSeq });
      }
    }
    return this.rows.slice(0, max);
  }

  /** Everything up to `seq` is safe with the operator. Numbers never given out are ignored. */
  acknowledge(seq: number): void {
    if (seq > this.lastSeq) return;
    let done = 0;
    while (done < this.rows.length && (this.rows[done] as Sequenced<Row>).seq <= seq) done++;
    if (done > 0) this.rows = this.rows.slice(done);
  }

  private fold(row: Row): void {
    let key = JSON.stringify([row.route, row.provider, row.model, row.source]);
    if (!this.totals.has(key) && this.totals.size >= MAX_TOTALS) key = '_other';
    const total = this.totals.get(key) ?? newTotal(row, key === '_other');
    total.rows++;
    if (row.costNanoUsd === undefined) total.unpriced++;
    total.to = row.at;
    total.usage = add(total.usage, row.usage);
    total.costNanoUsd = (BigInt(total.costNanoUsd) + BigInt(row.costNanoUsd ?? 0)).toString();
    this.totals.set(key, total);
  }
}

function newTotal(row: Row, other: boolean): TotalRow {
  const total: TotalRow = {
    type: 'Total',
    provider: other ? '_other' : row.provider,
    model: other ? '_other' : row.model,
    source: row.source,
    rows: 0,
    unpriced: 0,
    from: row.at,
    to: row.at,
    usage: { input: 0, cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 },
    costNanoUsd: '0',
  };
  if (!other && row.route !== undefined) total.route = row.route;
  return total;
}

function add(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    cacheRead: a.cacheRead + b.cacheRead,
    audioInput: a.audioInput + b.audioInput,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    audioOutput: a.audioOutput + b.audioOutput,
  };
}
