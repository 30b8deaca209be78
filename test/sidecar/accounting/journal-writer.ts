/** A process that writes rows until it is killed, and says how far it got: `node journal-writer.ts DIRECTORY EPOCH`. */
import { writeSync } from 'node:fs';
import { RowJournal } from '../../../sidecar/accounting/row-journal.ts';
import { RowSpool } from '../../../sidecar/accounting/row-spool.ts';
import type { Row } from '../../../sidecar/accounting/rows.ts';

const [, , directory = '', epoch = ''] = process.argv;

/** Small, so that it is written anew, and rows are folded, many times over. */
const journal = new RowJournal({
  directory,
  epoch,
  limitBytes: 256 * 1024,
  onProblem: (problem) => process.stderr.write(`${problem}\n`),
});
const spool = new RowSpool(64 * 1024, journal);
const charges = [{ budget: 'route/shop/assistant/monthly', key: '', window: 1 }];

const row = (cost: number): Row => ({
  type: 'Attempt',
  request: `r${cost}`,
  attempt: 0,
  at: cost,
  operation: 'chat',
  rule: 'main',
  target: 't',
  provider: 'provider/shop/main',
  model: `m${cost % 3}`,
  kind: 'First',
  outcome: 'Ok',
  source: 'Provider',
  usage: { input: 1, cacheRead: 0, audioInput: 0, output: 1, reasoning: 0, audioOutput: 0 },
  costNanoUsd: '1',
  charges,
});

let written = 0;
let acknowledged = 0n;

/** Now and then a ledger takes what is oldest; the rest of the time rows are folded. */
function turn(): void {
  for (let i = 0; i < 20; i++) spool.append(row(++written));
  if (written % 400 === 0) {
    const rows = spool.pending(60);
    spool.acknowledge(rows.at(-1)?.seq ?? 0, (_, cost) => (acknowledged += cost));
  }
  journal.flush();
  writeSync(1, `${written} ${acknowledged}\n`);
  setImmediate(turn);
}
turn();
