/**
 * Topic `adaptive`: what the pods of a namespace learned of the targets of adaptive rules, added up. The past fades by one part
 * in MEMORY with every try of the kind, as it does in a pod, so that all together notice a change. Kept apart by namespace:
 * what apps of one tenant say must not steer those of another, even through a route they share.
 */
import {
  type ArmEntry,
  MAX_ARM_ENTRIES,
  readArms,
  SUM_OF,
  writeArms,
} from '../../../sidecar/snapshot/fleet/learning.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { FleetTopic, HintAudience } from '../topic.ts';

/** Tries, and scores, after which the past counts for a third. */
const MEMORY = 2000;
/** Tries that one report may tell of one target: more is taken for as many. */
const MOST_TRIES = 2000;
const MAX_RULES = 2048;
const MAX_KINDS = 64;
const MAX_TARGETS = 64;

type Targets = Map<string, number[]>;

export class AdaptiveTopic implements FleetTopic {
  readonly name = 'adaptive';
  /** By namespace of the pod and rule, then by kind of request. */
  readonly #rules = new Map<string, Map<number, Targets>>();

  accept({ pod, snapshot }: HintAudience, value: unknown): boolean {
    const entries = readArms(value);
    if (!entries) return false;
    const known = adaptiveTargets(snapshot);
    for (const { rule, context, target, sums } of entries) {
      if (known.get(rule)?.has(target)) {
        fold(this.#targets(`${pod.namespace} ${rule}`, context), target, bounded(sums));
      }
    }
    return true;
  }

  hintsFor({ pod, snapshot }: HintAudience): unknown {
    const entries: ArmEntry[] = [];
    for (const [rule, names] of adaptiveTargets(snapshot)) {
      for (const [context, targets] of this.#rules.get(`${pod.namespace} ${rule}`) ?? [])
        for (const [target, sums] of targets)
          if (names.has(target)) entries.push({ rule, context, target, sums });
    }
    if (entries.length === 0) return undefined;
    // Where not all can be told: what most is known of.
    entries.sort((a, b) => tries(b.sums) - tries(a.sums));
    return writeArms(entries.slice(0, MAX_ARM_ENTRIES));
  }

  /** What a pod learned stays true when it is gone. */
  forget(): void {}

  #targets(key: string, context: number): Targets {
    let kinds = this.#rules.get(key);
    if (!kinds) {
      const [oldest] = this.#rules.size >= MAX_RULES ? this.#rules.keys() : [];
      if (oldest !== undefined) this.#rules.delete(oldest);
      kinds = new Map();
      this.#rules.set(key, kinds);
    }
    let targets = kinds.get(context);
    if (!targets) {
      if (kinds.size >= MAX_KINDS) kinds.clear();
      targets = new Map();
      kinds.set(context, targets);
    }
    return targets;
  }
}

/** What all targets of the kind had fades by what comes in of one of them. */
function fold(targets: Targets, target: string, more: readonly number[]): void {
  const left = (1 - 1 / MEMORY) ** tries(more);
  const scoresLeft = (1 - 1 / MEMORY) ** (more[SUM_OF.scores] ?? 0);
  for (const sums of targets.values()) {
    for (let i = 0; i < sums.length; i++) {
      const ofScores = i === SUM_OF.scores || i === SUM_OF.score;
      sums[i] = (sums[i] as number) * (ofScores ? scoresLeft : left);
    }
  }
  if (!targets.has(target) && targets.size >= MAX_TARGETS) targets.clear();
  const sums = targets.get(target) ?? more.map(() => 0);
  targets.set(
    target,
    sums.map((each, i) => each + (more[i] ?? 0)),
  );
}

const tries = (sums: readonly number[]): number => (sums[SUM_OF.served] ?? 0) + (sums[SUM_OF.failed] ?? 0);

function bounded(sums: readonly number[]): readonly number[] {
  const most = Math.max(tries(sums), sums[SUM_OF.scores] ?? 0);
  return most <= MOST_TRIES ? sums : sums.map((each) => (each * MOST_TRIES) / most);
}

/** Names of targets by rule (`<namespace>/<route> <rule>`): a pod has no word in rules that it does not run. */
function adaptiveTargets({ items }: Snapshot): Map<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const item of items) {
    if (item.kind !== 'Route' || !item.body) continue;
    for (const { name, strategy, targets } of item.body.rules) {
      if (strategy.type !== 'Adaptive') continue;
      found.set(
        `${item.body.namespace}/${item.body.name} ${name}`,
        new Set(targets.map((target) => target.name)),
      );
    }
  }
  return found;
}
