/** `outrider operator`: the control plane, in a cluster or beside one. */
import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import { pino } from 'pino';
import { type OperatorOptions, type RunningOperator, startOperator } from '../operator/operator.ts';
import type { Certificate } from '../operator/sync/server.ts';
import { apiConfig, loadKubeConfig } from '../operator/watch/api-config.ts';
import { FileWatcher } from '../operator/watch/file-watcher.ts';
import { describeError } from '../operator/watch/log.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';
import { type Address, Arguments, readOrExplain, terminated, UsageError } from './arguments.ts';

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
];

export interface OperatorSettings {
  kubeconfig: string | undefined;
  listen: Address;
  admin: Address;
  tlsCert: string;
  tlsKey: string;
  jwksFile: string | undefined;
  logLevel: string;
  options: Pick<
    OperatorOptions,
    'adminHosts' | 'namespaces' | 'credentialsNamespaces' | 'platformNamespaces' | 'identity'
  >;
}

/** @returns undefined where help was asked for */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): OperatorSettings | undefined {
  const given = new Arguments(args, env, FLAGS);
  if (given.help) return undefined;
  const [extra] = given.positionals;
  if (extra !== undefined) throw new UsageError(`"${extra}" is not expected; the command takes flags only`);
  const [issuer, audience] = [given.text('token-issuer'), given.text('token-audience')];
  return {
    kubeconfig: given.text('kubeconfig'),
    listen: given.address('listen', '0.0.0.0:8443'),
    admin: given.address('admin', '0.0.0.0:8081'),
    tlsCert: given.required('tls-cert'),
    tlsKey: given.required('tls-key'),
    jwksFile: given.text('jwks-file'),
    logLevel: given.choice('log-level', ['debug', 'info', 'warn', 'error']) ?? 'info',
    options: {
      adminHosts: names(given, 'admin-hosts'),
      namespaces: namespaces(given, 'namespaces', ['*']),
      credentialsNamespaces: namespaces(given, 'credentials-namespaces', []),
      platformNamespaces: names(given, 'platform-namespaces'),
      identity: { ...(issuer ? { issuer } : {}), ...(audience ? { audience } : {}) },
    },
  };
}

function names(given: Arguments, flag: string): string[] {
  const list = given.list(flag).map((name) => name.toLowerCase());
  const wrong = list.find((name) => !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name));
  if (wrong !== undefined)
    throw new UsageError(`--${flag} has "${wrong}"; it must be a list of names: a,b,c`);
  return [...new Set(list)];
}

function namespaces(given: Arguments, flag: string, unset: string[]): string[] {
  const text = given.text(flag)?.trim();
  if (text === undefined) return unset;
  return text === '*' ? ['*'] : names(given, flag);
}

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('operator', HELP, () => readSettings(args, process.env));
  return 'exitCode' in read ? read.exitCode : run(read.settings);
}

async function run(settings: OperatorSettings): Promise<number> {
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
