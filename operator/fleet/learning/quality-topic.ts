/**
 * Topic `quality`: what the apps of a namespace said of answers, by model and task, added up and fading by half a day. Kept
 * apart by namespace: one tenant's word must not move the scores that another one routes by.
 */
import {
  MAX_QUALITY_ENTRIES,
  type QualityEntry,
  readQuality,
  writeQuality,
} from '../../../sidecar/snapshot/fleet/learning.ts';
import type { FleetTopic, HintAudience } from '../topic.ts';

const HALF_LIFE_MS = 24 * 3_600_000;
/** Scores that one report may tell of one model and task: more is taken for as many. */
const MOST_SCORES = 2000;
const MAX_CELLS = 16_384;
/** Less than half a score is nothing to tell. */
const LEAST = 0.5;

interface Cell extends Pick<QualityEntry, 'provider' | 'model' | 'task'> {
  readonly namespace: string;
  n: number;
  sum: number;
  at: number;
}

export class QualityTopic implements FleetTopic {
  readonly name = 'quality';
  readonly #cells = new Map<string, Cell>();

  accept({ pod, snapshot }: HintAudience, value: unknown, now: number): boolean {
    const entries = readQuality(value);
    if (!entries) return false;
    const known = new Set(snapshot.items.map(({ id }) => id));
    for (const entry of entries) if (known.has(entry.provider)) this.#add(pod.namespace, entry, now);
    return true;
  }

  hintsFor({ pod, snapshot }: HintAudience, now: number): unknown {
    const known = new Set(snapshot.items.map(({ id }) => id));
    const entries: QualityEntry[] = [];
    for (const cell of this.#cells.values()) {
      if (cell.namespace !== pod.namespace || !known.has(cell.provider)) continue;
      const { provider, model, task } = cell;
      const { n, sum } = faded(cell, now);
      if (n >= LEAST) entries.push({ provider, model, task, n, sum });
    }
    if (entries.length === 0) return undefined;
    entries.sort((a, b) => b.n - a.n);
    return writeQuality(entries.slice(0, MAX_QUALITY_ENTRIES));
  }

  /** What an app said of an answer stays said when its pod is gone. */
  forget(): void {}

  #add(namespace: string, { provider, model, task, n, sum }: QualityEntry, now: number): void {
    const key = `${namespace} ${provider} ${model} ${task}`;
    let cell = this.#cells.get(key);
    if (!cell) {
      const [oldest] = this.#cells.size >= MAX_CELLS ? this.#cells.keys() : [];
      if (oldest !== undefined) this.#cells.delete(oldest);
      cell = { namespace, provider, model, task, n: 0, sum: 0, at: now };
      this.#cells.set(key, cell);
    }
    const share = n > MOST_SCORES ? MOST_SCORES / n : 1;
    const before = faded(cell, now);
    cell.n = before.n + n * share;
    cell.sum = Math.min(cell.n, Math.max(0, before.sum + sum * share));
    cell.at = now;
  }
}

function faded({ n, sum, at }: Cell, now: number): { n: number; sum: number } {
  const left = 2 ** (-Math.max(0, now - at) / HALF_LIFE_MS);
  return { n: n * left, sum: sum * left };
}
