/**
 * A sidecar with metrics and log on, and a route to a vendor of each dialect on the port given. Prints `{"port":N}` when it listens.
 *
 *   node bench/dialects/sidecar-process.ts <vendor's port>
 */
import { startSidecar } from '../../sidecar/sidecar.ts';
import { InProcessSource } from '../../sidecar/snapshot/source.ts';
import { createTelemetry } from '../../sidecar/telemetry/create.ts';
import { VENDORS } from '../../test/sidecar/matrix/vendors.ts';
import {
  credentialsOf,
  providerItem,
  routeItem,
  rule,
  snapshotOf,
  target,
} from '../../test/sidecar/support/configuration.ts';

const [vendorPort] = process.argv.slice(2);
const warn = (message: string): void => void process.stderr.write(`${message}\n`);
const source = new InProcessSource();
const items = VENDORS.flatMap(({ dialect, type, path, model, parameters }) => [
  providerItem(dialect, `http://127.0.0.1:${vendorPort}${path}`, {
    type,
    models: [{ name: model, upstreamName: model, maxOutputTokens: 8192, prices: { input: 1, output: 2 } }],
    ...(parameters && { parameters }),
  }),
  routeItem(dialect, [`at-${dialect}`], [rule([target(dialect, { model })])]),
]);
const snapshot = snapshotOf(items);
const loopback = { host: '127.0.0.1', port: 0 };
const sidecar = await startSidecar({
  listen: loopback,
  admin: loopback,
  source,
  telemetry: (gauges) =>
    createTelemetry({ version: '0', gauges, env: {}, accessLog: { destination: '/dev/null' }, warn }),
  warn,
});
source.publish(snapshot, credentialsOf(snapshot));
process.stdout.write(`${JSON.stringify({ port: sidecar.port })}\n`);
