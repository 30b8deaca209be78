import { describe, expect, it } from 'vitest';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';

function row(change: Partial<Row> = {}): Row {
  return {
    type: 'Attempt',
    request: 'r',
    attempt: 0,
    at: 1,
    operation: 'chat',
    route: 'shop/assistant',
    rule: 'main',
    target: 't',
    provider: 'provider/shop/main',
    model: 'm',
    kind: 'First',
    outcome: 'Ok',
    source: 'Provider',
    usage: { ...NO_USAGE, input: 10, output: 5 },
    costNanoUsd: '100',
    ...change,
  };
}

const seqs = (rows: readonly { seq: number }[]) => rows.map((one) => one.seq);
/** Room for this many rows. */
const spool = (rows: number) => new RowSpool(rows * 512);

describe('RowSpool', () => {
  it('keeps rows, in order, until they are acknowledged', () => {
    const kept = spool(100);
    for (let i = 0; i < 5; i++) kept.append(row());
    expect(seqs(kept.pending(3))).toEqual([1, 2, 3]);
    expect(seqs(kept.pending(3))).toEqual([1, 2, 3]);
    kept.acknowledge(2);
    expect(seqs(kept.pending(10))).toEqual([3, 4, 5]);
    kept.acknowledge(99);
    expect(seqs(kept.pending(10))).toEqual([3, 4, 5]);
    kept.acknowledge(5);
    kept.acknowledge(3);
    expect(kept.size).toBe(0);
  });

  it('folds what does not fit into totals, and loses no cent', () => {
    const kept = spool(2);
    for (let i = 0; i < 2; i++) kept.append(row());
    const sent = structuredClone(kept.pending(10));
    for (let i = 0; i < 1000; i++) {
      const { costNanoUsd: _, ...unpriced } = row({ model: 'b', at: i });
      kept.append(i % 2 === 0 ? row({ at: i }) : unpriced);
    }
    expect(kept.size).toBe(4);
    // What was sent once comes again as it was.
    expect(kept.pending(10)).toEqual(sent);
    kept.acknowledge(2);
    const totals = kept.pending(10);
    expect(totals).toEqual([
      expect.objectContaining({
        type: 'Total',
        seq: 3,
        model: 'm',
        rows: 500,
        unpriced: 0,
        costNanoUsd: '50000',
      }),
      expect.objectContaining({
        type: 'Total',
        seq: 4,
        model: 'b',
        rows: 500,
        unpriced: 500,
        costNanoUsd: '0',
      }),
    ]);
    expect(totals[0]?.usage).toEqual({ ...NO_USAGE, input: 5000, output: 2500 });
    kept.append(row());
    expect(seqs(kept.pending(10))).toEqual([3, 4]);
    kept.acknowledge(4);
    kept.append(row());
    expect(kept.pending(10).map((one) => [one.type, one.seq])).toEqual([['Total', 5]]);
  });

  it('is bounded in keys, too', () => {
    const kept = spool(1);
    for (let i = 0; i < 5000; i++) kept.append(row({ model: `m${i}` }));
    expect(kept.size).toBeLessThanOrEqual(1002);
    let rows = 0;
    for (let next = kept.pending(1); next.length > 0; next = kept.pending(1)) {
      for (const one of next) {
        rows += one.type === 'Total' ? one.rows : 1;
        kept.acknowledge(one.seq);
      }
    }
    expect(rows).toBe(5000);
  });
});
