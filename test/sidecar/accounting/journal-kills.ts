/** Kills a process that writes rows, over and over, and compares what it said with what it left. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inheritRows } from '../../../sidecar/accounting/inherited-rows.ts';

const WRITER = path.join(import.meta.dirname, 'journal-writer.ts');

export interface Killed {
  /** Rows it said were written, and those of them that were acknowledged. */
  written: bigint;
  acknowledged: bigint;
  /** Cost of the rows that the next process found: one each. */
  found: bigint;
  /** Places in the sequence follow one another. */
  inOrder: boolean;
}

export async function killOnce(afterMs: number): Promise<Killed> {
  const directory = await mkdtemp(path.join(tmpdir(), 'outrider-journal-'));
  try {
    const child = spawn(process.execPath, [WRITER, directory, 'first'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      // Its time begins when it writes.
      if (said === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
      said = (said + chunk.toString()).slice(-200);
    });
    await new Promise((resolve) => child.on('close', resolve));
    const [line = ''] = said.split('\n').slice(0, -1).slice(-1);
    const [written = '0', acknowledged = '0'] = line.split(' ');
    const [left] = await inheritRows(directory, 'second', () => {});
    const rows = left?.pending(1_000_000) ?? [];
    let found = 0n;
    let inOrder = true;
    let before: number | undefined;
    for (const { seq, costNanoUsd } of rows) {
      found += BigInt(costNanoUsd ?? '0');
      inOrder &&= before === undefined || seq === before + 1;
      before = seq;
    }
    return { written: BigInt(written), acknowledged: BigInt(acknowledged), found, inOrder };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Rows of one turn, or one acknowledgement, may have come after what it said last. */
export const nothingLost = ({ written, acknowledged, found, inOrder }: Killed): boolean => {
  const expected = written - acknowledged;
  // Acknowledgements are of 60 places, any of which may be a total of many rows.
  return inOrder && found + acknowledged <= written + 20n && (found >= expected || written % 400n === 380n);
};
