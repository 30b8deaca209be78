/** `outrider operator`: the control plane, in a cluster or beside one. */
import { readFile } from 'node:fs/promises';
import { setMaxIdleHTTPParsers } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import { pino } from 'pino';
import { type FileCertificates, fileCertificates } from '../operator/certificates/files.ts';
import { type OperatorOptions, startOperator } from '../operator/operator.ts';
import { apiConfig, loadKubeConfig } from '../operator/watch/api-config.ts';
import { describeError } from '../operator/watch/log.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';
import { type Address, Arguments, readOrExplain, terminated, UsageError } from './arguments.ts';
import { giveBackAtRest } from './operator/give-back.ts';
import {
  INJECTION_FLAGS,
  INJECTION_HELP,
  type InjectionChoice,
  loadInjection,
  readInjection,
} from './operator/injection.ts';
import {
  completed,
  REPLICA_FLAGS,
  REPLICA_HELP,
  type ReplicaSettings,
  readReplicaSettings,
} from './operator/replica.ts';
import { useSmallPools } from './small-pools.ts';

const HELP = `outrider operator: the control plane

It watches LLMRoute and LLMProvider, tells every sidecar what to run, and writes into the status what they really run.

usage: outrider operator --tls-cert FILE --tls-key FILE [options]
       outrider operator --tls-mode SelfIssued [options]

  --kubeconfig FILE              unset: $KUBECONFIG, ~/.kube/config, or the pod's own account    OUTRIDER_KUBECONFIG
  --listen HOST:PORT             where sidecars connect (HTTPS); 0.0.0.0:8443                    OUTRIDER_LISTEN
  --admin HOST:PORT              /healthz, /readyz, /metrics; 0.0.0.0:8081                       OUTRIDER_ADMIN
  --admin-hosts NAME,...         names the admin port may be asked by, besides IPs and localhost OUTRIDER_ADMIN_HOSTS
  --namespaces NAME,...          where routes, providers and pods are read; * (all)              OUTRIDER_NAMESPACES
  --credentials-namespaces ...   where labelled Secrets are read: names, or * for all; none      OUTRIDER_CREDENTIALS_NAMESPACES
  --platform-namespaces NAME,... namespaces that may export providers and routes; none           OUTRIDER_PLATFORM_NAMESPACES
  --egress-hosts NAME,...        hosts it may dial besides clouds and known vendors; none        OUTRIDER_EGRESS_HOSTS
  --jwks-file FILE               keys that sign the sidecars' tokens; unset: the API server's    OUTRIDER_JWKS_FILE
  --token-issuer URL             issuer that tokens must have; unset: any whose signature holds  OUTRIDER_TOKEN_ISSUER
  --token-audience NAME          audience that tokens must have; outrider                        OUTRIDER_TOKEN_AUDIENCE
${REPLICA_HELP}\
${INJECTION_HELP}\
  --log-level LEVEL              debug, info, warn, error; info                                  OUTRIDER_LOG_LEVEL
  --help

A flag wins over the variable beside it. SIGTERM ends it in order; sidecars go on with what they have.
`;

/** Each keeps 10 KiB; Node keeps up to a thousand of those that came and went. */
const IDLE_PARSERS = 16;

const FLAGS = [
  'kubeconfig',
  'listen',
  'admin',
  'admin-hosts',
  'namespaces',
  'credentials-namespaces',
  'platform-namespaces',
  'egress-hosts',
  'jwks-file',
  'token-issuer',
  'token-audience',
  'log-level',
  ...REPLICA_FLAGS,
  ...INJECTION_FLAGS,
];

export interface OperatorSettings extends ReplicaSettings {
  kubeconfig: string | undefined;
  listen: Address;
  admin: Address;
  jwksFile: string | undefined;
  logLevel: string;
  injection: InjectionChoice;
  options: Pick<
    OperatorOptions,
    'adminHosts' | 'namespaces' | 'credentialsNamespaces' | 'platformNamespaces' | 'egressHosts' | 'identity'
  >;
}

