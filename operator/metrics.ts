/** What the operator counts about itself. One registry per operator, so that two in one process do not mix. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { budgetMetrics } from './budgets/metrics.ts';
import type { BudgetMetrics } from './budgets/watching.ts';
import type { CertificateFacts } from './certificates/start.ts';
import { type InjectionMetrics, injectionMetrics } from './inject/metrics.ts';
import type { LedgerMetrics } from './ledger/keeping.ts';
import type { SyncMetrics } from './sync/metrics.ts';
import type { RunResult, WorkQueue } from './watch/queue.ts';
import type { WatchObserver } from './watch/reflector.ts';

/** The part of a reflector that is read when metrics are asked for. */
interface WatchFacts {
  readonly resource: string;
  readonly size: number;
  readonly hasSynced: boolean;
  readonly lastEventAt: number | undefined;
}

/** What one of several replicas is, read when metrics are asked for. */
interface ReplicaFacts {
  leads: boolean;
  term: number | undefined;
  certificates: CertificateFacts | undefined;
}

interface MetricDefinition {
  name: string;
  type: 'counter' | 'gauge' | 'histogram' | 'summary';
  help: string;
  labels: readonly string[];
}

export interface OperatorMetrics {
  readonly watch: WatchObserver;
  readonly sync: SyncMetrics;
  readonly injection: InjectionMetrics;
  readonly ledger: LedgerMetrics;
  readonly budgets: BudgetMetrics;
  /** A run of a queue's handler ended. */
  run(controller: string): (result: RunResult, milliseconds: number) => void;
  statusWrite(kind: string, result: 'Written' | 'Gone' | 'Failed'): void;
  /** Reads these whenever metrics are asked for. */
  observe(
    queues: Readonly<Record<string, Pick<WorkQueue, 'depth'>>>,
    watches: () => readonly WatchFacts[],
  ): void;
  observeReplica(facts: () => ReplicaFacts): void;
  /** What there is, in order of definition. */
  definitions(): MetricDefinition[];
  /** The Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

const PREFIX = 'outrider_operator_';
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** @param monotonic milliseconds of the operator's clock */
export function operatorMetrics(monotonic: () => number): OperatorMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `${PREFIX}${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `${PREFIX}${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[] = []) =>
    new Histogram({ name: `${PREFIX}${name}`, help, labelNames, buckets: SECONDS, registers });

  const restarts = counter('watch_restarts_total', 'Watches that ended, by cause; all are resumed.', [
    'resource',
    'cause',
  ]);
  const relists = counter('watch_relists_total', 'Times everything of a resource was read again.', [
    'resource',
  ]);
  const objects = gauge('watch_objects', 'Objects held of a resource.', ['resource']);
  const synced = gauge('watch_synced', 'Whether all lists of a resource have been complete once.', [
    'resource',
  ]);
  const age = gauge('watch_last_event_age_seconds', 'Time since the server was last heard of.', ['resource']);
  const depth = gauge('workqueue_depth', 'Keys that wait for a worker.', ['name']);
  const runs = counter('reconcile_total', 'Runs of a handler, by result.', ['controller', 'result']);
  const runSeconds = histogram('reconcile_seconds', 'Time a handler took.', ['controller']);
  const writes = counter('status_writes_total', 'Writes of a status, by result.', ['kind', 'result']);
  const connected = gauge('sync_streams', 'Event streams of sidecars that are open.');
  const pushes = counter('sync_announcements_total', 'Announcements written to streams.');
  const acknowledged = histogram(
    'sync_acknowledge_seconds',
    'From publishing to the acknowledgement of a sidecar.',
  );
  const refused = counter('sync_authentication_failures_total', 'Requests without a usable identity.', [
    'reason',
  ]);
  const slow = counter('sync_slow_streams_closed_total', 'Streams closed because nobody read them.');
  const outdated = counter('sync_outdated_refused_total', 'Requests of sidecars with too old a protocol.');
  const outdatedNow = gauge(
    'sync_outdated_sidecars',
    'Pods whose sidecar this replica refused last for its old protocol; `outrider restart --outdated` replaces them.',
  );
  const rows = counter('sync_usage_rows_total', 'Usage rows received.');
  const counted = counter(
    'ledger_rows_total',
    'Usage rows, by what became of them: rows that come again are neither.',
    ['result'],
  );
  const flushes = counter('ledger_flushes_total', 'Times the ledger was written, by result.', ['result']);

  const leader = gauge('leader', 'Whether this replica leads.');
  const term = gauge('leader_term', 'Term in which this replica leads; 0 while it does not.');
  const ends = gauge('certificate_not_after_timestamp_seconds', 'When a certificate ends.', ['certificate']);
  const rotation = gauge('certificate_rotation', 'State of the rotation of the authority.', ['state']);

  let read = () => {};
  let readReplica = () => {};

  return {
    watch: {
      restarted: (resource, cause) => restarts.inc({ resource, cause }),
      relisted: (resource) => relists.inc({ resource }),
    },
    sync: {
      connected: (count) => connected.set(count),
      pushed: () => pushes.inc(),
      acknowledged: (ms) => acknowledged.observe(ms / 1000),
      authenticationFailed: (reason) => refused.inc({ reason }),
      slowClosed: () => slow.inc(),
      outdatedRefused: () => outdated.inc(),
      outdated: (pods) => outdatedNow.set(pods),
      rowsReceived: (count) => rows.inc(count),
    },
    injection: injectionMetrics(PREFIX, registry),
    ledger: {
      rows: (good, malformed) => {
        counted.inc({ result: 'Counted' }, good);
        counted.inc({ result: 'Malformed' }, malformed);
      },
      flushed: (result) => flushes.inc({ result }),
    },
    budgets: budgetMetrics(PREFIX, registry),
    run: (controller) => (result, milliseconds) => {
      runs.inc({ controller, result });
      runSeconds.observe({ controller }, milliseconds / 1000);
    },
    statusWrite: (kind, result) => writes.inc({ kind, result }),
    observe(queues, watches) {
      read = () => {
        for (const [name, queue] of Object.entries(queues)) depth.set({ name }, queue.depth);
        for (const [resource, facts] of Map.groupBy(watches(), (watch) => watch.resource)) {
          const ages = facts.flatMap(({ lastEventAt }) =>
            lastEventAt === undefined ? [] : [monotonic() - lastEventAt],
          );
          objects.set({ resource }, sum(facts.map(({ size }) => size)));
          synced.set({ resource }, facts.every(({ hasSynced }) => hasSynced) ? 1 : 0);
          if (ages.length > 0) age.set({ resource }, Math.max(...ages) / 1000);
        }
      };
    },
    observeReplica(facts) {
      readReplica = () => {
        const { leads, term: since, certificates } = facts();
        leader.set(leads ? 1 : 0);
        term.set(since ?? 0);
        if (!certificates) return;
        const { servingNotAfter, authorityNotAfter, state } = certificates;
        ends.set({ certificate: 'serving' }, servingNotAfter / 1000);
        if (authorityNotAfter !== undefined) ends.set({ certificate: 'authority' }, authorityNotAfter / 1000);
        rotation.reset();
        if (state !== undefined) rotation.set({ state }, 1);
      };
    },
    definitions: () =>
      registry.getMetricsAsArray().map((metric) => {
        const { name, help, labelNames, constructor } = metric as typeof metric & { labelNames: string[] };
        const type = constructor.name.toLowerCase() as MetricDefinition['type'];
        return { name, type, help, labels: labelNames };
      }),
    text() {
      read();
      readReplica();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
