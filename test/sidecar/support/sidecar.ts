/** A whole sidecar on loopback, fed from the same process. */
import { type Row, type RowSink } from '../../../sidecar/accounting/rows.ts';
import type { Exchange } from '../../../sidecar/exchange.ts';
import { type Sidecar, type SidecarOptions, startSidecar } from '../../../sidecar/sidecar.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { InProcessSource } from '../../../sidecar/snapshot/source.ts';
import type { TelemetryGauges } from '../../../sidecar/telemetry/create.ts';
import type { Telemetry } from '../../../sidecar/telemetry/telemetry.ts';
import { credentialsOf, snapshotOf } from './configuration.ts';

export interface TestSidecar extends Sidecar {
  url: string;
  adminUrl: string;
  rows: Row[];
  /** What telemetry was told, one entry per request. */
  ended: EndedExchange[];
  warnings: string[];
  /** Requests that have come and are not over. */
  underWay(): number;
  /** Those of them that wait for headroom. */
  waiting(): number;
  publish(items: Snapshot['items']): void;
}

interface EndedExchange {
  id: string;
  path: string;
  route: string | undefined;
  outcome: NonNullable<Exchange['outcome']>;
  attempts: Exchange['attempts'];
}

const LOOPBACK = { host: '127.0.0.1', port: 0 };

export async function startTestSidecar(
  items: Snapshot['items'] | undefined,
  options: Partial<SidecarOptions> = {},
): Promise<TestSidecar> {
  const source = new InProcessSource();
  const rows: Row[] = [];
  const ended: EndedExchange[] = [];
  const warnings: string[] = [];
  let gauges: TelemetryGauges | undefined;
  const sink: RowSink = { append: (row) => rows.push(row) };
  const sidecar = await startSidecar({
    listen: LOOPBACK,
    admin: LOOPBACK,
    source,
    rows: sink,
    telemetry: (read) => {
      gauges = read;
      return Promise.resolve(recordingTelemetry(ended));
    },
    warn: (message) => warnings.push(message),
    ...options,
  });
  const publish = (published: Snapshot['items']) => {
    const snapshot = snapshotOf(published);
    source.publish(snapshot, credentialsOf(snapshot));
  };
  if (items) publish(items);
  return {
    ...sidecar,
    url: `http://127.0.0.1:${sidecar.port}`,
    adminUrl: `http://127.0.0.1:${sidecar.adminPort}`,
    rows,
    ended,
    warnings,
    underWay: () => gauges?.inFlight() ?? 0,
    waiting: () => gauges?.waiting?.() ?? 0,
    publish,
  };
}

function recordingTelemetry(ended: EndedExchange[]): Telemetry {
  return {
    record: ({ id, path, route, outcome, attempts }) => {
      if (outcome) ended.push({ id, path, route, outcome, attempts });
    },
    ejected() {},
    scored() {},
    breakerMoved() {},
    noticed() {},
    snapshotChanged() {},
    metrics: () => Promise.resolve('# none\n'),
    metricsContentType: 'text/plain; version=0.0.4; charset=utf-8',
    request: () => undefined,
    flush: () => Promise.resolve(),
  };
}

export { until } from '../../support/until.ts';
