/** What makes one of several replicas: who it is, how a leader is elected, and what it proves itself with. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { CertificateFiles } from '../../operator/certificates/files.ts';
import type { SelfIssuedSettings } from '../../operator/certificates/self-issued.ts';
import type { TrustSettings } from '../../operator/certificates/start.ts';
import type { ElectionSettings } from '../../operator/leader/campaign.ts';
import type { LedgerSettings } from '../../operator/ledger/keeping.ts';
import { type Arguments, UsageError } from '../arguments.ts';

export const REPLICA_FLAGS = [
  'leader-elect',
  'lease-namespace',
  'lease-name',
  'lease-seconds',
  'ledger-namespace',
  'ledger-name',
  'pod-name',
  'pod-namespace',
  'pod-ip',
  'tls-mode',
  'tls-cert',
  'tls-key',
  'tls-ca',
  'tls-secret',
  'tls-service',
  'tls-names',
  'cluster-domain',
  'tls-authority-days',
  'tls-serving-days',
  'webhook-configurations',
];

export const REPLICA_HELP = `\
  --leader-elect                 one of several replicas acts, elected by a Lease; off           OUTRIDER_LEADER_ELECT
  --lease-namespace NAME         of the Lease; unset: the pod's                                  OUTRIDER_LEASE_NAMESPACE
  --lease-name NAME              of the Lease; outrider                                          OUTRIDER_LEASE_NAME
  --lease-seconds N              how long others wait for a leader that is gone; 15              OUTRIDER_LEASE_SECONDS
  --ledger-namespace NAME        of the ConfigMaps that keep usage; unset: the Lease's, or none  OUTRIDER_LEDGER_NAMESPACE
  --ledger-name NAME             what their names begin with; the Lease's name and -ledger       OUTRIDER_LEDGER_NAME
  --pod-name NAME                of this replica; unset: the host's                              OUTRIDER_POD_NAME
  --pod-namespace NAME           unset: that of the pod's own account                            OUTRIDER_POD_NAMESPACE
  --pod-ip IP                    where sidecars send reports while it leads                      OUTRIDER_POD_IP
  --tls-mode Files|SelfIssued    who issues the certificate: others, or the operator; Files      OUTRIDER_TLS_MODE
  --tls-cert FILE                Files: certificate in PEM, read again when it changes           OUTRIDER_TLS_CERT
  --tls-key FILE                 Files: its key in PEM                                           OUTRIDER_TLS_KEY
  --tls-ca FILE                  Files: whom sidecars and the API server shall trust; nobody     OUTRIDER_TLS_CA
  --tls-secret NAME              SelfIssued: Secret with authority and certificate; outrider-tls OUTRIDER_TLS_SECRET
  --tls-service NAME             SelfIssued: Service the certificate is for; outrider            OUTRIDER_TLS_SERVICE
  --tls-names NAME,...           SelfIssued: further names and IP addresses it is for; none      OUTRIDER_TLS_NAMES
  --cluster-domain NAME          SelfIssued: domain of Services; cluster.local                   OUTRIDER_CLUSTER_DOMAIN
  --tls-authority-days N         SelfIssued: life of the authority; 365                          OUTRIDER_TLS_AUTHORITY_DAYS
  --tls-serving-days N           SelfIssued: life of the certificate; 90                         OUTRIDER_TLS_SERVING_DAYS
  --webhook-configurations ...   MutatingWebhookConfigurations that are told whom to trust; none OUTRIDER_WEBHOOK_CONFIGURATIONS
`;

type TlsChoice = { mode: 'Files'; files: CertificateFiles } | ({ mode: 'SelfIssued' } & SelfIssuedSettings);

export interface ReplicaSettings {
  tls: TlsChoice;
  election: Omit<ElectionSettings, 'onLost'> | undefined;
  /** Undefined: usage is counted in metrics only. */
  ledger: LedgerSettings | undefined;
  trust: TrustSettings;
}

