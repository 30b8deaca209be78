/**
 * What an adaptive rule has learned of its targets, by kind of request. The past fades by one part in `memory` with every
 * request of the kind, so that a change shows; that of scores with every second score, however rare they are. What all pods learned comes in as hints, which are worth a few tries only:
 * what was seen here outweighs them.
 */
import {
  type ArmSums,
  addFailed,
  addScore,
  addServed,
  addSums,
  type Fading,
  fade,
  noSums,
  type ServedOutcome,
  triesOf,
} from './arm.ts';

/** Tries that hints about a target count for at most. */
const HINT_WORTH = 10;
const MAX_RULES = 256;
const MAX_ARMS = 64;

interface Arm {
  readonly own: ArmSums;
  /** As of this request, and this score, of the kind. */
  at: number;
  scoredAt: number;
  /** Not told to the fleet yet. */
  fresh: ArmSums | undefined;
  /** Calls of `take` before the first of it came. */
  freshSince: number;
}

/** One kind of request of one rule. */
export interface Situation {
  /** The hints that were looked at last, and the request they were first looked at for: from then on they fade too. */
  heard: number;
  heardAt: number;
  /** Requests seen, and scores. */
  count: number;
  scored: number;
  readonly arms: Map<string, Arm>;
  /** By the targets at hand, those of each priority apart; the newest last. */
  readonly shares: Map<string, Shares>;
}

export interface Shares {
  /** By name of the target. */
  readonly of: ReadonlyMap<string, number>;
  /** What each is expected to earn, by name too: the order of those that are not drawn. */
  readonly rewards: ReadonlyMap<string, number>;
  /** Requests of the kind that had been seen then. */
  readonly made: number;
}

/** By rule (`route/<namespace>/<name> <rule>`), kind of request and target. */
export type ArmTable = Map<string, Map<number, Map<string, ArmSums>>>;

export class AdaptiveMemory {
  #rules = new Map<string, Map<number, Situation>>();
  #hints: ArmTable = new Map();
  /** Hints that came. */
  #heard = 0;
  #taken = 0;
  #frozen = false;

  /** The same to read, for a question that must change nothing. */
  toRead(): AdaptiveMemory {
    const frozen = new AdaptiveMemory();
    frozen.#rules = this.#rules;
    frozen.#hints = this.#hints;
    frozen.#heard = this.#heard;
    frozen.#frozen = true;
    return frozen;
  }

  situation(rule: string, context: number): Situation {
    if (this.#frozen) {
      const known = this.known(rule, context) ?? unseen();
      return { ...known, shares: new Map(known.shares) };
    }
    let situations = this.#rules.get(rule);
    if (!situations) {
      const [oldest] = this.#rules.size >= MAX_RULES ? this.#rules.keys() : [];
      if (oldest !== undefined) this.#rules.delete(oldest);
      situations = new Map();
      this.#rules.set(rule, situations);
    }
    let situation = situations.get(context);
    if (!situation) {
      situation = unseen();
      situations.set(context, situation);
    }
    return situation;
  }

  /** To read only; undefined: nothing was seen of the kind. */
  known(rule: string, context: number): Situation | undefined {
    return this.#rules.get(rule)?.get(context);
  }

  /** Own sums and hints together. `memory`: requests after which the past counts for a third. */
  sums(rule: string, context: number, target: string, memory: number): ArmSums {
    const all = noSums();
    const situation = this.#rules.get(rule)?.get(context);
    const arm = situation?.arms.get(target);
    if (situation && arm) addSums(all, arm.own, leftOf(arm, situation, memory));
    const hinted = this.#hints.get(rule)?.get(context)?.get(target);
    if (hinted) {
      const worth =
        Math.min(1, HINT_WORTH / Math.max(1e-9, triesOf(hinted))) * this.#stillTrue(situation, memory);
      addSums(all, hinted, { tries: worth, scores: worth });
    }
    return all;
  }

