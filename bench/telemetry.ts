/**
 * What one request costs in telemetry, in microseconds of CPU: metrics, log line, ring and, where sampled, spans. Prints
 * the median of several rounds; `node bench/telemetry.ts`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exchange } from '../sidecar/exchange.ts';
import { AccessLog } from '../sidecar/telemetry/access-log.ts';
import { createTelemetry } from '../sidecar/telemetry/create.ts';
import { finish } from '../sidecar/telemetry/finished.ts';
import type { Semconv } from '../sidecar/telemetry/instruments.ts';
import { KnownNames } from '../sidecar/telemetry/known-names.ts';
import { Meter } from '../sidecar/telemetry/meter.ts';
import { MetricsRecorder } from '../sidecar/telemetry/record-metrics.ts';
import { RequestRing } from '../sidecar/telemetry/request-ring.ts';
import { logRecord, requestDetail } from '../sidecar/telemetry/summarise.ts';
import { attempt, exchange, settled, world } from '../test/sidecar/telemetry/exchanges.ts';

const ROUNDS = 9;
const REQUESTS = 20_000;

const here = world();
const { first, second } = here.candidates;
if (!first || !second) throw new Error('the fixture has no candidates');
const plain = exchange(here);
const failedOver = exchange(here, {
  attempts: [
    attempt(first, 0.2, 80, { failure: 'ServerError', httpStatus: 503, settlement: settled({}, 0n, 'None') }),
    attempt(second, 105, 300, {
      kind: 'Failover',
      settlement: settled({ input: 900, output: 80 }, 7n, 'Estimated'),
    }),
  ],
});
// One request in twenty fails over.
const mixed = Array.from({ length: 20 }, (_, i) => (i === 0 ? failedOver : plain));

async function measure(name: string, each: (exchange: Exchange) => void): Promise<void> {
  const rounds: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < REQUESTS; i++) {
      each(mixed[i % mixed.length] as Exchange);
      // The log and the exporter write in the background, so they need the loop, and what they cost counts.
      if (i % 200 === 199) await new Promise((resolve) => setImmediate(resolve));
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) rounds.push((user + system) / REQUESTS);
  }
  rounds.sort((a, b) => a - b);
  const [low, median, high] = [rounds[0], rounds[ROUNDS >> 1], rounds[ROUNDS - 1]].map((us) =>
    us?.toFixed(2),
  );
  console.log(`${name.padEnd(46)} ${median} us per request (${low} to ${high})`);
}

function recorder(semconv: Semconv): MetricsRecorder {
  const made = new MetricsRecorder(new Meter(semconv), new KnownNames(undefined));
  made.changeNames(new KnownNames(here.snapshot));
  return made;
}

function finishedOf(one: Exchange) {
  if (!one.outcome) throw new Error('unfinished');
  return finish(one, one.outcome);
}

const latest = recorder('latest');
await measure('metrics, latest names', (one) => latest.record(finishedOf(one)));
const both = recorder('both');
await measure('metrics, both sets of names', (one) => both.record(finishedOf(one)));

const log = new AccessLog({ destination: '/dev/null' });
await measure('log line', (one) => log.write(JSON.stringify(logRecord(finishedOf(one), undefined, 1))));
await measure('metrics and log line', (one) => {
  const finished = finishedOf(one);
  latest.record(finished);
  log.write(JSON.stringify(logRecord(finished, undefined, 1)));
});
const ring = new RequestRing();
const line = JSON.stringify(logRecord(finishedOf(plain), undefined, 1));
let serial = 0;
await measure('detail for the admin port', (one) => {
  ring.add(`${serial++}`, line, JSON.stringify(requestDetail(one)));
});

async function whole(env: Record<string, string>) {
  const telemetry = await createTelemetry({
    version: 'bench',
    env,
    gauges: {
      snapshotAgeMs: () => 0,
      degraded: () => false,
      inFlight: () => 0,
      memoryUsedBytes: () => 0,
      memoryLimitBytes: () => 0,
    },
    accessLog: { destination: '/dev/null' },
    warn: console.error,
  });
  telemetry.snapshotChanged(here.snapshot);
  return telemetry;
}

const untraced = await whole({});
await measure('everything, no exporter', (one) => untraced.record(one));

const collector = createServer((req, res) => req.resume().on('end', () => res.end('{}')));
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
for (const ratio of ['0', '0.05', '1']) {
  const traced = await whole({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: ratio,
  });
  await measure(`everything, sampling ${ratio}`, (one) => traced.record(one));
  await traced.flush(10_000);
}
collector.closeAllConnections();
collector.close();