const DAY_MS = 86_400_000;
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** `--leader-elect` may stand alone, as in other operators. */
export function completed(args: readonly string[]): string[] {
  return args.map((arg) => (arg === '--leader-elect' ? '--leader-elect=true' : arg));
}

export function readReplicaSettings(given: Arguments, listenHost: string): ReplicaSettings {
  const election = readElection(given, listenHost);
  return {
    tls: readTls(given),
    election,
    ledger: readLedger(given, election),
    trust: {
      webhooks: names(given, 'webhook-configurations').map((name) => ({
        kind: 'MutatingWebhookConfiguration',
        name,
      })),
    },
  };
}

function readTls(given: Arguments): TlsChoice {
  if (given.choice('tls-mode', ['Files', 'SelfIssued']) !== 'SelfIssued') {
    const ca = given.text('tls-ca');
    const files = { cert: given.required('tls-cert'), key: given.required('tls-key'), ...(ca ? { ca } : {}) };
    return { mode: 'Files', files };
  }
  const namespace = podNamespace(given, 'tls-mode=SelfIssued');
  const service = `${name(given, 'tls-service', 'outrider')}.${namespace}.svc`;
  const authorityMs = (given.integer('tls-authority-days', 1, 3650) ?? 365) * DAY_MS;
  const servingMs = (given.integer('tls-serving-days', 1, 825) ?? 90) * DAY_MS;
  return {
    mode: 'SelfIssued',
    secret: { namespace, name: name(given, 'tls-secret', 'outrider-tls') },
    names: [
      service,
      `${service}.${name(given, 'cluster-domain', 'cluster.local')}`,
      ...names(given, 'tls-names'),
    ],
    lifetimes: { authorityMs, servingMs },
  };
}

function readElection(given: Arguments, listenHost: string): ReplicaSettings['election'] {
  if (given.choice('leader-elect', ['true', 'false']) !== 'true') return undefined;
  const everywhere = listenHost === '0.0.0.0' || listenHost === '::';
  const host = given.text('pod-ip') ?? (everywhere ? undefined : listenHost);
  if (host === undefined || !/^[\w.:-]{1,253}$/.test(host)) {
    const what = host === undefined ? 'is required' : `is "${host}"; it must be an IP address`;
    throw new UsageError(`--pod-ip ${what}: with --leader-elect, sidecars report to it`);
  }
  const leaseSeconds = given.integer('lease-seconds', 1, 3600);
  return {
    namespace: given.text('lease-namespace')
      ? name(given, 'lease-namespace', '')
      : podNamespace(given, 'leader-elect'),
    name: name(given, 'lease-name', 'outrider'),
    replica: given.text('pod-name') ?? hostname(),
    host,
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
  };
}

function readLedger(given: Arguments, election: ReplicaSettings['election']): ReplicaSettings['ledger'] {
  const namespace = given.text('ledger-namespace') ?? election?.namespace;
  if (namespace === undefined) return undefined;
  return {
    namespace: name(given, 'ledger-namespace', namespace),
    name: name(given, 'ledger-name', `${election?.name ?? 'outrider'}-ledger`),
  };
}

function podNamespace(given: Arguments, why: string): string {
  if (given.text('pod-namespace') !== undefined) return name(given, 'pod-namespace', '');
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim();
  } catch {
    throw new UsageError(`--pod-namespace is required with --${why} outside a pod`);
  }
}

function name(given: Arguments, flag: string, unset: string): string {
  const text = given.text(flag) ?? unset;
  if (!NAME.test(text)) throw new UsageError(`--${flag} is "${text}"; it must be a name, such as outrider`);
  return text;
}

function names(given: Arguments, flag: string): string[] {
  const list = given.list(flag);
  const wrong = list.find((text) => !NAME.test(text) && !/^[0-9a-f:.]+$/i.test(text));
  if (wrong !== undefined)
    throw new UsageError(`--${flag} has "${wrong}"; it must be a list of names: a,b,c`);
  return [...new Set(list)];
}
