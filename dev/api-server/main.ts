/** `node dev/api-server/main.ts [--port N]`: an API server by hand. Prints the path of its kubeconfig. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { allCrds } from '../../crds/definitions.ts';
import { startApiServer } from './server.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
  console.error(`--port ${values.port}: must be a whole number from 0 to 65535`);
  process.exit(2);
}
const server = await startApiServer({ port: Number(values.port), crds: allCrds() });
const dir = mkdtempSync(path.join(tmpdir(), 'outrider-api-server-'));
const file = path.join(dir, 'kubeconfig');
writeFileSync(file, server.kubeconfig(), { mode: 0o600 });
console.log(file);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    rmSync(dir, { recursive: true, force: true });
    process.exit(0);
  });
}
