/**
 * Topic `experiments`: results of all pods added up by arm, and from them how far each canary is. The leader decides and tells
 * pods; the status of the route holds the step, from which the next leader goes on. The spec is never written.
 */
import type { LLMRouteStatus } from '../../crds/llmroute.ts';
import { isArm, isMirror, retainArms } from '../../sidecar/snapshot/experiments/arm-names.ts';
import {
  type ArmTotals,
  addToArm,
  addTotals,
  noTotals,
} from '../../sidecar/snapshot/experiments/arm-totals.ts';
import { begin, type CanaryState, decide, percentOf } from '../../sidecar/snapshot/experiments/canary.ts';
import {
  type ExperimentHint,
  type ExperimentHints,
  type ExperimentReport,
  readExperimentsReport,
} from '../../sidecar/snapshot/experiments/messages.ts';
import type { ItemId, Snapshot } from '../../sidecar/snapshot/schema.ts';
import type { ExperimentBody } from '../../sidecar/snapshot/shapes/experiment.ts';
import { experimentStatus, type StoredExperiment, storedState } from './experiment-status.ts';
import type { FleetTopic, HintAudience } from './topic.ts';

export interface ExperimentsTopicOptions {
  /** The status of a route as it is stored; undefined: none. */
  stored: (route: ItemId) => readonly StoredExperiment[] | undefined;
  /** Milliseconds of the wall clock: steps outlive this process. */
  wall: () => number;
  /** Of this leader; undefined: it does not lead. */
  term: () => number | undefined;
  /** A canary moved: pods and the status should know soon. */
  news?: (route: ItemId) => void;
}

interface Known {
  route: ItemId;
  generation: number;
  body: ExperimentBody;
  /** Undefined without a canary. */
  canary: CanaryState | undefined;
  /** By arm: since the pods began, and since the step of the canary did. */
  all: Map<string, ArmTotals>;
  step: Map<string, ArmTotals>;
  /** Pods that run it, by when they were last heard of. */
  pods: Map<string, number>;
  /** What a pod said of its own evidence at this step. */
  breach: string | undefined;
}

interface Named {
  key: string;
  route: ItemId;
  generation: number;
  body: ExperimentBody;
}

/** Experiments that are remembered; those nobody runs any more are forgotten. */
const MAX_EXPERIMENTS = 1024;
/** A pod that was silent for so long shares no budget. */
const SILENT_MS = 120_000;
/** In one hint. */
const MAX_HINTS = 64;

export class ExperimentsTopic implements FleetTopic {
  readonly name = 'experiments';
  readonly #options: ExperimentsTopicOptions;
  readonly #known = new Map<string, Known>();
  /** What a snapshot names; pods of a workload share theirs. */
  readonly #named = new WeakMap<Snapshot, readonly Named[]>();

  constructor(options: ExperimentsTopicOptions) {
    this.#options = options;
  }

  accept(audience: HintAudience, value: unknown, now: number): boolean {
    const report = readExperimentsReport(value);
    if (!report) return false;
    const named = this.#namesOf(audience.snapshot);
    for (const entry of report.experiments) {
      // Only what its own snapshot names: a pod has no word in routes that are not its own.
      const found = named.find(({ key }) => key === entry.key);
      const known = found && this.#know(found, now);
      if (!known) continue;
      known.pods.set(audience.pod.uid, now);
      this.#count(known, entry);
      this.#decide(known);
    }
    return true;
  }

  hintsFor({ pod, snapshot }: HintAudience, now: number): ExperimentHints | undefined {
    const experiments: ExperimentHint[] = [];
    for (const named of this.#namesOf(snapshot).slice(0, MAX_HINTS)) {
      const known = this.#know(named, now);
      if (!known) continue;
      known.pods.set(pod.uid, now);
      const hint = hintOf(named.key, known, now);
      const term = this.#options.term();
      experiments.push(term === undefined ? hint : { ...hint, term });
    }
    return experiments.length > 0 ? { experiments } : undefined;
  }

