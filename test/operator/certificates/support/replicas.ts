/** Replicas of the operator as far as certificates go, on the embedded API server, with a clock that a test moves. */
import { KubeConfig } from '@kubernetes/client-node';
import type { StoredSecret } from '../../../../operator/certificates/secret-store.ts';
import {
  SelfIssuedCertificates,
  type SelfIssuedOptions,
} from '../../../../operator/certificates/self-issued.ts';
import { type ApiClient, apiClient } from '../../../../operator/watch/api-client.ts';
import { apiConfig } from '../../../../operator/watch/api-config.ts';
import { ApiError } from '../../../../operator/watch/api-error.ts';
import { silentLog } from '../../../../operator/watch/log.ts';
import { systemClock } from '../../../../sidecar/snapshot/clock.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const NAMESPACE = 'outrider-system';
const SECRET = { namespace: NAMESPACE, name: 'outrider-tls' };
const PATH = `/api/v1/namespaces/${NAMESPACE}/secrets/outrider-tls`;

export interface TestReplica {
  certificates: SelfIssuedCertificates;
  /** Everything that was published, in order. */
  bundles: string[];
  served: string[];
  stop(): Promise<void>;
}

export class Replicas {
  readonly client: ApiClient;
  readonly #kubeConfig: string;
  readonly #running = new Set<TestReplica>();
  readonly clock: ManualClock;

  constructor(kubeConfig: string, clock = new ManualClock(Date.now())) {
    this.#kubeConfig = kubeConfig;
    this.clock = clock;
    this.client = this.#newClient();
  }

  async createNamespace(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
    await this.client.json({ method: 'POST', path: '/api/v1/namespaces', body });
  }

  start(options: Partial<SelfIssuedOptions> = {}): TestReplica {
    const client = this.#newClient();
    const certificates = new SelfIssuedCertificates({
      client,
      clock: this.clock,
      random: () => 0,
      log: silentLog,
      observer: { restarted() {}, relisted() {} },
      secret: SECRET,
      names: ['outrider.outrider-system.svc', '127.0.0.1'],
      isLeader: () => true,
      fleet: () => ({ behind: 0, silent: 0 }),
      published: () => true,
      ...options,
    });
    const replica: TestReplica = {
      certificates,
      bundles: [],
      served: [],
      stop: async () => {
        this.#running.delete(replica);
        await certificates.stop();
        client.close();
      },
    };
    certificates.trustBundle.subscribe((bundle) => replica.bundles.push(bundle));
    certificates.serving.subscribe(({ cert }) => replica.served.push(String(cert)));
    certificates.start();
    this.#running.add(replica);
    return replica;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((replica) => replica.stop()));
    this.client.close();
  }

  async secret(): Promise<StoredSecret | undefined> {
    try {
      return await this.client.json<StoredSecret>({ path: PATH });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** A text of the Secret; empty where there is none. */
  async text(key: string): Promise<string> {
    return Buffer.from((await this.secret())?.data?.[key] ?? '', 'base64').toString('utf8');
  }

  async state(): Promise<string> {
    const text = await this.text('state.json');
    return text === '' ? 'None' : ((JSON.parse(text) as { state: string }).state ?? '');
  }

  async remove(): Promise<void> {
    await this.client.json({ method: 'DELETE', path: PATH });
  }

  /** Sets texts of the Secret; null takes one away. */
  async damage(data: Record<string, string | null>): Promise<void> {
    const encoded = Object.fromEntries(
      Object.entries(data).map(([key, text]) => [
        key,
        text === null ? null : Buffer.from(text).toString('base64'),
      ]),
    );
    await this.client.json({
      method: 'PATCH',
      path: PATH,
      contentType: 'application/merge-patch+json',
      body: { data: encoded },
    });
  }

  #newClient(): ApiClient {
    return apiClient(
      apiConfig(() => {
        const config = new KubeConfig();
        config.loadFromString(this.#kubeConfig);
        return config;
      }),
      systemClock,
    );
  }
}
