/** `outrider operator`: the control plane, in a cluster or beside one. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { JSONWebKeySet } from 'jose';
import { pino } from 'pino';
import { type OperatorOptions, type RunningOperator, startOperator } from '../operator/operator.ts';
import type { Certificate } from '../operator/sync/server.ts';
import { apiConfig, loadKubeConfig } from '../operator/watch/api-config.ts';
import { FileWatcher } from '../operator/watch/file-watcher.ts';
import { describeError } from '../operator/watch/log.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';

const HELP = `outrider operator: the control plane

It watches LLMRoute and LLMProvider, tells every sidecar what to run, and writes into the status what they really run.

usage: outrider operator --tls-cert FILE --tls-key FILE [options]

  --kubeconfig FILE              unset: $KUBECONFIG, ~/.kube/config, or the pod's own account    OUTRIDER_KUBECONFIG
  --listen HOST:PORT             where sidecars connect (HTTPS); 0.0.0.0:8443                    OUTRIDER_LISTEN
  --tls-cert FILE                certificate in PEM, read again when it changes                  OUTRIDER_TLS_CERT
  --tls-key FILE                 its key in PEM                                                  OUTRIDER_TLS_KEY
  --admin HOST:PORT              /healthz, /readyz, /metrics; 0.0.0.0:8081                       OUTRIDER_ADMIN
  --admin-hosts NAME,...         names the admin port may be asked by, besides IPs and localhost OUTRIDER_ADMIN_HOSTS
  --namespaces NAME,...          where routes, providers and pods are read; * (all)              OUTRIDER_NAMESPACES
  --credentials-namespaces ...   where labelled Secrets are read: names, or * for all; none      OUTRIDER_CREDENTIALS_NAMESPACES
  --platform-namespaces NAME,... namespaces that may export providers and routes; none           OUTRIDER_PLATFORM_NAMESPACES
  --jwks-file FILE               keys that sign the sidecars' tokens; unset: the API server's    OUTRIDER_JWKS_FILE
  --token-issuer URL             issuer that tokens must have; unset: any whose signature holds  OUTRIDER_TOKEN_ISSUER
  --token-audience NAME          audience that tokens must have; outrider                        OUTRIDER_TOKEN_AUDIENCE
  --log-level LEVEL              debug, info, warn, error; info                                  OUTRIDER_LOG_LEVEL
  --help

A flag wins over the variable beside it. SIGTERM ends it in order; sidecars go on with what they have.
`;

const FLAGS = [
  'kubeconfig',
  'listen',
  'tls-cert',
  'tls-key',
  'admin',
  'admin-hosts',
  'namespaces',
  'credentials-namespaces',
  'platform-namespaces',
  'jwks-file',
  'token-issuer',
  'token-audience',
  'log-level',
] as const;
type Flag = (typeof FLAGS)[number];

export interface Settings {
  kubeconfig: string | undefined;
  listen: { host: string; port: number };
  admin: { host: string; port: number };
  tlsCert: string;
  tlsKey: string;
  jwksFile: string | undefined;
  logLevel: string;
  options: Pick<
    OperatorOptions,
    'adminHosts' | 'namespaces' | 'credentialsNamespaces' | 'platformNamespaces' | 'identity'
  >;
}

/** Bad use of the command line; the message says what would be right. */
export class UsageError extends Error {}

/** @returns undefined where help was asked for */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const value = (flag: Flag): string | undefined => {
    const given = values[flag] ?? env[`OUTRIDER_${flag.toUpperCase().replaceAll('-', '_')}`];
    return given === '' ? undefined : given;
  };
  const required = (flag: Flag): string => {
    const given = value(flag);
    if (given === undefined) throw new UsageError(`--${flag} is required`);
    return given;
  };
  const logLevel = value('log-level') ?? 'info';
  if (!/^(debug|info|warn|error)$/.test(logLevel)) {
    throw new UsageError(`--log-level is "${logLevel}"; it must be debug, info, warn or error`);
  }
  const [issuer, audience] = [value('token-issuer'), value('token-audience')];
  return {
    kubeconfig: value('kubeconfig'),
    listen: address('listen', value('listen') ?? '0.0.0.0:8443'),
    admin: address('admin', value('admin') ?? '0.0.0.0:8081'),
    tlsCert: required('tls-cert'),
    tlsKey: required('tls-key'),
    jwksFile: value('jwks-file'),
    logLevel,
    options: {
      adminHosts: names('admin-hosts', value('admin-hosts')).map((name) => name.toLowerCase()),
      namespaces: namespaces('namespaces', value('namespaces') ?? '*'),
      credentialsNamespaces: namespaces('credentials-namespaces', value('credentials-namespaces')),
      platformNamespaces: names('platform-namespaces', value('platform-namespaces')),
      identity: { ...(issuer ? { issuer } : {}), ...(audience ? { audience } : {}) },
    },
  };
}

