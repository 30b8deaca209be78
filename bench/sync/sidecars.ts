/** The sidecars of the sync bench, in one process: the real snapshot client for each, with a token and sockets of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SnapshotClient } from '../../sidecar/snapshot/client.ts';
import { CredentialStore } from '../../sidecar/snapshot/credentials.ts';
import { ConfigHolder } from '../../sidecar/snapshot/holder.ts';
import type { SidecarsSetup } from './messages.ts';
import { tell } from './messages.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'outrider-bench-'));

async function run({ port, ca, tokens }: SidecarsSetup): Promise<void> {
  const caFile = path.join(directory, 'ca.pem');
  writeFileSync(caFile, ca);
  for (const [index, token] of tokens.entries()) {
    const tokenFile = path.join(directory, `token-${index}`);
    writeFileSync(tokenFile, token);
    const credentials = new CredentialStore();
    const client = new SnapshotClient({
      url: `https://127.0.0.1:${port}`,
      tokenFile,
      caFile,
      proxyVersion: 'bench',
    });
    await client.start(new ConfigHolder({ credentials }), credentials);
  }
  tell({ type: 'started' });
}

process.once('message', (setup: SidecarsSetup) => {
  run(setup).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
