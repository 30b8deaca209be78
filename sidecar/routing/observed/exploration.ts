/**
 * When a rule tries what it would not choose: without that, a target that once was slow would never be seen to be fast
 * again. At most one request in fifty; where there are enough requests, each of the other targets once in five seconds, and
 * at least one of them. A rule with few requests spends no more than every tenth of them on it.
 */

const MAX_KEYS = 4096;
const LEAST_BETWEEN = 50;
const EVERY_MS = 5000;
const LEAST_BETWEEN_LATE = 10;
/** What nothing is known of is tried sooner, but not by every request that comes before its first answer. */
const UNKNOWN_EVERY_MS = 1000;
/** Where several answers are needed to know anything. */
const LEARNING_BETWEEN = 8;

interface Turns {
  /** Requests since the last turn. */
  since: number;
  lastAt: number;
}

export class Exploration {
  readonly #turns = new Map<string, Turns>();
  readonly #on: boolean;

  /** `on`: false where a look must change nothing and chance must not move the answer. */
  constructor(on = true) {
    this.#on = on;
  }

  /** One request of the rule more. Whether it may try one of so many other targets; `took` says that it did. */
  isDue(key: string, others: number, now: number): boolean {
    if (!this.#on || others === 0) return false;
    const turns = this.#next(key, now);
    const passed = now - turns.lastAt;
    if (turns.since >= LEAST_BETWEEN) return passed >= EVERY_MS / others;
    return turns.since >= LEAST_BETWEEN_LATE && passed >= EVERY_MS;
  }

  /** One request of the rule more that could teach something. Whether it shall; it counts as taken then. */
  mayLearn(key: string, now: number): boolean {
    if (!this.#on) return false;
    const turns = this.#next(key, now);
    if (turns.since < LEARNING_BETWEEN) return false;
    turns.since = 0;
    return true;
  }

  took(key: string, now: number): void {
    const turns = this.#turns.get(key);
    if (turns === undefined) return;
    turns.since = 0;
    turns.lastAt = now;
  }

  /** Whether a target of which nothing is known may be tried, which was last asked at `startedAt`. */
  mayAskUnknown(startedAt: number, now: number): boolean {
    return this.#on && now - startedAt >= UNKNOWN_EVERY_MS;
  }

  #next(key: string, now: number): Turns {
    let turns = this.#turns.get(key);
    if (turns === undefined) {
      // Rules come and go with their routes; forgetting a turn costs nothing.
      if (this.#turns.size >= MAX_KEYS) this.#turns.clear();
      turns = { since: 0, lastAt: now };
      this.#turns.set(key, turns);
    }
    turns.since++;
    return turns;
  }
}
