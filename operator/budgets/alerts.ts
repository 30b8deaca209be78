/**
 * PURE: which alerts are due, each once per key and window. What was told is remembered in marks, which outlive the operator;
 * a mark that is not settled yet is told again after a restart.
 */
import type { Reading } from './readings.ts';

interface Mark {
  /** The highest percentage that was reached. */
  percent: number;
  /** Milliseconds since the epoch from which on the same is news again. */
  until: number;
  /** The webhook was told, or there is none. */
  settled: boolean;
}

/** By name of the budget's key. */
export type Marks = Map<string, Mark>;

export interface Alert {
  reading: Reading;
  /** Highest percentage of `alertAt` that is reached. */
  percent: number;
  /** The same for the same alert, however often it is told. */
  id: string;
  mark: Mark;
  /** It was reached just now; otherwise somebody is still to be told. */
  isNew: boolean;
}

/** Beyond them nobody is told: whoever has so many keys reads metrics. */
const MAX_MARKS = 10_000;

const LENGTH_MS = { Hour: 3_600_000, Day: 86_400_000, Week: 604_800_000, Month: 2_592_000_000 };

const markName = ({ budget, key }: Pick<Reading, 'budget' | 'key'>): string =>
  JSON.stringify([budget.body.id, key]);

/** Alerts to tell now; their marks are in `marks` already. Lets go of marks that are over. */
export function dueAlerts(readings: readonly Reading[], marks: Marks, now: number): Alert[] {
  for (const [name, { until }] of marks) if (until <= now) marks.delete(name);
  return readings.flatMap((reading) => {
    const { alertAt } = reading.budget;
    const percent = alertAt.findLast((at) => at <= reading.percent);
    if (percent === undefined) return [];
    const name = markName(reading);
    const before = marks.get(name);
    if (before && before.percent >= percent) {
      return before.settled ? [] : [alertOf(reading, before, false)];
    }
    if (!before && marks.size >= MAX_MARKS) return [];
    const mark = { percent, until: before?.until ?? untilOf(reading, now), settled: false };
    marks.set(name, mark);
    return [alertOf(reading, mark, true)];
  });
}

/** A window of the calendar ends; of a rolling one, what counts now has dropped out after its length. */
function untilOf({ budget, endsAt }: Reading, now: number): number {
  const { unit, rolling } = budget.body.period;
  return rolling ? now + LENGTH_MS[unit] : endsAt;
}

function alertOf(reading: Reading, mark: Mark, isNew: boolean): Alert {
  const { percent, until } = mark;
  const id = `${reading.budget.body.id}/${percent}/${until}/${reading.key}`;
  return { reading, percent, id, mark, isNew };
}
