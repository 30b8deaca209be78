/**
 * Experiments as this pod takes part in them: counts what becomes of each arm, tells the operator, and follows its word on how
 * far canaries are. Without an operator the pod decides by itself; with one it does only what cannot wait: evidence of its
 * own that an arm is surely worse sends the arm's traffic back here at once, until the operator says something new.
 */
import type { Exchange, ExchangeObserver } from '../exchange.ts';
import type { TableExperiment } from '../routing/experiment/arms.ts';
import type { RoutingState } from '../routing/state.ts';
import type { RoutingTable } from '../routing/table.ts';
import { isMirror } from '../snapshot/experiments/arm-names.ts';
import { type ArmTotals, addTotals, noTotals } from '../snapshot/experiments/arm-totals.ts';
import { begin, type CanaryState, decide, percentOf } from '../snapshot/experiments/canary.ts';
import {
  cutReason,
  type ExperimentReport,
  type ExperimentsReport,
  readExperimentHints,
} from '../snapshot/experiments/messages.ts';
import type { FleetSeam } from '../snapshot/fleet/link.ts';
import { MAX_FLEET_TOPIC_BYTES } from '../snapshot/fleet/messages.ts';
import { Results } from './results.ts';

export interface ExperimentsOptions {
  state: RoutingState;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Undefined: there is no operator. */
  fleet: FleetSeam | undefined;
}

interface Running {
  experiment: TableExperiment;
  canary: CanaryState | undefined;
  /** Pods that share what copies may cost; undefined until the operator says. */
  pods: number | undefined;
  /** What the operator said last. */
  told: string | undefined;
  /** Still to be reported: what was counted at steps that were left, and why one was. */
  left: ExperimentReport[];
  breach: string | undefined;
  looked: number;
  /** Of the leader that is counted for; 0: none has said yet. */
  term: number;
  /** When the evidence at hand began to be gathered. */
  since: number;
}

/** A canary is looked at no more often. */
const LOOK_MS = 1000;
/** Evidence of so long a time at least is looked at together. */
const LEAST_WINDOW_MS = 60_000;
/** Steps that wait to be reported, of one experiment. */
const MAX_LEFT = 4;
/** Entries of one report, before those of the last experiment. */
const MAX_REPORTED = 48;

export class Experiments implements ExchangeObserver {
  readonly results = new Results();
  readonly #options: ExperimentsOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: ExperimentsOptions) {
    this.#options = options;
    const { fleet } = options;
    fleet?.report({ topic: 'experiments', take: () => this.#take() });
    fleet?.onHints('experiments', (value) => this.#hear(value));
  }

  /** A new configuration runs. What goes on under its name goes on as it was. */
  apply(table: RoutingTable): void {
    const found = new Map<string, TableExperiment>();
    for (const { rules } of table.routes) {
      for (const { experiment } of rules) if (experiment) found.set(experiment.key, experiment);
    }
    for (const key of this.#running.keys()) if (!found.has(key)) this.#running.delete(key);
    for (const [key, experiment] of found) {
      const before = this.#running.get(key);
      const canary = experiment.body.canary && (before?.canary ?? this.#first());
      const alone = this.#options.fleet ? undefined : 1;
      this.#running.set(key, {
        experiment,
        canary,
        pods: before?.pods ?? alone,
        told: before?.told,
        left: before?.left ?? [],
        breach: before?.breach,
        looked: before?.looked ?? -Infinity,
        term: before?.term ?? 0,
        since: before?.since ?? this.#options.now(),
      });
    }
    this.results.retain(found);
    this.#options.state.canaries.retain(new Set(found.keys()));
    for (const running of this.#running.values()) this.#enforce(running);
  }

  keys(): Set<string> {
    return new Set(this.#running.keys());
  }

  /** Pods that share the experiment's costs, this one included; undefined: not known yet. */
  podsOf(key: string): number | undefined {
    return this.#running.get(key)?.pods;
  }

  completed(exchange: Exchange): void {
    if (!this.results.record(exchange)) return;
    this.look(exchange.plan?.arm?.experiment.key ?? '');
  }

  /** Feedback for a request; `score` from 0 to 1. */
  scored(key: string, arm: string, score: number): void {
    if (this.#running.has(key) && this.results.score(key, arm, score)) this.look(key);
  }

  /** Whether the evidence at hand moves the canary. */
  look(key: string): void {
    const running = this.#running.get(key);
    const now = this.#options.now();
    if (!running?.canary || now - running.looked < LOOK_MS) return;
    running.looked = now;
    const { canary: config } = running.experiment.body;
    if (!config) return;
    const evidence = this.#evidence(running);
    const after = decide(config, running.canary, evidence, now);
    const moved = after.phase !== running.canary.phase || after.step !== running.canary.step;
    if (!this.#options.fleet) {
      running.canary = after;
      if (moved) this.#moved(running);
    } else if (after.phase === 'RolledBack' && moved) {
      // Moving on takes the evidence of all pods; going back does not.
      running.canary = after;
      running.breach = cutReason(after.reason);
      this.#moved(running);
      this.#options.fleet.urgent();
    } else {
      // That it could move on is not this pod's to say; that it was looked at is to be remembered.
      const looked = moved ? evidence.canary.requests : after.looked;
      running.canary = { ...running.canary, looked };
      if (now - running.since > Math.max(config.intervalMs, LEAST_WINDOW_MS)) this.#anew(running);
    }
  }

  /** What went well for hours must not hide what fails now: evidence is gathered anew from time to time. */
  #anew(running: Running): void {
    running.canary = this.#remembering(running);
    this.#close(running);
  }

  /** The state with the other arms as they were up to now, for when nobody else is served. */
  #remembering(running: Running): CanaryState | undefined {
    const { canary } = running;
    const { others } = this.#evidence(running);
    return canary && { ...canary, looked: 0, ...(others.requests > 0 && { before: others }) };
  }

  /** With an operator, nothing is tried until it says how far the canary is: another pod may know it for bad. */
  #first(): CanaryState {
    const state = begin(this.#options.now(), 'begun');
    return this.#options.fleet ? { ...state, phase: 'RolledBack', reason: 'not told yet' } : state;
  }

  #evidence({ experiment }: Running): { canary: ArmTotals; others: ArmTotals } {
    const evidence = { canary: noTotals(), others: noTotals() };
    for (const [arm, totals] of this.results.of(experiment.key)?.step ?? []) {
      if (arm === experiment.body.canary?.arm) addTotals(evidence.canary, totals);
      else if (!isMirror(arm)) addTotals(evidence.others, totals);
    }
    return evidence;
  }

  #moved(running: Running): void {
    this.#close(running);
    this.#enforce(running);
  }

  /** Ends what was counted up to now; what is to be reported of it is kept. */
  #close(running: Running): void {
    const counted = this.#options.fleet && this.#fresh(running);
    if (counted && running.left.length < MAX_LEFT) running.left.push(counted);
    this.results.restart(running.experiment.key);
    running.since = this.#options.now();
  }

