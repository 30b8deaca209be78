/** Injection as a part of the operator: who injects, what injected pods need around them, and who looks for those that were missed. */

import type { KubeObject } from '../../crds/common.ts';
import type { Certificates } from '../certificates/certificates.ts';
import type { RunResult, WorkQueue } from '../watch/queue.ts';
import type { Reflector, WatchMeans } from '../watch/reflector.ts';
import type { Source } from '../watch/source.ts';
import type { InjectionMetrics } from './metrics.ts';
import { NamespaceObjects } from './namespace-objects.ts';
import { prepareRepair } from './repairing.ts';
import type { InjectionSettings } from './settings.ts';
import { createInjectionHandler } from './webhook.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

export interface InjectionOptions {
  settings: InjectionSettings;
  /** Where the webhook is served; unset: policies of the API server inject, or nobody. */
  webhook?: { host: string; port: number };
  /**
   * Pods that should have a sidecar and have none are told of; unset: they are not even looked for. `evictionsPerMinute` of them
   * at most are evicted; unset: none ever.
   */
  repair?: { evictionsPerMinute?: number };
  /** Which replica Events come from. */
  replica: string;
}

export interface InjectionParts extends WatchMeans {
  source: Source;
  /** Where pods and ConfigMaps are looked after: `['*']`, or names. */
  namespaces: readonly string[];
  certificates: Certificates;
  isLeader: () => boolean;
  metrics: InjectionMetrics;
  onRun: (controller: string) => (result: RunResult, milliseconds: number) => void;
}

export interface RunningInjection {
  /** Where the webhook is served; undefined where it is not, or not yet. */
  readonly address: { host: string; port: number } | undefined;
  readonly queues: Readonly<Record<string, Pick<WorkQueue, 'depth'>>>;
  watches(): Reflector<KubeObject>[];
  /** Whether every namespace with sidecars has a trust bundle, byte for byte. */
  isPublished(bundle: string): boolean;
  /** Serves the webhook, where there is one. */
  listen(): Promise<void>;
  /** Begins to watch. */
  start(): void;
  /** Looks at everything again, as after a change of leadership. */
  look(): void;
  stop(): Promise<void>;
}

export function prepareInjection(
  { settings, webhook: listen, repair, replica }: InjectionOptions,
  parts: InjectionParts,
): RunningInjection {
  const { source, certificates, metrics, onRun } = parts;
  const objects = new NamespaceObjects({
    ...parts,
    settings,
    trustBundle: certificates.trustBundle,
    onRun: onRun('namespace_objects'),
  });
  const repairing = repair && prepareRepair({ ...parts, ...repair, settings, replica });
  let webhook: WebhookServer | undefined;
  let unsubscribe = () => {};
  return {
    get address() {
      return webhook?.address;
    },
    queues: { namespace_objects: objects.queue, ...repairing?.queues },
    watches: () => [...objects.watches(), ...(repairing?.watches() ?? [])],
    isPublished: (bundle) => objects.isPublished(bundle),
    async listen() {
      if (!listen) return;
      const handler = createInjectionHandler({
        settings: () => settings,
        namespaceLabels: labelsOf(source),
        observe: (result) => metrics.reviewed(result),
      });
      const server = await startWebhookServer({ listen, tls: certificates.serving.current, handler });
      unsubscribe = certificates.serving.subscribe((certificate) => server.setCertificate(certificate));
      webhook = server;
    },
    start() {
      objects.start();
      repairing?.start();
    },
    look() {
      objects.look();
      repairing?.look();
    },
    stop: async () => {
      unsubscribe();
      // The webhook goes on to the end: pods that come up meanwhile shall not be refused for us.
      await Promise.all([objects.stop(), repairing?.stop()]);
      await webhook?.close();
    },
  };
}

/** Built anew only when the source has changed. */
function labelsOf(source: Source): (name: string) => Readonly<Record<string, string>> | undefined {
  let from: unknown;
  let labels = new Map<string, Readonly<Record<string, string>>>();
  return (name) => {
    const { namespaces } = source.resources();
    if (namespaces !== from) {
      from = namespaces;
      labels = new Map(namespaces.map((namespace) => [namespace.name, namespace.labels]));
    }
    return labels.get(name);
  };
}
