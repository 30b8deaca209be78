/** A sidecar whose every provider is hostile: route `h<n>` leads to stream n. Prints `{"port":N}` when it listens. */
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
import { STREAMS } from './streams.ts';

const [vendorPort] = process.argv.slice(2);
const items = STREAMS.flatMap(({ vendor }, i) => {
  const found = VENDORS.find(({ dialect }) => dialect === vendor);
  if (!found) throw new Error(`no vendor speaks ${vendor}`);
  const { type, path, model, parameters } = found;
  return [
    providerItem(`p${i}`, `http://127.0.0.1:${vendorPort}/${i}${path}`, {
      type,
      models: [{ name: model, upstreamName: model, maxOutputTokens: 8192 }],
      ...(parameters && { parameters }),
    }),
    routeItem(`h${i}`, [`h${i}`], [rule([target(`p${i}`, { model })])]),
  ];
});
const source = new InProcessSource();
const snapshot = snapshotOf(items);
const loopback = { host: '127.0.0.1', port: 0 };
const warn = (message: string): void => void process.stderr.write(`${message}\n`);
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
