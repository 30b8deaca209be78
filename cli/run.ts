/** `outrider run`: one sidecar from manifests on disk, no cluster. */
import packageJson from '../package.json' with { type: 'json' };
import { type Sidecar, startSidecar } from '../sidecar/sidecar.ts';
import { createTelemetry } from '../sidecar/telemetry/create.ts';
import { type Address, Arguments, readOrExplain, terminated, UsageError } from './arguments.ts';
import { CACHE_FLAGS, type CacheSettings, cacheOptions, readCacheSettings } from './cache-options.ts';
import { listenProblem } from './ports.ts';
import { type CompiledManifests, Manifests } from './run/manifests.ts';
import { requestLine } from './run/request-line.ts';
import { SPOOL_FLAGS, type SpoolSettings, spoolOf } from './spool-options.ts';

const HELP = `outrider run: one sidecar from manifests on disk, no cluster

The manifests are compiled for this sidecar and again whenever a file changes. Keys come from Secrets among the manifests.
Where those lack secretRef { name: openai, key: api-key }, the variable OUTRIDER_SECRET_OPENAI_API_KEY is taken: name and key
in upper case, everything but letters and digits as _. A key that is itself spelled like a variable, such as
{ name: any, key: OPENAI_API_KEY }, is then looked for under its own name too.

usage: outrider run -f FILE|DIR... [options]

  -f, --file FILE|DIR      manifests; may be given several times
  --listen HOST:PORT       where the app calls; 127.0.0.1:4000                                OUTRIDER_LISTEN
  --admin HOST:PORT        probes, metrics, explain; 127.0.0.1:4001                           OUTRIDER_ADMIN
  --namespace NAME         namespace of the sidecar; unset: the one that all routes are in    OUTRIDER_NAMESPACE
  --labels K=V,...         labels of the sidecar, for routes that select by them; none        OUTRIDER_LABELS
  --platform-namespaces A,B  namespaces that may export providers and vouch for data policies; none  OUTRIDER_PLATFORM_NAMESPACES
  --region NAME            where it runs, as providers name their regions; unset: not known    OUTRIDER_REGION
  --spool-dir DIR          where batches and answers for later are kept; unset: nowhere       OUTRIDER_SPOOL_DIR
  --spool-url URL          Valkey or Redis to keep them in instead; unset: none               OUTRIDER_SPOOL_URL
  --spool-ca-file FILE     PEM of who signs its certificate; unset: the system's              OUTRIDER_SPOOL_CA_FILE
  --spool-scope NAME       whose they are; unset: namespace and workload of the pod           OUTRIDER_SPOOL_SCOPE
  --spool-bytes N          most that is kept there; 1073741824                                OUTRIDER_SPOOL_BYTES
  --listener-token TOKEN   callers must present it as their API key; unset: none              OUTRIDER_LISTENER_TOKEN
  --cache-bytes N          answers that are kept to be given again; 33554432                  OUTRIDER_CACHE_BYTES
  --cache-url URL          Valkey or Redis to share them through; unset: not shared           OUTRIDER_CACHE_URL
  --cache-ca-file FILE     PEM of who signs its certificate; unset: the system's              OUTRIDER_CACHE_CA_FILE
  --drain-ms N             how long open responses may go on at the end; 5000                 OUTRIDER_DRAIN_MS
  --help

A flag wins over the variable beside it.
`;

const FLAGS = [
  'listen',
  'admin',
  'namespace',
  'labels',
  'platform-namespaces',
  'region',
  ...SPOOL_FLAGS,
  'listener-token',
  ...CACHE_FLAGS,
  'drain-ms',
];

interface RunSettings {
  paths: string[];
  listen: Address;
  admin: Address;
  namespace: string | undefined;
  labels: Record<string, string>;
  platformNamespaces: readonly string[];
  region: string | undefined;
  spool: SpoolSettings | undefined;
  token: string | undefined;
  cache: CacheSettings;
  drainMs: number;
}

/** @returns undefined where help was asked for */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): RunSettings | undefined {
  const given = new Arguments(args, env, FLAGS, { file: 'f' });
  if (given.help) return undefined;
  // A shell expands `-f dir/*.yaml` into one flag and many names.
  const paths = [...(given.lists.file ?? []), ...given.positionals];
  if (paths.length === 0) throw new UsageError('-f FILE|DIR is required');
  return {
    paths,
    listen: given.address('listen', '127.0.0.1:4000'),
    admin: given.address('admin', '127.0.0.1:4001'),
    namespace: given.text('namespace'),
    labels: labelsOf(given.list('labels')),
    platformNamespaces: given.list('platform-namespaces'),
    region: given.text('region'),
    spool: spoolOf(given),
    token: given.text('listener-token'),
    cache: readCacheSettings(given),
    drainMs: given.integer('drain-ms', 0, 3_600_000) ?? 5000,
  };
}

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('run', HELP, () => readSettings(args, process.env));
  return 'exitCode' in read ? read.exitCode : await run(read.settings);
}

async function run(settings: RunSettings): Promise<number> {
  const { paths, namespace, labels, platformNamespaces, region, token } = settings;
  const stopping = terminated();
  const manifests = new Manifests({
    paths,
    namespace,
    labels,
    platformNamespaces,
    env: process.env,
    onCompiled: tellCompiled,
  });
  let sidecar: Sidecar | undefined;
  try {
    sidecar = await startSidecar({
      listen: settings.listen,
      admin: settings.admin,
      source: manifests.source,
      limits: { drainMs: settings.drainMs },
      cache: cacheOptions(settings.cache),
      ...(region === undefined ? {} : { region }),
      ...(settings.spool && { spool: settings.spool }),
      ...(token === undefined ? {} : { access: { token } }),
      telemetry: (gauges) =>
        createTelemetry({
          version: packageJson.version,
          gauges,
          env: process.env,
          accessLog: false,
          warn: complain,
          onRequest: (summary) => say(requestLine(summary)),
        }),
      warn: complain,
    });
    await manifests.start();
    const { host } = settings.listen;
    say(`listening on http://${hostOf(host)}:${sidecar.port}/v1`);
    say(`admin on http://${hostOf(settings.admin.host)}:${sidecar.adminPort}`);
    await stopping;
    return 0;
  } catch (error) {
    complain(`outrider run: ${listenProblem(error, { listen: settings.listen, admin: settings.admin })}`);
    return 1;
  } finally {
    await manifests.stop();
    await sidecar?.drain();
  }
}

function tellCompiled({ namespace, models, problems }: CompiledManifests): void {
  for (const problem of problems) complain(problem);
  const served = models.length === 0 ? 'no model' : models.join(', ');
  say(`serving ${served} in namespace ${namespace}`);
}

function labelsOf(pairs: string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = '', ...value] = pair.split('=');
      if (name === '' || value.length === 0) {
        throw new UsageError(`--labels has "${pair}"; it must be NAME=VALUE,...`);
      }
      return [name, value.join('=')];
    }),
  );
}

function hostOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}