  forget(uid: string): void {
    for (const { pods } of this.#known.values()) pods.delete(uid);
  }

  /** Another replica may have decided in the meantime: what is stored counts again. */
  reset(): void {
    this.#known.clear();
  }

  /** For the status of a route; undefined: no pod was heard of yet. */
  statusOf(route: ItemId): NonNullable<LLMRouteStatus['experiments']> | undefined {
    const own = [...this.#known.values()].filter((known) => known.route === route);
    if (own.length === 0) return undefined;
    return own.map(({ body, canary, all, breach }) => experimentStatus(body, canary, all, breach));
  }

  #count(known: Known, { arms, percent, breach, term }: ExperimentReport): void {
    const { body, canary, all, step } = known;
    if (breach !== undefined && canary?.phase === 'Progressing') known.breach = breach;
    // Counted for the leader before, or for none: told of this one, the pod says it again with all that it has.
    if (term !== undefined && term !== this.#options.term()) return;
    const isOfStep = canary === undefined || !body.canary || percent === percentOf(body.canary, canary);
    const isOfStepBefore = percent !== undefined && percent === percentBefore(known);
    for (const [arm, totals] of Object.entries(arms)) {
      // Anything else the pod made up.
      if (!isArm(body, arm)) continue;
      addToArm(all, arm, totals);
      if (isOfStep) addToArm(step, arm, totals);
      else if (isOfStepBefore && isOther(body, arm)) rememberBefore(known, totals);
    }
  }

  #decide(known: Known): void {
    const { body, canary: before } = known;
    if (!body.canary || !before) return;
    const evidence = { canary: noTotals(), others: noTotals() };
    for (const [arm, totals] of known.step) {
      if (arm === body.canary.arm) addTotals(evidence.canary, totals);
      else if (isOther(body, arm)) addTotals(evidence.others, totals);
    }
    const after = decide(body.canary, before, evidence, this.#options.wall());
    known.canary = after;
    if (after.phase === before.phase && after.step === before.step) return;
    known.step.clear();
    known.breach = undefined;
    this.#options.news?.(known.route);
  }

  #know(named: Named, now: number): Known | undefined {
    const { key, route, generation, body } = named;
    const known = this.#known.get(key);
    if (known) {
      // Pods on their way to a new version still speak of the old one.
      if (generation > known.generation) {
        known.generation = generation;
        known.body = body;
        retainArms(known.all, body);
        retainArms(known.step, body);
        known.canary = body.canary ? (known.canary ?? this.#restored(named)) : undefined;
      }
      return known;
    }
    if (this.#known.size >= MAX_EXPERIMENTS) this.#prune(now);
    if (this.#known.size >= MAX_EXPERIMENTS) return undefined;
    const made: Known = {
      route,
      generation,
      body,
      canary: body.canary && this.#restored(named),
      all: new Map(),
      step: new Map(),
      pods: new Map(),
      breach: undefined,
    };
    this.#known.set(key, made);
    return made;
  }

  #restored({ route, body }: Named): CanaryState {
    const now = this.#options.wall();
    const stored = this.#options.stored(route)?.find(({ name }) => name === body.name);
    return (stored && storedState(body, stored)) ?? begin(now, 'begun');
  }

  #prune(now: number): void {
    for (const [key, { pods }] of this.#known) {
      if ([...pods.values()].every((heard) => now - heard > SILENT_MS)) this.#known.delete(key);
    }
  }

  #namesOf(snapshot: Snapshot): readonly Named[] {
    let named = this.#named.get(snapshot);
    if (!named) {
      named = snapshot.items.flatMap((item) => (item.kind === 'Route' && item.body ? namedIn(item) : []));
      this.#named.set(snapshot, named);
    }
    return named;
  }
}

function namedIn(item: Extract<Snapshot['items'][number], { kind: 'Route' }>): Named[] {
  const { id: route, generation, body } = item;
  if (!body) return [];
  return body.rules.flatMap(({ experiment }) => {
    if (!experiment) return [];
    return [
      { key: `${body.namespace}/${body.name} ${experiment.name}`, route, generation, body: experiment },
    ];
  });
}

function hintOf(key: string, { body, canary, pods }: Known, now: number): ExperimentHint {
  for (const [uid, heard] of pods) if (now - heard > SILENT_MS) pods.delete(uid);
  const hint: ExperimentHint = { key, pods: Math.max(1, pods.size) };
  if (!body.canary || !canary) return hint;
  return { ...hint, percent: percentOf(body.canary, canary), phase: canary.phase };
}

/** Whether the canary is held against that arm. */
const isOther = ({ canary }: ExperimentBody, arm: string): boolean => arm !== canary?.arm && !isMirror(arm);

/** Share of the canary's arm at the step before; undefined: there was none. */
function percentBefore({ body, canary }: Known): number | undefined {
  if (!body.canary || canary?.phase !== 'Progressing' || canary.step === 0) return undefined;
  return percentOf(body.canary, { ...canary, step: canary.step - 1 });
}

/** Reported late, or again to this leader: at the last step there is nothing else to hold the canary against. */
function rememberBefore(known: Known, totals: ArmTotals): void {
  if (!known.canary) return;
  const before = noTotals();
  if (known.canary.before) addTotals(before, known.canary.before);
  addTotals(before, totals);
  known.canary = { ...known.canary, before };
}
