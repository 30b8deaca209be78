/** `outrider sidecar`: the data plane beside one application, fed by the operator. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs';
import { promisify } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { inheritRows } from '../sidecar/accounting/inherited-rows.ts';
import { RowJournal } from '../sidecar/accounting/row-journal.ts';
import { RowSpool } from '../sidecar/accounting/row-spool.ts';
import type { PodIdentity } from '../sidecar/limits/budgets/keys.ts';
import { identityOf } from '../sidecar/limits/budgets/pod-identity.ts';
import type { StartupMode } from '../sidecar/server/readiness.ts';
import { type SidecarLimits, startSidecar } from '../sidecar/sidecar.ts';
import { SnapshotClient } from '../sidecar/snapshot/client.ts';
import { LastKnownGood } from '../sidecar/snapshot/last-known-good.ts';
import type { SourceLog } from '../sidecar/snapshot/source.ts';
import { MAX_PROMPT_BYTES } from '../sidecar/telemetry/shown-prompt.ts';
import { type Address, Arguments, readOrExplain, terminated } from './arguments.ts';
import { CACHE_FLAGS, type CacheSettings, cacheOptions, readCacheSettings } from './cache-options.ts';
import { giveBackAfterStart } from './give-back.ts';
import { listenProblem } from './ports.ts';
import { useSmallPools } from './small-pools.ts';
import { SPOOL_FLAGS, type SpoolSettings, spoolOf } from './spool-options.ts';

const HELP = `outrider sidecar: the data plane beside one application

It takes its configuration from the operator and answers LLM requests on localhost.

usage: outrider sidecar --operator URL [options]

  --operator URL           https://host:port of the operator                               OUTRIDER_OPERATOR
  --token-file FILE        projected token; /var/run/secrets/outrider/token                OUTRIDER_TOKEN_FILE
  --ca-file FILE           PEM of who signs the operator; unset: the system's              OUTRIDER_CA_FILE
  --state-dir DIR          where the last known good configuration is kept; unset: nowhere OUTRIDER_STATE_DIR
  --spool-dir DIR          where batches and answers for later are kept; unset: nowhere    OUTRIDER_SPOOL_DIR
  --spool-url URL          Valkey or Redis to keep them in instead; unset: none            OUTRIDER_SPOOL_URL
  --spool-ca-file FILE     PEM of who signs its certificate; unset: the system's           OUTRIDER_SPOOL_CA_FILE
  --spool-scope NAME       whose they are; unset: namespace and workload of the pod        OUTRIDER_SPOOL_SCOPE
  --spool-bytes N          most that is kept there; 1073741824                             OUTRIDER_SPOOL_BYTES
  --listen HOST:PORT       where the app calls; 127.0.0.1:4000                             OUTRIDER_LISTEN
  --admin HOST:PORT        probes and metrics; 0.0.0.0:4001                                OUTRIDER_ADMIN
  --startup MODE           Wait for configuration, or Proceed after 30 s; Wait             OUTRIDER_STARTUP
  --region NAME            where this pod is, as providers name their regions; unset: not known    OUTRIDER_REGION
  --workload NAME          what owns this pod, for budgets; unset: read off its name               OUTRIDER_WORKLOAD
  --listener-token TOKEN   the app must present it as its API key; unset: none             OUTRIDER_LISTENER_TOKEN
  --hosts NAME,...         Host names served besides localhost                             OUTRIDER_HOSTS
  --origins ORIGIN,...     web pages that may call; none                                   OUTRIDER_ORIGINS
  --max-body-bytes N       largest request body; 16777216                                  OUTRIDER_MAX_BODY_BYTES
  --memory-bytes N         all that is held for requests; 33554432                         OUTRIDER_MEMORY_BYTES
  --cache-bytes N          answers that are kept to be given again; 33554432               OUTRIDER_CACHE_BYTES
  --cache-url URL          Valkey or Redis to share them through: redis://host:6379 or
                           rediss://user:password@host:6379 (TLS); unset: not shared       OUTRIDER_CACHE_URL
  --cache-ca-file FILE     PEM of who signs its certificate; unset: the system's           OUTRIDER_CACHE_CA_FILE
  --drain-ms N             how long open responses may go on at the end; 20000             OUTRIDER_DRAIN_MS
  --access-log MODE        All, Failures or None; All                                      OUTRIDER_ACCESS_LOG
  --log-content N          bytes of the user's messages shown in the access log; 0         OUTRIDER_LOG_CONTENT
  --semconv NAMES          GenAI metric names: latest, older or both; latest               OUTRIDER_SEMCONV
  --help

A flag wins over the variable beside it. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says. SIGTERM ends it in order.
`;

const FLAGS = [
  'operator',
  'token-file',
  'ca-file',
  'state-dir',
  ...SPOOL_FLAGS,
  'listen',
  'admin',
  'startup',
  'region',
  'workload',
  'listener-token',
  'hosts',
  'origins',
  'max-body-bytes',
  'memory-bytes',
  ...CACHE_FLAGS,
  'drain-ms',
  'access-log',
  'log-content',
  'semconv',
];

export interface SidecarSettings {
  operator: string;
  tokenFile: string;
  caFile: string | undefined;
  stateDir: string | undefined;
  spool: SpoolSettings | undefined;
  listen: Address;
  admin: Address;
  startup: StartupMode;
  region: string | undefined;
  workload: string | undefined;
  access: { token?: string; hosts: string[]; origins: string[] };
  limits: SidecarLimits;
  cache: CacheSettings;
  accessLog: 'All' | 'Failures' | 'None';
  semconv: 'latest' | 'older' | 'both';
}

const GIB = 1024 ** 3;

/** @returns undefined where help was asked for */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): SidecarSettings | undefined {
  const given = new Arguments(args, env, FLAGS);
  if (given.help) return undefined;
  const token = given.text('listener-token');
  const bodyBytes = given.integer('max-body-bytes', 1024, GIB);
  const memoryBytes = given.integer('memory-bytes', 64 * 1024, GIB);
  const logContentBytes = given.integer('log-content', 0, MAX_PROMPT_BYTES);
  const drainMs = given.integer('drain-ms', 0, 3_600_000);
  return {
    operator: given.required('operator'),
    tokenFile: given.text('token-file') ?? '/var/run/secrets/outrider/token',
    caFile: given.text('ca-file'),
    stateDir: given.text('state-dir'),
    spool: spoolOf(given),
    listen: given.address('listen', '127.0.0.1:4000'),
    admin: given.address('admin', '0.0.0.0:4001'),
    startup: given.choice('startup', ['Wait', 'Proceed']) ?? 'Wait',
    region: given.text('region'),
    workload: given.text('workload'),
    access: {
      hosts: given.list('hosts'),
      origins: given.list('origins'),
      ...(token === undefined ? {} : { token }),
    },
    limits: {
      ...(bodyBytes === undefined ? {} : { bodyBytes }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(logContentBytes === undefined ? {} : { logContentBytes }),
      ...(drainMs === undefined ? {} : { drainMs }),
    },
    cache: readCacheSettings(given),
    accessLog: given.choice('access-log', ['All', 'Failures', 'None']) ?? 'All',
    semconv: given.choice('semconv', ['latest', 'older', 'both']) ?? 'latest',
  };
}

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('sidecar', HELP, () => readSettings(args, process.env));
  return 'exitCode' in read ? read.exitCode : await run(read.settings);
}

