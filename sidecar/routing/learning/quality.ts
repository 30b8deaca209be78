/**
 * How well each model does each kind of task: what its owner says of it, corrected by feedback.
 *
 * Feedback is counted as successes and failures of a Beta distribution, a score of 0.7 as seven tenths of a success. Old
 * feedback fades by half a day long after day; until there is enough of it, the owner's word stands alone. What other pods
 * heard comes in as hints: it counts like own feedback, but never for more than a bounded number of samples.
 */
import type { QualityEntry } from '../../snapshot/fleet/learning.ts';
import type { Candidate } from '../plan.ts';
import { decayed, type Tally, within } from './tally.ts';

const HALF_LIFE_MS = 24 * 3_600_000;
/** Samples that an owner's score is worth. */
const PRIOR = 20;
/** What is assumed of a model without a score, and what that is worth. */
const UNSCORED = 0.5;
const UNSCORED_PRIOR = 2;
/** Feedback that must have come before it counts. */
const MIN_SAMPLES = 10;
/** Samples that the fleet's word counts for at most. */
const MOST_HINTED = 100;
const MAX_CELLS = 4096;

interface Cell {
  readonly own: Tally;
  /** The part of it that the operator has been told. */
  readonly told: Tally;
  /** Not told yet. */
  fresh: { n: number; sum: number };
}

export class QualityMemory {
  readonly #cells = new Map<string, Cell>();
  #hints = new Map<string, Tally>();

  /** 0 to 100; undefined: neither the owner nor enough feedback says anything. */
  score(candidate: Candidate, task: string, now: number): number | undefined {
    const said = saidOf(candidate, task);
    const { n, sum } = this.feedback(candidate, task, now);
    if (n < MIN_SAMPLES) return said;
    const prior = said === undefined ? UNSCORED_PRIOR : PRIOR;
    const expected = said === undefined ? UNSCORED : said / 100;
    return (100 * (prior * expected + sum)) / (prior + n);
  }

  /** Faded samples and the sum of their scores, own and the fleet's. */
  feedback(candidate: Candidate, task: string, now: number): { n: number; sum: number } {
    const name = cellName(candidate, task);
    const cell = this.#cells.get(name);
    const own = cell ? decayed(cell.own, now, HALF_LIFE_MS) : { n: 0, sum: 0 };
    const hinted = this.#hints.get(name);
    if (!hinted) return own;
    const all = decayed(hinted, now, HALF_LIFE_MS);
    const told = cell ? decayed(cell.told, now, HALF_LIFE_MS) : { n: 0, sum: 0 };
    const others = within({ n: all.n - told.n, sum: all.sum - told.sum }, MOST_HINTED);
    return { n: own.n + others.n, sum: own.sum + others.sum };
  }

  /** `score` is 0 to 1; `replaces`: what was said before of the same answer. */
  observe(
    candidate: Candidate,
    task: string,
    score: number,
    replaces: number | undefined,
    now: number,
  ): void {
    const cell = this.#cell(cellName(candidate, task), now);
    const n = replaces === undefined ? 1 : 0;
    const sum = score - (replaces ?? 0);
    add(cell.own, n, sum, now);
    cell.fresh = { n: cell.fresh.n + n, sum: cell.fresh.sum + sum };
  }

  /** What was heard since the last call, at most so many models and tasks of it. From then on it is taken for told. */
  take(most: number, now: number): QualityEntry[] {
    const taken: QualityEntry[] = [];
    for (const [name, cell] of this.#cells) {
      const { n, sum } = cell.fresh;
      if (taken.length >= most) break;
      if (n === 0 && sum === 0) continue;
      const [provider = '', model = '', task = ''] = name.split(' ');
      taken.push({ provider, model, task, n, sum });
      add(cell.told, n, sum, now);
      cell.fresh = { n: 0, sum: 0 };
    }
    return taken;
  }

  /** What all pods heard, this one's share in it; replaces what was hinted before. */
  hear(entries: readonly QualityEntry[], now: number): void {
    this.#hints = new Map(
      entries.map(({ provider, model, task, n, sum }) => [
        `${provider} ${model} ${task}`,
        { n, sum, at: now },
      ]),
    );
  }

  #cell(name: string, now: number): Cell {
    let cell = this.#cells.get(name);
    if (!cell) {
      // The one that has been known longest: models come and go.
      const [oldest] = this.#cells.size >= MAX_CELLS ? this.#cells.keys() : [];
      if (oldest !== undefined) this.#cells.delete(oldest);
      cell = {
        own: { n: 0, sum: 0, at: now },
        told: { n: 0, sum: 0, at: now },
        fresh: { n: 0, sum: 0 },
      };
      this.#cells.set(name, cell);
    }
    return cell;
  }
}

/** `provider/<namespace>/<name> <model> <task>`. */
const cellName = ({ providerId, upstreamModel }: Candidate, task: string): string =>
  `${providerId} ${upstreamModel} ${task}`;

/** The owner's score for the task, or for the default one. */
function saidOf({ model }: Candidate, task: string): number | undefined {
  let fallback: number | undefined;
  for (const { task: named, score } of model?.quality ?? []) {
    if (named === task) return score;
    if (named === 'default') fallback = score;
  }
  return fallback;
}

function add(tally: Tally, n: number, sum: number, now: number): void {
  const faded = decayed(tally, now, HALF_LIFE_MS);
  tally.n = Math.max(0, faded.n + n);
  tally.sum = Math.min(tally.n, Math.max(0, faded.sum + sum));
  tally.at = now;
}