  /** A request of the kind is over. */
  step(rule: string, context: number): void {
    this.situation(rule, context).count++;
  }

  served(rule: string, context: number, target: string, memory: number, outcome: ServedOutcome): void {
    const { own, fresh } = this.#arm(rule, context, target, memory);
    addServed(own, outcome);
    addServed(fresh, outcome);
  }

  failed(rule: string, context: number, target: string, memory: number): void {
    const { own, fresh } = this.#arm(rule, context, target, memory);
    addFailed(own);
    addFailed(fresh);
  }

  scored(
    rule: string,
    context: number,
    target: string,
    memory: number,
    score: number,
    replaces: number | undefined,
  ): void {
    if (replaces === undefined) this.situation(rule, context).scored++;
    const { own, fresh } = this.#arm(rule, context, target, memory);
    addScore(own, score, replaces);
    addScore(fresh, score, replaces);
  }

  /** What was learned since the last call, at most so many targets of it; the rest is for the next call. */
  take(most: number): ArmTable {
    const fresh: { rule: string; context: number; target: string; arm: Arm }[] = [];
    for (const [rule, situations] of this.#rules)
      for (const [context, { arms }] of situations)
        for (const [target, arm] of arms) if (arm.fresh) fresh.push({ rule, context, target, arm });
    // Those that learn all the time must leave room for the others.
    fresh.sort((a, b) => a.arm.freshSince - b.arm.freshSince);
    const taken: ArmTable = new Map();
    for (const { rule, context, target, arm } of fresh.slice(0, most)) {
      if (arm.fresh) put(taken, rule, context, target, arm.fresh);
      arm.fresh = undefined;
    }
    this.#taken++;
    return taken;
  }

  /** What all pods learned, this one's share in it; replaces what was hinted before. */
  hear(hints: ArmTable): void {
    this.#heard++;
    this.#hints = hints;
  }

  /** Hints that nobody renews fade with the requests that come after them. */
  #stillTrue(situation: Situation | undefined, memory: number): number {
    if (!situation) return 1;
    if (situation.heard !== this.#heard) {
      situation.heard = this.#heard;
      situation.heardAt = situation.count;
    }
    return (1 - 1 / memory) ** (situation.count - situation.heardAt);
  }

  #arm(rule: string, context: number, target: string, memory: number): { own: ArmSums; fresh: ArmSums } {
    const situation = this.situation(rule, context);
    let arm = situation.arms.get(target);
    if (!arm) {
      // Targets that were renamed leave theirs behind.
      if (situation.arms.size >= MAX_ARMS) situation.arms.clear();
      arm = {
        own: noSums(),
        at: situation.count,
        scoredAt: situation.scored,
        fresh: undefined,
        freshSince: 0,
      };
      situation.arms.set(target, arm);
    }
    fade(arm.own, leftOf(arm, situation, memory));
    arm.at = situation.count;
    arm.scoredAt = situation.scored;
    if (!arm.fresh) {
      arm.fresh = noSums();
      arm.freshSince = this.#taken;
    }
    return { own: arm.own, fresh: arm.fresh };
  }
}

export function put(table: ArmTable, rule: string, context: number, target: string, sums: ArmSums): void {
  let contexts = table.get(rule);
  if (!contexts) table.set(rule, (contexts = new Map()));
  let arms = contexts.get(context);
  if (!arms) contexts.set(context, (arms = new Map()));
  arms.set(target, sums);
}

const unseen = (): Situation => ({
  heard: 0,
  heardAt: 0,
  count: 0,
  scored: 0,
  arms: new Map(),
  shares: new Map(),
});

const leftOf = (arm: Arm, { count, scored }: Situation, memory: number): Fading => ({
  tries: (1 - 1 / memory) ** (count - arm.at),
  scores: (1 - 2 / memory) ** (scored - arm.scoredAt),
});
