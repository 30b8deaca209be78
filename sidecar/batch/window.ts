/** Times of day in which lines are sent. Pure. */
import type { DailyWindow } from '../snapshot/shapes/batch.ts';

const MINUTE = 60_000;
const DAY_MINUTES = 1440;

/**
 * Milliseconds of the wall clock at which the window is open again; `now` where it is open. To the minute; where the zone moves
 * its clocks on the way it is asked again then, so an answer that is early does no harm.
 */
export function opensAt({ startMinute, endMinute, timeZone }: DailyWindow, now: number): number {
  const minute = minuteOfDay(now, timeZone);
  const open =
    startMinute < endMinute
      ? minute >= startMinute && minute < endMinute
      : minute >= startMinute || minute < endMinute;
  if (open) return now;
  const ahead = (startMinute - minute + DAY_MINUTES) % DAY_MINUTES;
  return Math.floor(now / MINUTE) * MINUTE + ahead * MINUTE;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** Rules are few; what is beyond is made anew. */
const MAX_FORMATS = 64;

function minuteOfDay(at: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      hour: 'numeric',
      minute: 'numeric',
    });
    if (formats.size >= MAX_FORMATS) formats.clear();
    formats.set(timeZone, format);
  }
  let minutes = 0;
  for (const { type, value } of format.formatToParts(at)) {
    if (type === 'hour') minutes += Number(value) * 60;
    else if (type === 'minute') minutes += Number(value);
  }
  return minutes;
}
