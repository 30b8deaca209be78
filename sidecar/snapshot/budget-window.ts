/**
 * Windows of budgets. A calendar window is one window; a rolling one is a row of equal pieces that drop out one by one, so
 * what is spent is written to the piece it falls into, and the budget looks at the last so many of them.
 */
import type { BudgetPeriod } from './shapes/budgets.ts';

/** Milliseconds since the epoch. */
export interface BudgetWindow {
  /** Of the window, or of the piece that is written to. */
  readonly start: number;
  readonly end: number;
  /** Oldest piece that still counts; of a calendar window its start. */
  readonly since: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Length of a piece, and how many make a window. */
const PIECES: Record<BudgetPeriod['unit'], { ms: number; count: number }> = {
  Hour: { ms: 5 * MINUTE, count: 12 },
  Day: { ms: HOUR, count: 24 },
  Week: { ms: 6 * HOUR, count: 28 },
  Month: { ms: DAY, count: 30 },
};

/** Of the calendar, by unit and zone: calendars are dear to ask, and the same window is asked for over and over. */
const latest = new Map<string, BudgetWindow>();
/** More than there are zones, four times. */
const MAX_LATEST = 4096;

export function windowAt(period: BudgetPeriod, at: number): BudgetWindow {
  if (period.rolling) return windowOf(period, at);
  const name = `${period.unit} ${period.timeZone}`;
  const known = latest.get(name);
  if (known !== undefined && at >= known.start && at < known.end) return known;
  if (latest.size >= MAX_LATEST) latest.clear();
  const window = windowOf(period, at);
  latest.set(name, window);
  return window;
}

function windowOf({ unit, rolling, timeZone }: BudgetPeriod, at: number): BudgetWindow {
  if (rolling) {
    const { ms, count } = PIECES[unit];
    const start = Math.floor(at / ms) * ms;
    // The piece under way stands for itself and for the part of the oldest one that has not dropped out yet.
    return { start, end: start + ms, since: start - count * ms };
  }
  if (unit === 'Hour') {
    const start = hourStart(at, timeZone);
    return { start, end: start + HOUR, since: start };
  }
  const { year, month, day } = civil(at, timeZone);
  const [from, to] = calendar(unit, year, month, day);
  const start = instantOf(from, timeZone);
  return { start, end: instantOf(to, timeZone), since: start };
}

type Civil = readonly [year: number, month: number, day: number];

/** First day of the window and of the next; months and days may run over, as in `Date.UTC`. Weeks begin on Mondays. */
function calendar(unit: 'Day' | 'Week' | 'Month', year: number, month: number, day: number): [Civil, Civil] {
  switch (unit) {
    case 'Day':
      return [
        [year, month, day],
        [year, month, day + 1],
      ];
    case 'Week': {
      const sinceMonday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
      const monday = day - sinceMonday;
      return [
        [year, month, monday],
        [year, month, monday + 7],
      ];
    }
    case 'Month':
      return [
        [year, month, 1],
        [year, month + 1, 1],
      ];
  }
}

/** Zones are whole quarters of an hour apart from UTC. */
function hourStart(at: number, timeZone: string): number {
  const past = (((at + offsetAt(at, timeZone)) % HOUR) + HOUR) % HOUR;
  return at - past;
}

/** Midnight of a day in a zone. Where clocks skip it, the first instant after. */
function instantOf([year, month, day]: Civil, timeZone: string): number {
  const utc = Date.UTC(year, month - 1, day);
  const first = utc - offsetAt(utc, timeZone);
  const second = utc - offsetAt(first, timeZone);
  const wanted = civil(second, timeZone);
  const exact = Date.UTC(wanted.year, wanted.month - 1, wanted.day) === utc;
  return exact ? second : Math.max(first, second);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function partsAt(at: number, timeZone: string): Record<string, number> {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
}

function civil(at: number, timeZone: string): { year: number; month: number; day: number } {
  const { year = 0, month = 0, day = 0 } = partsAt(at, timeZone);
  return { year, month, day };
}

/** Milliseconds that the zone's clocks are ahead of UTC. */
function offsetAt(at: number, timeZone: string): number {
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = partsAt(at, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}
