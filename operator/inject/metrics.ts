/** What injection counts about itself. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { EventResult } from '../events.ts';
import type { EvictionResult } from './repair.ts';
import type { UninjectedReason } from './uninjected.ts';
import type { InjectionResult } from './webhook.ts';

export interface InjectionMetrics {
  /** The webhook answered about a pod. */
  reviewed(result: InjectionResult): void;
  evicted(result: EvictionResult): void;
  event(result: EventResult): void;
  /** Reads these whenever metrics are asked for. */
  observe(counts: () => ReadonlyMap<UninjectedReason, number>): void;
}

export function injectionMetrics(prefix: string, registry: Registry): InjectionMetrics {
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `${prefix}${name}`, help, labelNames: ['result'], registers });
  const reviews = counter('injection_reviews_total', 'Pods that the injection webhook was asked about.');
  const evictions = counter('evictions_total', 'Tries to evict pods without a sidecar.');
  const events = counter('events_total', 'Events about objects of the cluster, by what became of them.');
  let read = (): ReadonlyMap<UninjectedReason, number> => new Map();
  registry.registerMetric(
    new Gauge({
      name: `${prefix}pods_without_sidecar`,
      help: 'Pods that want a sidecar and have none, by reason.',
      labelNames: ['reason'],
      registers: [],
      collect() {
        this.reset();
        for (const [reason, count] of read()) this.set({ reason }, count);
      },
    }),
  );
  return {
    reviewed: (result) => reviews.inc({ result }),
    evicted: (result) => evictions.inc({ result }),
    event: (result) => events.inc({ result }),
    observe(counts) {
      read = counts;
    },
  };
}