  #enforce({ experiment, canary }: Running): void {
    const { canary: config } = experiment.body;
    if (!config || !canary) return;
    const percent = percentOf(config, canary);
    this.results.turn(experiment.key, percent);
    this.#options.state.canaries.set(experiment.key, percent);
  }

  #take(): ExperimentsReport | undefined {
    const experiments: ExperimentReport[] = [];
    // One experiment of many arms takes some thousand bytes; the rest waits for the next report.
    let room = MAX_FLEET_TOPIC_BYTES / 2;
    const turns = [...this.#running];
    for (const [key, running] of turns) {
      if (room <= 0 || experiments.length >= MAX_REPORTED) break;
      // Behind all others for the next report.
      this.#running.delete(key);
      this.#running.set(key, running);
      const counted = this.#fresh(running);
      if (counted) running.left.push(counted);
      if (running.breach !== undefined) running.left.push({ key, arms: {}, breach: running.breach });
      running.breach = undefined;
      while (running.left.length > 0 && room > 0 && experiments.length < MAX_REPORTED) {
        const due = { ...(running.left.shift() as ExperimentReport), term: running.term };
        experiments.push(due);
        room -= JSON.stringify(due).length;
      }
    }
    return experiments.length > 0 ? { experiments } : undefined;
  }

  /** What was counted since the last report, which begins anew. */
  #fresh({ experiment }: Running): ExperimentReport | undefined {
    const fresh = this.results.of(experiment.key)?.fresh;
    if (!fresh || fresh.size === 0) return undefined;
    const report = reported(experiment, fresh, this.#options.state.canaries.percent(experiment));
    fresh.clear();
    return report;
  }

  /** Another leader counts, and has nothing of this pod: it is told all, whatever those before were told. */
  #recount(running: Running, term: number): void {
    const { experiment } = running;
    running.term = term;
    running.left = [];
    const counted = this.results.of(experiment.key);
    if (!counted) return;
    counted.fresh.clear();
    // What is reported must not grow any more.
    for (const [percent, arms] of counted.all)
      running.left.push(structuredClone(reported(experiment, arms, percent)));
    if (running.left.length > 0) this.#options.fleet?.urgent();
  }

  #hear(value: unknown): void {
    for (const { key, pods, percent, phase, term } of readExperimentHints(value)?.experiments ?? []) {
      const running = this.#running.get(key);
      if (!running) continue;
      running.pods = pods;
      if (term !== undefined && term > running.term) this.#recount(running, term);
      const config = running.experiment.body.canary;
      const told = `${phase} ${percent}`;
      if (!config || percent === undefined || phase === undefined || told === running.told) continue;
      running.told = told;
      // The step that reaches as far; a share that the configuration does not have is rounded down.
      const step = Math.max(
        0,
        config.steps.findLastIndex((each) => each <= percent),
      );
      const stays = phase === 'RolledBack' || percent < (config.steps[0] ?? 0);
      const reason = 'as the operator says';
      const since = this.#options.now();
      const before = this.#remembering(running)?.before;
      const canary: CanaryState = { phase: stays ? 'RolledBack' : phase, step, since, reason, looked: 0 };
      // Counted at the share that was: reported as such before it changes.
      this.#close(running);
      running.canary = before ? { ...canary, before } : canary;
      this.#enforce(running);
    }
  }
}

function reported(
  { key, body }: TableExperiment,
  arms: ReadonlyMap<string, ArmTotals>,
  percent: number | undefined,
): ExperimentReport {
  const report: ExperimentReport = { key, arms: Object.fromEntries(arms) };
  return body.canary && percent !== undefined ? { ...report, percent } : report;
}
