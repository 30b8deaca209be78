/** `outrider sidecar`: the data plane beside one application, fed by the operator. */
import { randomUUID } from 'node:crypto';
import packageJson from '../package.json' with { type: 'json' };
import { RowSpool } from '../sidecar/accounting/row-spool.ts';
import type { StartupMode } from '../sidecar/server/readiness.ts';
import { type SidecarLimits, startSidecar } from '../sidecar/sidecar.ts';
import { SnapshotClient } from '../sidecar/snapshot/client.ts';
import { LastKnownGood } from '../sidecar/snapshot/last-known-good.ts';
import type { SourceLog } from '../sidecar/snapshot/source.ts';
import { MAX_PROMPT_BYTES } from '../sidecar/telemetry/shown-prompt.ts';
import { type Address, Arguments, readOrExplain, terminated } from './arguments.ts';
import { giveBackAfterStart } from './give-back.ts';
import { listenProblem } from './ports.ts';

const HELP = `outrider sidecar: the data plane beside one application

It takes its configuration from the operator and answers LLM requests on localhost.

usage: outrider sidecar --operator URL [options]

  --operator URL           https://host:port of the operator                               OUTRIDER_OPERATOR
  --token-file FILE        projected token; /var/run/secrets/outrider/token                OUTRIDER_TOKEN_FILE
  --ca-file FILE           PEM of who signs the operator; unset: the system's              OUTRIDER_CA_FILE
  --state-dir DIR          where the last known good configuration is kept; unset: nowhere OUTRIDER_STATE_DIR
  --listen HOST:PORT       where the app calls; 127.0.0.1:4000                             OUTRIDER_LISTEN
  --admin HOST:PORT        probes and metrics; 0.0.0.0:4001                                OUTRIDER_ADMIN
  --startup MODE           Wait for configuration, or Proceed after 30 s; Wait             OUTRIDER_STARTUP
  --region NAME            where this pod is, as providers name their regions; unset: not known    OUTRIDER_REGION
  --listener-token TOKEN   the app must present it as its API key; unset: none             OUTRIDER_LISTENER_TOKEN
  --hosts NAME,...         Host names served besides localhost                             OUTRIDER_HOSTS
  --origins ORIGIN,...     web pages that may call; none                                   OUTRIDER_ORIGINS
  --max-body-bytes N       largest request body; 16777216                                  OUTRIDER_MAX_BODY_BYTES
  --memory-bytes N         all that is held for requests; 33554432                         OUTRIDER_MEMORY_BYTES
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
  'listen',
  'admin',
  'startup',
  'region',
  'listener-token',
  'hosts',
  'origins',
  'max-body-bytes',
  'memory-bytes',
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
  listen: Address;
  admin: Address;
  startup: StartupMode;
  region: string | undefined;
  access: { token?: string; hosts: string[]; origins: string[] };
  limits: SidecarLimits;
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
    listen: given.address('listen', '127.0.0.1:4000'),
    admin: given.address('admin', '0.0.0.0:4001'),
    startup: given.choice('startup', ['Wait', 'Proceed']) ?? 'Wait',
    region: given.text('region'),
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
    accessLog: given.choice('access-log', ['All', 'Failures', 'None']) ?? 'All',
    semconv: given.choice('semconv', ['latest', 'older', 'both']) ?? 'latest',
  };
}

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('sidecar', HELP, () => readSettings(args, process.env));
  return 'exitCode' in read ? read.exitCode : await run(read.settings);
}

async function run(settings: SidecarSettings): Promise<number> {
  const { version } = packageJson;
  const rows = new RowSpool();
  const source = new SnapshotClient({
    url: settings.operator,
    tokenFile: settings.tokenFile,
    ...(settings.caFile === undefined ? {} : { caFile: settings.caFile }),
    proxyVersion: version,
    epoch: randomUUID(),
    ...(settings.stateDir === undefined
      ? {}
      : { lastKnownGood: new LastKnownGood({ directory: settings.stateDir }) }),
    rows,
    log: processLog,
  });
  const warn = (message: string) => processLog.warn({}, message);
  const stopping = terminated();
  const { createTelemetry } = await import('../sidecar/telemetry/create.ts');
  try {
    const sidecar = await startSidecar({
      listen: settings.listen,
      admin: settings.admin,
      source,
      access: settings.access,
      limits: settings.limits,
      startup: settings.startup,
      ...(settings.region === undefined ? {} : { region: settings.region }),
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
    return 0;
  } catch (error) {
    const reason = listenProblem(error, { listen: settings.listen, admin: settings.admin });
    processLog.warn({ reason }, 'sidecar could not start');
    return 1;
  }
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
