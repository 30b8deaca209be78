/** Sidecars of the operator bench, many in one process: the real snapshot client for each, with a token and sockets of its own. */
import { SnapshotClient } from '../../sidecar/snapshot/client.ts';
import { CredentialStore } from '../../sidecar/snapshot/credentials.ts';
import { ConfigHolder } from '../../sidecar/snapshot/holder.ts';
import type { FleetSetup, FleetTold } from './fleet.ts';

const sidecars: { client: SnapshotClient; holder: ConfigHolder }[] = [];
const tell = (message: FleetTold): void => void process.send?.(message);

async function start({ port, caFile, tokenFiles }: FleetSetup): Promise<void> {
  for (const tokenFile of tokenFiles) {
    const credentials = new CredentialStore();
    const holder = new ConfigHolder({ credentials });
    const client = new SnapshotClient({
      url: `https://127.0.0.1:${port}`,
      tokenFile,
      caFile,
      proxyVersion: 'bench',
    });
    sidecars.push({ client, holder });
    await client.start(holder, credentials);
  }
  while (facts().configured < sidecars.length) await new Promise((resolve) => setTimeout(resolve, 50));
  tell({ type: 'started' });
}

function facts() {
  const count = (test: (sidecar: (typeof sidecars)[number]) => boolean) => sidecars.filter(test).length;
  return {
    connected: count(({ client }) => client.status().connected),
    configured: count(({ holder }) => holder.hash !== ''),
    exceptions: sidecars.reduce((sum, { holder }) => sum + holder.acknowledgement().exceptions.length, 0),
  };
}

process.on('message', (message: FleetSetup | 'facts') => {
  if (message === 'facts') {
    tell({ type: 'facts', ...facts() });
    return;
  }
  start(message).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
