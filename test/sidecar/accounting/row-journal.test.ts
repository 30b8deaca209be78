import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inheritRows, readJournal } from '../../../sidecar/accounting/inherited-rows.ts';
import { fileOf, lineOf, RowJournal } from '../../../sidecar/accounting/row-journal.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';
import { killOnce, nothingLost } from './journal-kills.ts';

let directory: string;
const problems: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'outrider-rows-'));
  problems.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const row = (cost: number, over: Partial<Row> = {}): Row => ({
  type: 'Attempt',
  request: `r${cost}`,
  attempt: 0,
  at: 1_000 + cost,
  operation: 'chat',
  rule: 'main',
  target: 't',
  provider: 'provider/shop/main',
  model: 'm',
  kind: 'First',
  outcome: 'Ok',
  source: 'Provider',
  usage: { input: 1, cacheRead: 0, audioInput: 0, output: 1, reasoning: 0, audioOutput: 0 },
  costNanoUsd: String(cost),
  ...over,
});

const journalIn = (epoch = 'one', limitBytes = 1_000_000): RowJournal =>
  new RowJournal({ directory, epoch, limitBytes, onProblem: (problem) => problems.push(problem) });

const inherited = () => inheritRows(directory, 'next', (problem) => problems.push(problem));

describe('rows of a process that was killed', () => {
  it('come again under its epoch, in their places, without those that were acknowledged', async () => {
    const spool = new RowSpool(1_000_000, journalIn());
    for (let i = 1; i <= 5; i++) spool.append(row(i));
    expect(spool.pending(10)).toHaveLength(5);
    spool.acknowledge(2);
    spool.append(row(6));
    spool.pending(1);
    const [left] = await inherited();
    expect(left?.epoch).toBe('one');
    expect(left?.pending(10).map(({ seq, costNanoUsd }) => [seq, costNanoUsd])).toEqual([
      [3, '3'],
      [4, '4'],
      [5, '5'],
      [6, '6'],
    ]);
    left?.acknowledge(5);
    expect(left?.size).toBe(1);
    await left?.forget();
    expect(await inherited()).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('are all there where they were folded, each charged to its budget', async () => {
    const charges = [{ budget: 'route/shop/a/b', key: 'k', window: 7 }];
    const spool = new RowSpool(1024, journalIn());
    for (let i = 0; i < 10; i++) spool.append(row(1, { charges, key: 'team' }));
    spool.pending(1);
    const [folded] = await inherited();
    expect(folded?.size).toBe(10);
    spool.acknowledge(2);
    // Totals have their place now: folded rows do not come a second time.
    const sent = spool.pending(10);
    expect(sent).toMatchObject([{ type: 'Total', seq: 3, rows: 8, costNanoUsd: '8', charges, key: 'team' }]);
    const [closed] = await inherited();
    expect(closed?.pending(10)).toEqual(JSON.parse(JSON.stringify(sent)));
  });

  it('are none where the process ended in order with nothing left to say', async () => {
    const spool = new RowSpool(1_000_000, journalIn());
    spool.append(row(1));
    spool.acknowledge(spool.pending(1)[0]?.seq ?? 0);
    spool.close();
    expect(await inherited()).toEqual([]);
  });

  it('are bounded on disk, and what is acknowledged makes room', async () => {
    const spool = new RowSpool(10_000_000, journalIn('one', 100_000));
    for (let i = 0; i < 1000; i++) spool.append(row(1));
    const sent = spool.pending(1000);
    expect(problems).toHaveLength(1);
    const file = path.join(directory, fileOf('one'));
    expect(readFileSync(file).length).toBeLessThanOrEqual(100_000);
    spool.acknowledge(sent.at(-1)?.seq ?? 0);
    spool.append(row(2));
    spool.pending(1);
    const [left] = await inherited();
    expect(left?.pending(10)).toMatchObject([{ seq: 1001, costNanoUsd: '2' }]);
  });
});

it('keeps the file it has where the new one finds no room', async () => {
  const script = path.join(import.meta.dirname, 'journal-without-room.ts');
  const limited = ['-c', 'ulimit -f 2048; exec "$@"', 'limited', process.execPath, script, directory, 'one'];
  const said = await promisify(execFile)('sh', limited);
  expect(said.stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^rows are not kept on disk: EFBIG/),
  ]);
  const [left] = await inherited();
  expect(left?.pending(10).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(readdirSync(directory)).toEqual([fileOf('one')]);
});

it('takes away what a process left that was killed while it wrote a file anew', async () => {
  writeFileSync(path.join(directory, fileOf('one')), lineOf(['r', { ...row(1), seq: 1 }]), { mode: 0o600 });
  writeFileSync(path.join(directory, `${fileOf('one')}.tmp`), lineOf(['a', 0]), { mode: 0o600 });
  writeFileSync(path.join(directory, `${fileOf('next')}.tmp`), '', { mode: 0o600 });
  expect(await inherited()).toMatchObject([{ epoch: 'one', size: 1 }]);
  expect(readdirSync(directory).sort()).toEqual([`${fileOf('next')}.tmp`, fileOf('one')]);
  expect(problems).toEqual([]);
});

describe('a file that is not whole', () => {
  const lines = Array.from({ length: 20 }, (_, i) => lineOf(['r', { ...row(i), seq: i + 1 }]));

  it('gives every line that was written, wherever it ends', () => {
    const text = lines.join('');
    fc.assert(
      fc.property(fc.nat(text.length), (cut) => {
        const whole = lines.filter((_, i) => lines.slice(0, i + 1).join('').length <= cut + 1).length;
        const read = readJournal(text.slice(0, cut)).map(({ seq }) => seq);
        expect(read).toEqual(Array.from({ length: whole }, (_, i) => i + 1));
      }),
      { numRuns: 300 },
    );
  });

  it('is never believed beyond its checksums', async () => {
    const broken = lines.map((line, i) => (i === 3 ? line.replace('"t"', '"x"') : line));
    expect(readJournal(broken.join('')).map(({ seq }) => seq)).not.toContain(4);
    writeFileSync(path.join(directory, fileOf('open')), lines.join(''), { mode: 0o644 });
    expect(await inherited()).toEqual([]);
    expect(problems).toEqual(['rows of an earlier process were not usable: others may read or write it']);
  });
});

it('loses nothing that was written when it is killed', async () => {
  for (const afterMs of [0, 3, 11, 24]) {
    const killed = await killOnce(afterMs);
    expect(killed.written).toBeGreaterThan(0n);
    expect([killed, nothingLost(killed)]).toEqual([killed, true]);
  }
});