function parse(args: string[]): Partial<Record<Flag, string>> & { help?: boolean } {
  const options = Object.fromEntries(FLAGS.map((flag) => [flag, { type: 'string' as const }]));
  try {
    const { values } = parseArgs({ args, options: { ...options, help: { type: 'boolean', short: 'h' } } });
    return values;
  } catch (error) {
    throw new UsageError(describeError(error), { cause: error });
  }
}

function address(flag: Flag, text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new UsageError(`--${flag} is "${text}"; it must be HOST:PORT, such as 0.0.0.0:8443 or [::]:8443`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

function names(flag: Flag, text = ''): string[] {
  const list = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const wrong = list.find((name) => !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/i.test(name));
  if (wrong !== undefined)
    throw new UsageError(`--${flag} has "${wrong}"; it must be a list of names: a,b,c`);
  return [...new Set(list)];
}

function namespaces(flag: Flag, text = ''): string[] {
  return text.trim() === '*' ? ['*'] : names(flag, text);
}

export async function main(args: string[]): Promise<number> {
  let settings: Settings | undefined;
  try {
    settings = readSettings(args, process.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`outrider operator: ${error.message}\n"outrider operator --help" says more.\n`);
    return 2;
  }
  if (!settings) {
    process.stdout.write(HELP);
    return 0;
  }
  return run(settings);
}

async function run(settings: Settings): Promise<number> {
  const log = pino({ level: settings.logLevel, base: { component: 'operator' } });
  const { kubeconfig, tlsCert, tlsKey, jwksFile, options } = settings;
  const files = [tlsCert, tlsKey];
  let operator: RunningOperator | undefined;
  const watcher = new FileWatcher({
    paths: files,
    clock: systemClock,
    async onChange() {
      try {
        operator?.setCertificate(await readPair(files));
        log.info({}, 'took a new certificate');
      } catch (error) {
        // The two files are not replaced at the same moment; the next change brings the other half.
        log.warn(
          { error: describeError(error) },
          'the certificate and its key do not fit; the old ones stay',
        );
      }
    },
  });
  try {
    if (options.credentialsNamespaces?.length === 0) {
      log.warn(
        {},
        'no Secret is read: name namespaces with --credentials-namespaces to give providers their keys',
      );
    }
    // A kubeconfig that cannot be read is a mistake to be told at once; one that fails later is waited for.
    loadKubeConfig(kubeconfig);
    await watcher.start();
    operator = await startOperator({
      ...options,
      api: apiConfig(() => loadKubeConfig(kubeconfig)),
      listen: settings.listen,
      admin: settings.admin,
      tls: await readPair(files),
      log,
      ...(jwksFile ? { identity: { ...options.identity, fetchKeys: () => readKeys(jwksFile) } } : {}),
    });
    log.info({ sync: operator.address, admin: operator.admin }, 'operator is up');
    const signal = await terminated();
    log.info({ signal }, 'operator is stopping');
    await operator.stop();
    return 0;
  } catch (error) {
    log.fatal({ error: describeError(error) }, 'operator could not start');
    return 1;
  } finally {
    await watcher.stop();
  }
}

async function readPair(files: readonly string[]): Promise<Certificate> {
  const [cert = '', key = ''] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return { cert, key };
}

async function readKeys(file: string): Promise<JSONWebKeySet> {
  return JSON.parse(await readFile(file, 'utf8')) as JSONWebKeySet;
}

function terminated(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
