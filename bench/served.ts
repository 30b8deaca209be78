import { startSidecar } from '../sidecar/sidecar.ts';
import type { Snapshot } from '../sidecar/snapshot/schema.ts';
import { InProcessSource } from '../sidecar/snapshot/source.ts';
import { createTelemetry } from '../sidecar/telemetry/create.ts';
import { credentialsOf, snapshotOf } from '../test/sidecar/support/configuration.ts';

/**
 * A sidecar with metrics and log on that serves what is given; prints `{"port":N,"adminPort":N}` when it listens. `keyOf`:
 * the value of each credential, by id; default the same for all.
 */
export async function serve(items: Snapshot['items'], keyOf?: (id: string) => string): Promise<void> {
  const source = new InProcessSource();
  const snapshot = snapshotOf(items);
  const loopback = { host: '127.0.0.1', port: 0 };
  const warn = (message: string): void => void process.stderr.write(`${message}\n`);
  const store = process.env['OUTRIDER_CACHE_URL'];
  const sidecar = await startSidecar({
    listen: loopback,
    admin: loopback,
    source,
    ...(store !== undefined && { cache: { shared: { url: store } } }),
    telemetry: (gauges) =>
      createTelemetry({ version: '0', gauges, env: {}, accessLog: { destination: '/dev/null' }, warn }),
    warn,
  });
  const keys = credentialsOf(snapshot);
  if (keyOf) for (const credential of keys.credentials) credential.value = keyOf(credential.id);
  source.publish(snapshot, keys);
  const { port, adminPort } = sidecar;
  process.stdout.write(`${JSON.stringify({ port, adminPort })}\n`);
}