async function run(settings: SidecarSettings): Promise<number> {
  useSmallPools();
  const { version } = packageJson;
  const warn = (message: string) => processLog.warn({}, message);
  const { rows, inherited, epoch } = await rowsIn(settings.stateDir, warn);
  const source = new SnapshotClient({
    url: settings.operator,
    tokenFile: settings.tokenFile,
    ...(settings.caFile === undefined ? {} : { caFile: settings.caFile }),
    proxyVersion: version,
    epoch,
    inherited,
    ...(settings.stateDir === undefined
      ? {}
      : { lastKnownGood: new LastKnownGood({ directory: settings.stateDir }) }),
    rows,
    log: processLog,
  });
  const stopping = terminated();
  const { createTelemetry } = await import('../sidecar/telemetry/create.ts');
  try {
    const sidecar = await startSidecar({
      listen: settings.listen,
      admin: settings.admin,
      source,
      access: settings.access,
      limits: settings.limits,
      cache: cacheOptions(settings.cache),
      startup: settings.startup,
      ...(settings.region === undefined ? {} : { region: settings.region }),
      ...(settings.spool && { spool: settings.spool }),
      pod: await podOf(settings, warn),
      rows,
      telemetry: (gauges) =>
        createTelemetry({
          version,
          gauges,
          env: process.env,
          semconv: settings.semconv,
          accessLog:
            settings.accessLog === 'None'
              ? false
              : { sampleSuccesses: settings.accessLog === 'Failures' ? 0 : 1 },
          warn,
        }),
      warn,
    });
    processLog.info({ version, port: sidecar.port, admin: sidecar.adminPort }, 'sidecar is up');
    giveBackAfterStart();
    const signal = await stopping;
    processLog.info({ signal }, 'sidecar is draining');
    await sidecar.drain();
    rows.close();
    return 0;
  } catch (error) {
    const reason = listenProblem(error, { listen: settings.listen, admin: settings.admin });
    processLog.warn({ reason }, 'sidecar could not start');
    return 1;
  }
}

/** Bytes of rows on disk, those of earlier processes among them. */
const JOURNAL_BYTES = 8 * 1024 * 1024;
/** As much of them in memory as fits on disk whole. */
const SPOOL_BYTES = 4 * 1024 * 1024;
const LEAST_BYTES = 256 * 1024;

/** Rows that survive a restart, where there is a directory for them. */
async function rowsIn(directory: string | undefined, warn: (message: string) => void) {
  const epoch = randomUUID();
  if (directory === undefined) return { rows: new RowSpool(), inherited: [], epoch };
  const inherited = await inheritRows(directory, epoch, warn);
  const taken = inherited.reduce((sum, { bytes }) => sum + bytes, 0);
  const limitBytes = Math.max(LEAST_BYTES, JOURNAL_BYTES - taken);
  const journal = new RowJournal({ directory, epoch, limitBytes, onProblem: warn });
  return { rows: new RowSpool(SPOOL_BYTES, journal), inherited, epoch };
}

/** By the pod's own token, which is there before the container starts. */
async function podOf(
  { tokenFile, workload }: SidecarSettings,
  warn: (message: string) => void,
): Promise<PodIdentity | undefined> {
  const token = await promisify(readFile)(tokenFile, 'utf8').catch(() => '');
  const pod = identityOf(token, workload);
  if (!pod) warn('the token names no pod: budgets take namespace and workload for empty');
  return pod;
}

/** A handful of lines in the life of a process: they go to standard error, so that the access log stays one kind of line. */
const processLog: SourceLog = {
  info: (fields, message) => line('info', fields, message),
  warn: (fields, message) => line('warn', fields, message),
};

function line(level: string, fields: object, message: string): void {
  process.stderr.write(
    `${JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg: message })}\n`,
  );
}
