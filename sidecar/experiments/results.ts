/**
 * What became of requests, by experiment and arm, as this pod saw it. Counts go out with the next report, and are kept for
 * the step that a canary is at. Bounded by what the configuration names.
 */
import { totalCost } from '../accounting/total-cost.ts';
import { answering, type Exchange, type Outcome } from '../exchange.ts';
import type { PlannedArm, TableExperiment } from '../routing/experiment/arms.ts';
import { isArm, retainArms } from '../snapshot/experiments/arm-names.ts';
import {
  type ArmTotals,
  addToArm,
  noTotals,
  observe,
  observeLatency,
} from '../snapshot/experiments/arm-totals.ts';
import { resultOf } from '../telemetry/finished.ts';

/** Experiments that are counted; a configuration with more has the first ones counted. */
const MAX_EXPERIMENTS = 64;

/** Results of one experiment. */
export interface ExperimentResults {
  /** By arm: since the last report, and since evidence of the canary is gathered. */
  fresh: Map<string, ArmTotals>;
  step: Map<string, ArmTotals>;
  /** Since this pod began, by the share of the canary in percent; undefined: it has none, or none yet. */
  all: Map<number | undefined, Map<string, ArmTotals>>;
  /** The present share. */
  percent: number | undefined;
}

type Configured = Pick<TableExperiment, 'body'>;

export class Results {
  readonly #experiments = new Map<string, ExperimentResults>();
  #configured: ReadonlyMap<string, Configured> = new Map();

  of(key: string): ExperimentResults | undefined {
    return this.#experiments.get(key);
  }

  /** False: it says nothing of its arm, or there is no room for its experiment. */
  record(exchange: Exchange): boolean {
    const arm = exchange.plan?.arm;
    const { outcome } = exchange;
    if (!arm || !outcome) return false;
    const result = resultOf(exchange, outcome);
    // Neither says anything of the arm: what the caller got wrong, and whom it did not wait for.
    if (result === 'CallerError' || result === 'Cancelled') return false;
    // A copy that was not sent is counted as such.
    if (exchange.internal && exchange.attempts.length === 0) return false;
    const seen = noTotals();
    seen.requests = 1;
    if (result !== 'OK' || hasLeft(exchange, arm)) seen.errors = 1;
    else noteAnswer(seen, exchange, outcome);
    return this.#add(arm.experiment.key, arm.arm.name, seen);
  }

  /** Feedback of a request of the arm; `score` from 0 to 1. */
  score(key: string, arm: string, score: number): boolean {
    const seen = noTotals();
    observe(seen.feedback, score);
    return this.#add(key, arm, seen);
  }

  /** The canary of the experiment is at another step. */
  restart(key: string): void {
    this.#experiments.get(key)?.step.clear();
  }

  /** The share of the canary is another one from now on. */
  turn(key: string, percent: number): void {
    const results = this.#experiments.get(key) ?? this.#create(key);
    if (results) results.percent = percent;
  }

  /** Forgets experiments and arms that are no longer configured. */
  retain(found: ReadonlyMap<string, Configured>): void {
    this.#configured = found;
    for (const [key, { fresh, step, all }] of this.#experiments) {
      const body = found.get(key)?.body;
      if (!body) this.#experiments.delete(key);
      else for (const sums of [fresh, step, ...all.values()]) retainArms(sums, body);
    }
  }

  #add(key: string, arm: string, seen: ArmTotals): boolean {
    const configured = this.#configured.get(key);
    // Its request may have begun before the present configuration.
    if (!configured || !isArm(configured.body, arm)) return false;
    const results = this.#experiments.get(key) ?? this.#create(key);
    if (!results) return false;
    const { fresh, step, all, percent } = results;
    let present = all.get(percent);
    if (!present) all.set(percent, (present = new Map()));
    for (const sums of [fresh, step, present]) addToArm(sums, arm, seen);
    return true;
  }

  #create(key: string): ExperimentResults | undefined {
    if (this.#experiments.size >= MAX_EXPERIMENTS) return undefined;
    const made: ExperimentResults = { fresh: new Map(), step: new Map(), all: new Map(), percent: undefined };
    this.#experiments.set(key, made);
    return made;
  }
}

/** Answered from outside the arm, because nothing in it did: a failure of the arm, whatever the caller saw. */
function hasLeft({ attempts }: Exchange, { arm }: PlannedArm): boolean {
  const answered = answering(attempts);
  return answered !== undefined && !arm.targets.has(answered.candidate.index);
}

function noteAnswer(seen: ArmTotals, exchange: Exchange, { endedAt }: Outcome): void {
  const { startedAt, committedAt = endedAt, attempts } = exchange;
  observeLatency(seen, committedAt - startedAt);
  const cost = totalCost(attempts);
  if (cost !== undefined) observe(seen.cost, Number(cost));
}
