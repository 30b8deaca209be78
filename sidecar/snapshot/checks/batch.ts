/** Checks of what is answered later. */
import { all, type Check, integer, list, oneOf, shape, text, wrong } from '../check.ts';
import { BATCH_MODES, type DailyWindow } from '../shapes/batch.ts';
import { timeZone } from './budgets.ts';

const MOST_LINES = 50_000;
const MOST_BATCH_BYTES = 200 * 1024 * 1024;
/** Thirty days: what nobody asked for by then nobody will. */
const LONGEST_MS = 30 * 24 * 3_600_000;
const DAY_MINUTES = 1440;

const expiresAfterMs = integer(1, LONGEST_MS);

const window: Check = all(
  shape({ startMinute: integer(0, DAY_MINUTES - 1), endMinute: integer(0, DAY_MINUTES - 1), timeZone }),
  (value, path) => {
    const { startMinute, endMinute } = value as DailyWindow;
    return startMinute === endMinute
      ? wrong(`${path}.end`, endMinute, 'another time than start: leave window out for the whole day')
      : undefined;
  },
);

export const batch = shape(
  {
    mode: oneOf(BATCH_MODES),
    maxConcurrent: integer(1, 64),
    maxRequests: integer(1, MOST_LINES),
    maxBytes: integer(1024, MOST_BATCH_BYTES),
    expiresAfterMs,
  },
  { window },
);

const host = text(253, /^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a host name in lower case, or *. and one');

export const deferred = shape(
  { expiresAfterMs },
  { webhook: shape({ hosts: list(host, 16, 1), secret: text(640) }) },
);
