/**
 * Tells the API server whom to trust when it calls us: keeps `caBundle` in webhook configurations that others install.
 *
 * It is applied under a field manager of its own, so that whoever installs the rest of the object need not know it, and put back
 * whenever somebody takes it away. Only the leader writes; configurations that do not exist are not made.
 */
import type { KubeObject } from '../../crds/common.ts';
import { type RunResult, WorkQueue } from '../watch/queue.ts';
import { Reflector, type WatchMeans } from '../watch/reflector.ts';
import type { Latest } from './latest.ts';

export interface WebhookTarget {
  kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration';
  name: string;
}

export interface WebhookTrustOptions extends WatchMeans {
  targets: readonly WebhookTarget[];
  trustBundle: Latest<string>;
  isLeader: () => boolean;
  onRun?: (result: RunResult, milliseconds: number) => void;
}

interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig?: { caBundle?: string } }[];
}

const FIELD_MANAGER = 'outrider-certificates';
const API_VERSION = 'admissionregistration.k8s.io/v1';
const BACKOFF = { baseMs: 200, maxMs: 30_000 };
/** Somebody who takes it away each time it is put back must not be answered as fast as he can. */
const REPAIR_MS = 500;

export class WebhookTrust {
  readonly queue: WorkQueue;
  readonly #options: WebhookTrustOptions;
  readonly #watches = new Map<string, Reflector<WebhookConfiguration>>();
  readonly #writtenAt = new Map<string, number>();
  readonly #unsubscribe: () => void;

  constructor(options: WebhookTrustOptions) {
    this.#options = options;
    const { clock, random, log, targets, trustBundle, onRun } = options;
    this.queue = new WorkQueue({
      name: 'webhook trust',
      handle: (key) => this.#reconcile(key),
      clock,
      random,
      log,
      backoff: BACKOFF,
      ...(onRun ? { observe: onRun } : {}),
    });
    for (const target of targets) this.#watches.set(keyOf(target), this.#watch(target));
    this.#unsubscribe = trustBundle.subscribe(() => this.look());
  }

  start(): void {
    for (const watch of this.#watches.values()) watch.start();
  }

  /** The bundle changed, or who leads. */
  look(): void {
    for (const key of this.#watches.keys()) this.queue.add(key);
  }

  /** Whether every configuration that exists has this bundle. */
  isPublished(bundle: string): boolean {
    return [...this.#watches.values()].every(
      (watch) =>
        watch.hasSynced && [...watch.values()].every((found) => differing(found, bundle).length === 0),
    );
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
    await this.queue.stop();
  }

  #watch(target: WebhookTarget): Reflector<WebhookConfiguration> {
    const { client, clock, random, log, observer } = this.#options;
    const resource = pluralOf(target);
    return new Reflector<WebhookConfiguration>({
      client,
      clock,
      random,
      log,
      observer,
      resource,
      apiVersion: API_VERSION,
      kind: target.kind,
      path: `/apis/${API_VERSION}/${resource}`,
      fieldSelector: `metadata.name=${target.name}`,
      project: (object) => object,
      onChange: () => this.queue.add(keyOf(target)),
    });
  }

  async #reconcile(key: string): Promise<number | undefined> {
    const { client, clock, isLeader, log, trustBundle } = this.#options;
    const bundle = trustBundle.current;
    if (bundle === undefined || !isLeader()) return undefined;
    const [found] = this.#watches.get(key)?.values() ?? [];
    const webhooks = found ? differing(found, bundle) : [];
    if (!found || webhooks.length === 0) return undefined;
    const sinceMs = clock.monotonic() - (this.#writtenAt.get(key) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < REPAIR_MS) return REPAIR_MS - sinceMs;
    this.#writtenAt.set(key, clock.monotonic());
    const { name, resourceVersion } = found.metadata;
    const caBundle = Buffer.from(bundle).toString('base64');
    await client.json({
      method: 'PATCH',
      path: `/apis/${API_VERSION}/${key}`,
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: API_VERSION,
        kind: found.kind,
        // The version keeps apply from making what was deleted meanwhile.
        metadata: { name, resourceVersion },
        // All of them: what is left out of an apply is given up.
        webhooks: (found.webhooks ?? []).map((webhook) => ({
          name: webhook.name,
          clientConfig: { caBundle },
        })),
      },
    });
    log.info({ configuration: name, webhooks: webhooks.length }, 'the API server was told whom to trust');
    return undefined;
  }
}

function pluralOf({ kind }: WebhookTarget): string {
  return kind === 'MutatingWebhookConfiguration'
    ? 'mutatingwebhookconfigurations'
    : 'validatingwebhookconfigurations';
}

function keyOf(target: WebhookTarget): string {
  return `${pluralOf(target)}/${target.name}`;
}

function differing({ webhooks = [] }: WebhookConfiguration, bundle: string): string[] {
  const caBundle = Buffer.from(bundle).toString('base64');
  return webhooks.filter(({ clientConfig }) => clientConfig?.caBundle !== caBundle).map(({ name }) => name);
}
