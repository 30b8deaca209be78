/** A journal that is to be written anew where nothing that large can be written: `node journal-without-room.ts DIRECTORY EPOCH`. */
import { RowJournal } from '../../../sidecar/accounting/row-journal.ts';

const [, , directory = '', epoch = ''] = process.argv;

const journal = new RowJournal({
  directory,
  epoch,
  limitBytes: 10_000_000,
  onProblem: (problem) => process.stdout.write(`${problem}\n`),
});

const total = (seq: number, text: string) =>
  ({
    type: 'Total',
    provider: 'provider/shop/main',
    model: text,
    source: 'Provider',
    rows: 1,
    unpriced: 0,
    from: 1,
    to: 1,
    usage: { input: 1, cacheRead: 0, audioInput: 0, output: 1, reasoning: 0, audioOutput: 0 },
    costNanoUsd: '1',
    seq,
  }) as const;

for (let seq = 1; seq <= 3; seq++) journal.write(['r', total(seq, 'm')]);
journal.flush();
journal.onRewrite(function* () {
  for (let seq = 1; seq <= 10; seq++) yield ['r', total(seq, 'm'.repeat(500_000))];
});
for (let seq = 4; seq <= 5; seq++) journal.write(['r', total(seq, 'm'.repeat(5_000_000))]);
journal.flush();
// Each tries once more.
journal.acknowledged(1, 0);
journal.acknowledged(2, 0);
journal.close(false);
