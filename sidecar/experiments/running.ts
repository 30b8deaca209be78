/**
 * Experiments of a sidecar, loaded when configuration has some. Until then nothing is counted, copied or said; what observers
 * cost a request without an experiment is one comparison.
 */
import type { AttemptObserver, Exchange, ExchangeObserver } from '../exchange.ts';
import type { FeedbackListener } from '../feedback/feedback.ts';
import { Warmth } from '../routing/affinity/warmth.ts';
import type { RoutingState } from '../routing/state.ts';
import type { RoutingTable } from '../routing/table.ts';
import type { FleetSeam } from '../snapshot/fleet/link.ts';
import type { Experiments } from './experiments.ts';
import type { MirrorParts, Mirrors } from './mirrors.ts';

export interface RunningExperimentsOptions {
  state: RoutingState;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Undefined: there is no operator. */
  fleet: FleetSeam | undefined;
  /** A fault of ours, for the process log. */
  warn: (message: string) => void;
}

/** What copies are sent with. */
export type MirrorMeans = Omit<MirrorParts, 'podsOf' | 'later' | 'now' | 'state'>;

export class RunningExperiments {
  readonly attempts: AttemptObserver;
  readonly exchanges: ExchangeObserver;
  readonly feedback: FeedbackListener;
  readonly #options: RunningExperimentsOptions;
  #experiments: Experiments | undefined;
  #mirrors: Mirrors | undefined;
  #table: RoutingTable | undefined;
  #loading: Promise<void> | undefined;

  constructor(options: RunningExperimentsOptions) {
    this.#options = options;
    const warmth = new Warmth(options.state.warm);
    options.state.canaries.waits = options.fleet !== undefined;
    this.attempts = {
      started: (attempt, exchange) => {
        if (exchange.plan?.arm) this.#mirrors?.started(attempt, exchange);
      },
      committed: (attempt, exchange) => {
        if (exchange.plan?.arm) this.#mirrors?.committed(attempt, exchange);
      },
    };
    this.exchanges = {
      completed: (exchange) => {
        warmth.completed(exchange);
        if (exchange.plan?.arm) this.#completed(exchange);
      },
    };
    this.feedback = {
      scored: ({ arm, score, replaces }) => {
        // The first word counts: what went out in a report cannot be taken back.
        if (arm && replaces === undefined) this.#experiments?.scored(arm.experiment.key, arm.arm.name, score);
      },
    };
  }

  /** Another configuration runs. Resolves when its experiments are taken up. */
  apply(table: RoutingTable, means: MirrorMeans): Promise<void> {
    this.#table = table;
    if (this.#experiments) {
      this.#take(table);
      return Promise.resolve();
    }
    if (!table.routes.some(({ rules }) => rules.some(({ experiment }) => experiment)))
      return Promise.resolve();
    this.#loading ??= this.#load(means);
    return this.#loading;
  }

  /** No copy is begun any more, and those under way are broken off. */
  stop(): void {
    this.#mirrors?.stop();
  }

  #completed(exchange: Exchange): void {
    this.#mirrors?.completed(exchange);
    this.#experiments?.completed(exchange);
  }

  #take(table: RoutingTable): void {
    this.#experiments?.apply(table);
    this.#mirrors?.retain(this.#experiments?.keys() ?? new Set());
  }

  async #load(means: MirrorMeans): Promise<void> {
    try {
      const [{ Experiments: Made }, { Mirrors: Copying }] = await Promise.all([
        import('./experiments.ts'),
        import('./mirrors.ts'),
      ]);
      const { state, now, fleet } = this.#options;
      const experiments = new Made({ state, now, fleet });
      this.#experiments = experiments;
      this.#mirrors = new Copying({
        ...means,
        state,
        now,
        podsOf: (key) => experiments.podsOf(key),
        later: setImmediate,
      });
      if (this.#table) this.#take(this.#table);
    } catch (error) {
      this.#options.warn(`experiments could not be set up: ${String(error)}`);
      this.#loading = undefined;
    }
  }
}
