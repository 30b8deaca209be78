/** From settings to the certificates that an operator serves with, whoever issues them, and the trust that it hands out. */
import type { ProxyState } from '../sync/registry.ts';
import type { Certificate } from '../sync/server.ts';
import type { RunResult, WorkQueue } from '../watch/queue.ts';
import type { WatchMeans } from '../watch/reflector.ts';
import { bundleHash, type Certificates, givenCertificate } from './certificates.ts';
import { fleetTrust } from './fleet-trust.ts';
import { expiryOf } from './read-credential.ts';
import { type KeyringFacts, SelfIssuedCertificates, type SelfIssuedSettings } from './self-issued.ts';
import { type WebhookTarget, WebhookTrust } from './webhook-trust.ts';

/** A certificate for good, some that are replaced by whoever holds them, or how the operator issues its own. */
export type TlsSettings = Certificate | Certificates | SelfIssuedSettings;

export interface TrustSettings {
  /** Configurations of webhooks whose `caBundle` is kept; none unless told. */
  webhooks?: readonly WebhookTarget[];
}

export interface CertificateOptions extends WatchMeans {
  isLeader: () => boolean;
  /** uids of the pods that run a sidecar. */
  pods: () => Iterable<string>;
  /** What is known of the sidecar of a pod. */
  stateOf: (uid: string) => ProxyState | undefined;
  /** Whether every namespace with sidecars has a bundle. */
  published?: (bundle: string) => boolean;
  onRun: (controller: string) => (result: RunResult, milliseconds: number) => void;
}

export interface CertificateFacts extends Partial<Pick<KeyringFacts, 'state' | 'authorityNotAfter'>> {
  /** Milliseconds since the epoch. */
  servingNotAfter: number;
}

export interface RunningCertificates extends Certificates {
  readonly queues: Readonly<Record<string, Pick<WorkQueue, 'depth'>>>;
  start(): void;
  /** Looks at everything again, as after a change of leadership. */
  look(): void;
  /** Undefined while there is no certificate. */
  facts(): CertificateFacts | undefined;
  stop(): Promise<void>;
}

export function prepareCertificates(
  tls: TlsSettings,
  { webhooks = [] }: TrustSettings,
  options: CertificateOptions,
): RunningCertificates {
  const { client, clock, random, log, observer, isLeader, onRun } = options;
  const common = { client, clock, random, log, observer, isLeader };
  let trust: WebhookTrust | undefined;
  const own =
    'secret' in tls
      ? new SelfIssuedCertificates({
          ...tls,
          ...common,
          fleet: (bundle) => fleetTrust(options.pods(), options.stateOf, bundleHash(bundle)),
          published: (bundle) =>
            (trust?.isPublished(bundle) ?? true) && (options.published?.(bundle) ?? true),
          onRun: onRun('certificates'),
        })
      : undefined;
  const { serving, trustBundle } = own ?? ('serving' in tls ? tls : givenCertificate(tls as Certificate));
  if (webhooks.length > 0) {
    trust = new WebhookTrust({ ...common, targets: webhooks, trustBundle, onRun: onRun('webhook_trust') });
  }
  return {
    serving,
    trustBundle,
    queues: {
      ...(own ? { certificates: own.queue } : {}),
      ...(trust ? { webhook_trust: trust.queue } : {}),
    },
    start() {
      own?.start();
      trust?.start();
    },
    look() {
      own?.look();
      trust?.look();
    },
    facts() {
      const certificate = serving.current;
      return certificate && { ...own?.facts(), servingNotAfter: expiryOf(String(certificate.cert)) };
    },
    stop: async () => {
      await Promise.all([own?.stop(), trust?.stop()]);
    },
  };
}
