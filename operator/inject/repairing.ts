/** Repair with its watches and its Events. */
import { EventWriter } from '../events.ts';
import type { RunResult, WorkQueue } from '../watch/queue.ts';
import type { Reflector, WatchMeans } from '../watch/reflector.ts';
import type { Source } from '../watch/source.ts';
import type { InjectionMetrics } from './metrics.ts';
import { Repair } from './repair.ts';
import type { InjectionSettings } from './settings.ts';
import { type UninjectedPod, UninjectedPods } from './uninjected-pods.ts';

export interface RepairParts extends WatchMeans {
  source: Source;
  settings: InjectionSettings;
  namespaces: readonly string[];
  isLeader: () => boolean;
  metrics: InjectionMetrics;
  onRun: (controller: string) => (result: RunResult, milliseconds: number) => void;
  evictionsPerMinute?: number;
  replica: string;
}

export interface Repairing {
  readonly queues: Readonly<Record<string, Pick<WorkQueue, 'depth'>>>;
  watches(): Reflector<UninjectedPod>[];
  start(): void;
  look(): void;
  stop(): Promise<void>;
}

export function prepareRepair(parts: RepairParts): Repairing {
  const { metrics, onRun, replica } = parts;
  const events = new EventWriter({
    ...parts,
    controller: 'outrider.dev/operator',
    instance: replica,
    observe: (result) => metrics.event(result),
  });
  const pods = new UninjectedPods({ ...parts, onChange: (key) => repair.changed(key) });
  const repair = new Repair({
    ...parts,
    pods,
    events,
    onRun: onRun('repair'),
    onEviction: (result) => metrics.evicted(result),
  });
  metrics.observe(() => repair.counts());
  return {
    queues: { repair: repair.queue, events: events.queue },
    watches: () => pods.watches(),
    start: () => pods.start(),
    look: () => repair.look(),
    stop: async () => {
      await pods.stop();
      await repair.stop();
      await events.stop();
    },
  };
}
