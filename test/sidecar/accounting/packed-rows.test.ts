import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PackedRows } from '../../../sidecar/accounting/packed-rows.ts';
import type { Row, Sequenced, TotalRow } from '../../../sidecar/accounting/rows.ts';
import { NO_USAGE } from '../../../sidecar/accounting/usage.ts';

/** Mostly what fits into 32 bits, up to the last that does, and now and then what does not. */
const from = (min: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min, max: 2 ** 32 - 2 }) },
    { weight: 2, arbitrary: fc.constantFrom(2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32) },
    { weight: 1, arbitrary: fc.integer({ min, max: Number.MAX_SAFE_INTEGER }) },
  );
const tokens = from(0);
/** None are told by leaving the kind out. */
const some = from(1);
const usage = fc.record(
  {
    input: tokens,
    cacheRead: tokens,
    cacheWrite5m: some,
    cacheWrite1h: some,
    audioInput: tokens,
    audioCacheRead: some,
    output: tokens,
    reasoning: tokens,
    audioOutput: tokens,
    imageOutput: some,
    requests: tokens,
  },
  { requiredKeys: ['input', 'cacheRead', 'audioInput', 'output', 'reasoning', 'audioOutput'] },
);
const anyRow: fc.Arbitrary<Row> = fc.record(
  {
    type: fc.constant('Attempt' as const),
    request: fc.string(),
    attempt: fc.nat(9),
    at: fc.nat({ max: 2 ** 45 }),
    operation: fc.constantFrom('chat', 'embeddings'),
    route: fc.constantFrom('shop/a', 'shop/b'),
    rule: fc.constantFrom('', 'main'),
    target: fc.constantFrom('t', 'u'),
    provider: fc.constantFrom('provider/shop/a', 'provider/shop/b'),
    credential: fc.constantFrom('main', 'spare'),
    model: fc.string(),
    kind: fc.constantFrom('First' as const, 'Retry' as const),
    outcome: fc.constantFrom('Ok' as const, 'Failed' as const),
    failure: fc.constantFrom('Timeout', 'RateLimit'),
    source: fc.constantFrom('Provider' as const, 'Estimated' as const),
    usage,
    costNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 65n }).map(String),
    savedNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 65n }).map(String),
  },
  {
    requiredKeys: [
      'type',
      'request',
      'attempt',
      'at',
      'operation',
      'rule',
      'target',
      'provider',
      'model',
      'kind',
      'outcome',
      'source',
      'usage',
    ],
  },
);
const anyTotal: fc.Arbitrary<TotalRow> = fc.record({
  type: fc.constant('Total' as const),
  provider: fc.string(),
  model: fc.string(),
  source: fc.constant('Provider' as const),
  rows: tokens,
  unpriced: tokens,
  from: tokens,
  to: tokens,
  usage: fc.constant({ ...NO_USAGE }),
  costNanoUsd: fc.bigInt({ min: 0n, max: 2n ** 80n }).map(String),
});
const step = fc.oneof(
  { weight: 6, arbitrary: anyRow },
  { weight: 1, arbitrary: anyTotal },
  { weight: 2, arbitrary: fc.nat(40) },
);

describe('PackedRows', () => {
  it('is a queue: every row comes out as it went in, under consecutive numbers', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const packed = new PackedRows();
        const kept: Sequenced<Row | TotalRow>[] = [];
        let seq = 0;
        for (const one of steps) {
          if (typeof one === 'number') {
            const count = Math.min(one, kept.length);
            packed.drop(count);
            kept.splice(0, count);
          } else {
            if (one.type === 'Total') packed.pushTotal(one);
            else packed.push(one);
            kept.push({ ...one, seq: ++seq });
          }
        }
        expect(packed.length).toBe(kept.length);
        expect(kept.map((_, i) => packed.at(i))).toEqual(kept);
        expect(packed.firstSeq).toBe(seq - kept.length + 1);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps rows apart whose kinds are too many to share', () => {
    const packed = new PackedRows();
    const row = (i: number): Row => ({
      type: 'Attempt',
      request: `r${i}`,
      attempt: 0,
      at: i,
      operation: 'chat',
      rule: 'main',
      target: 't',
      provider: 'provider/shop/main',
      model: `m${i}`,
      kind: 'First',
      outcome: 'Ok',
      source: 'Provider',
      usage: { ...NO_USAGE, input: i },
      costNanoUsd: String(i),
    });
    for (let i = 0; i < 6000; i++) packed.push(row(i));
    for (const i of [0, 4095, 4096, 5999]) expect(packed.at(i)).toEqual({ ...row(i), seq: i + 1 });
    packed.drop(6000);
    packed.push(row(7));
    expect(packed.at(0)).toEqual({ ...row(7), seq: 6001 });
  });

  it('gives back what a request of our own was for, and on whose behalf', () => {
    const rows = new PackedRows();
    const row: Row = {
      type: 'Attempt',
      request: 'abc.7~1',
      parent: 'abc.7',
      purpose: 'Classifier',
      attempt: 0,
      at: 1,
      operation: 'chat',
      rule: 'signals.classifier',
      target: 'classifier',
      provider: 'provider/shop/a',
      model: 'm',
      kind: 'First',
      outcome: 'Ok',
      source: 'Provider',
      usage: NO_USAGE,
    };
    const { parent: _, ...nobodys } = { ...row, request: '~0.xyz' };
    for (const one of [row, nobodys]) rows.push(one);
    expect([rows.at(0), rows.at(1)]).toEqual([
      { ...row, seq: 1 },
      { ...nobodys, seq: 2 },
    ]);
  });
});