/** @returns undefined where help was asked for */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): OperatorSettings | undefined {
  const given = new Arguments(completed(args), env, FLAGS);
  if (given.help) return undefined;
  const [extra] = given.positionals;
  if (extra !== undefined) throw new UsageError(`"${extra}" is not expected; the command takes flags only`);
  const listen = given.address('listen', '0.0.0.0:8443');
  const [issuer, audience] = [given.text('token-issuer'), given.text('token-audience')];
  return {
    kubeconfig: given.text('kubeconfig'),
    listen,
    admin: given.address('admin', '0.0.0.0:8081'),
    ...readReplicaSettings(given, listen.host),
    jwksFile: given.text('jwks-file'),
    injection: readInjection(given),
    logLevel: given.choice('log-level', ['debug', 'info', 'warn', 'error']) ?? 'info',
    options: {
      adminHosts: names(given, 'admin-hosts'),
      namespaces: namespaces(given, 'namespaces', ['*']),
      credentialsNamespaces: namespaces(given, 'credentials-namespaces', []),
      platformNamespaces: names(given, 'platform-namespaces'),
      egressHosts: names(given, 'egress-hosts'),
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

/** For connections to end in order once leadership is lost. */
const LOST_MS = 2_000;

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('operator', HELP, () => readSettings(args, process.env));
  return 'exitCode' in read ? read.exitCode : run(read.settings);
}

async function run(settings: OperatorSettings): Promise<number> {
  setMaxIdleHTTPParsers(IDLE_PARSERS);
  useSmallPools();
  const log = pino({ level: settings.logLevel, base: { component: 'operator' } });
  const { kubeconfig, election, ledger, jwksFile, options, tls, trust } = settings;
  let files: FileCertificates | undefined;
  let givingBack: { stop(): void } | undefined;
  try {
    if (options.credentialsNamespaces?.length === 0) {
      log.warn(
        {},
        'no Secret is read: name namespaces with --credentials-namespaces to give providers their keys',
      );
    }
    // A kubeconfig that cannot be read is a mistake to be told at once; one that fails later is waited for.
    loadKubeConfig(kubeconfig);
    if (tls.mode === 'Files') files = await fileCertificates(tls.files, systemClock, log);
    const lost = Promise.withResolvers<'lost'>();
    const operator = await startOperator({
      ...options,
      api: apiConfig(() => loadKubeConfig(kubeconfig)),
      listen: settings.listen,
      admin: settings.admin,
      tls: tls.mode === 'Files' ? (files as FileCertificates) : tls,
      trust,
      ...(await loadInjection(settings.injection)),
      log,
      ...(election ? { election: { ...election, onLost: () => lost.resolve('lost') } } : {}),
      ...(ledger ? { ledger } : {}),
      ...(jwksFile ? { identity: { ...options.identity, fetchKeys: () => readKeys(jwksFile) } } : {}),
    });
    log.info({ sync: operator.address, admin: operator.admin }, 'operator is up');
    void operator.ready.then(() => (givingBack = giveBackAtRest(systemClock)));
    const signal = await Promise.race([terminated(), lost.promise]);
    if (signal === 'lost') {
      log.fatal({}, 'operator ends because another one leads or none can: it starts anew as a follower');
      // What waits for an API server that does not answer must not keep it.
      setTimeout(() => process.exit(1), LOST_MS).unref();
      await operator.stop();
      return 1;
    }
    log.info({ signal }, 'operator is stopping');
    await operator.stop();
    return 0;
  } catch (error) {
    log.fatal({ error: describeError(error) }, 'operator could not start');
    return 1;
  } finally {
    givingBack?.stop();
    await files?.stop();
  }
}

async function readKeys(file: string): Promise<JSONWebKeySet> {
  return JSON.parse(await readFile(file, 'utf8')) as JSONWebKeySet;
}
