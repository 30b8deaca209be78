/** `node bench/journal-kills.ts [COUNT]`: kills a process that writes rows so many times, and says whether any were lost. */
import { killOnce, nothingLost } from '../test/sidecar/accounting/journal-kills.ts';

const count = Number(process.argv[2] ?? 1000);
let written = 0n;
let found = 0n;
let lost = 0;
for (let i = 0; i < count; i++) {
  const killed = await killOnce(Math.random() * 60);
  written += killed.written;
  found += killed.found + killed.acknowledged;
  if (!nothingLost(killed)) {
    lost++;
    process.stdout.write(`${JSON.stringify(killed, (_, value: unknown) => String(value))}\n`);
  }
}
process.stdout.write(
  `${count} kills, ${written} rows said to be written, ${found} found; kills that lost rows: ${lost}\n`,
);
process.exitCode = lost === 0 ? 0 : 1;
