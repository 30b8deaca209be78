/** Injection as a part of the operator: who injects, what injected pods need around them, and who looks for those that were missed. */

import type { KubeObject } from '../../crds/common.ts';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { EventWriter } from '../events.ts';
import type { ApiClient } from '../watch/api-client.ts';
import type { Log } from '../watch/log.ts';
import type { RunResult, WorkQueue } from '../watch/queue.ts';
import type { Reflector, WatchObserver } from '../watch/reflector.ts';
import type { Source } from '../watch/source.ts';
import type { InjectionMetrics } from './metrics.ts';
import { NamespaceObjects } from './namespace-objects.ts';
import { PolicyKeeper } from './policy-keeper.ts';
import { Repair } from './repair.ts';
import type { InjectionSettings } from './settings.ts';
import { UninjectedPods } from './uninjected-pods.ts';
import { createInjectionHandler } from './webhook.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

export interface InjectionOptions {
  settings: InjectionSettings;
  /**
   * Webhook: served here, and registered with the API server by whoever installs the operator. Policy: the API server injects by
   * itself, as policies say that are kept here. None: somebody else sees to either.
   */
  mode:
    | { type: 'Webhook'; listen: { host: string; port: number } }
    | { type: 'Policy'; failurePolicy?: 'Fail' | 'Ignore'; ownerClusterRole?: string }
    | { type: 'None' };
  /** Pods without a sidecar that are evicted in a minute at most; unset: none ever. */
  evictionsPerMinute?: number;
  /** Which replica Events come from. */
  replica: string;
}

export interface InjectionParts {
  client: ApiClient;
  clock: Clock;
  random: () => number;
  log: Log;
  observer: WatchObserver;
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
  { settings, mode, evictionsPerMinute, replica }: InjectionOptions,
  parts: InjectionParts,
): RunningInjection {
  const { source, namespaces, certificates, metrics, onRun } = parts;
  const common = { ...parts, settings };
  const objects = new NamespaceObjects({
    ...common,
    trustBundle: certificates.trustBundle,
    onRun: onRun('namespace_objects'),
  });
  const events = new EventWriter({
    ...parts,
    controller: 'outrider.dev/operator',
    instance: replica,
    observe: (result) => metrics.event(result),
  });
  const pods = new UninjectedPods({ ...common, namespaces, onChange: (key) => repair.changed(key) });
  const repair = new Repair({
    ...parts,
    pods,
    events,
    ...(evictionsPerMinute === undefined ? {} : { evictionsPerMinute }),
    onRun: onRun('repair'),
    onEviction: (result) => metrics.evicted(result),
  });
  const policies =
    mode.type === 'Policy'
      ? new PolicyKeeper({ ...common, ...mode, onRun: onRun('injection_policies') })
      : undefined;
  metrics.observe(() => repair.counts());
  let webhook: WebhookServer | undefined;
  let unsubscribe = () => {};
  return {
    get address() {
      return webhook?.address;
    },
    queues: {
      namespace_objects: objects.queue,
      repair: repair.queue,
      events: events.queue,
      ...(policies ? { injection_policies: policies.queue } : {}),
    },
    watches: () => [...objects.watches(), ...pods.watches()] as Reflector<KubeObject>[],
    isPublished: (bundle) => objects.isPublished(bundle),
    async listen() {
      if (mode.type !== 'Webhook') return;
      const handler = createInjectionHandler({
        settings: () => settings,
        namespaceLabels: labelsOf(source),
        observe: (result) => metrics.reviewed(result),
      });
      const { listen } = mode;
      const server = await startWebhookServer({ listen, tls: certificates.serving.current, handler });
      unsubscribe = certificates.serving.subscribe((certificate) => server.setCertificate(certificate));
      webhook = server;
    },
    start() {
      objects.start();
      pods.start();
      policies?.start();
    },
    look() {
      objects.look();
      repair.look();
      policies?.look();
    },
    stop: async () => {
      unsubscribe();
      // The webhook goes on to the end: pods that come up meanwhile shall not be refused for us.
      await Promise.all([objects.stop(), pods.stop(), policies?.stop()]);
      await repair.stop();
      await events.stop();
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
