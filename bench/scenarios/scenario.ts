/** What a scenario is: real processes, bounded load, figures, and bars that are met or not. */
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import type { OpenControlPlane } from '../dataplane/control-plane.ts';
import type { LoadOptions, Sample } from './load.ts';
import type { ProviderCounts, ProviderScript } from './provider-script.ts';

export interface Scenario {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  run(stage: Stage): Promise<Figure[]>;
}

/** One line of the result. `met` is absent where there is no bar. */
export interface Figure {
  readonly what: string;
  readonly value: string;
  readonly bar?: string;
  readonly met?: boolean;
}

/** Starts what a scenario needs; all of it ends with the scenario. */
export interface Stage {
  /** Scripted providers by name; gives the URL of each, to write in a provider item. */
  providers(scripts: Record<string, ProviderScript>): Promise<Providers>;
  /** A bundled sidecar that serves the items. Keys of credentials differ. */
  sidecar(items: Snapshot['items']): Promise<RunningSidecar>;
  /** A bundled sidecar of its own pod, which follows an operator. */
  follower(controlPlane: OpenControlPlane, pod: string): Promise<RunningSidecar>;
  /** A line on standard error, for whoever watches. */
  note(text: string): void;
}

export interface Providers {
  readonly urls: Readonly<Record<string, string>>;
  set(name: string, script: ProviderScript): Promise<void>;
  counts(): Promise<Record<string, ProviderCounts>>;
}

export interface RunningSidecar {
  readonly port: number;
  readonly adminPort: number;
  drive(load: Omit<LoadOptions, 'port'>): Promise<Sample[]>;
}

export const between = (samples: readonly Sample[], from: number, to: number): Sample[] =>
  samples.filter(({ at }) => at >= from && at < to);

export const shareOf = (samples: readonly Sample[], target: string): number =>
  samples.filter((sample) => sample.target === target).length / Math.max(1, samples.length);

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const ms = (value: number): string => `${value.toFixed(0)} ms`;
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** How many got no whole answer, and what they got instead. */
export function failures(samples: readonly Sample[]): { count: number; said: string } {
  const failed = samples.filter(({ whole }) => !whole);
  const statuses = [...new Set(failed.map(({ status }) => status))].join(', ');
  const what = statuses === '' ? '' : ` (status ${statuses})`;
  return { count: failed.length, said: `${failed.length} of ${samples.length}${what}` };
}
