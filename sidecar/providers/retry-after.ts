/**
 * When a provider says to come back, in milliseconds from its answer. Every form vendors use; whatever is not one of
 * them is ignored, and nothing is believed beyond MAX_RETRY_AFTER_MS, so a broken header cannot bench a key for days.
 */
import type { RetryAfterForms } from './provider-type.ts';

export const MAX_RETRY_AFTER_MS = 3_600_000;

/** A number of this size or more is a point in time: seconds since 1970 below MILLISECONDS_FROM, else milliseconds. */
const EPOCH_FROM = 1e9;
const MILLISECONDS_FROM = 1e11;
/** Bodies beyond this are not searched. */
const BODY_LIMIT = 64 * 1024;
const NUMBER = /^\d{1,15}(\.\d{1,9})?$/;
const DURATION =
  /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;
/** The three forms of an HTTP date (RFC 9110 §5.6.7) start with a day's name; RFC 3339 with a year. */
const DATE = /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? |\d{4}-\d{2}-\d{2}T)/;

/**
 * @param rawHeaders names and values in turn
 * @param wall       milliseconds since 1970 by our clock, used where the answer has no `Date` of its own
 * @param body       of the answer, for vendors that say it there
 */
export function retryAfterMs(
  rawHeaders: readonly string[],
  forms: RetryAfterForms,
  wall: number,
  body?: Buffer,
): number | undefined {
  for (const name of forms.milliseconds) {
    const value = header(rawHeaders, name);
    if (value !== undefined && NUMBER.test(value)) return bounded(Number(value));
  }
  const now = responseTime(rawHeaders, wall);
  const retryAfter = header(rawHeaders, 'retry-after');
  const direct = retryAfter === undefined ? undefined : parseReset(retryAfter, now);
  return direct ?? resetOf(rawHeaders, forms, now) ?? delayIn(forms, body);
}

/** `"retryDelay": "31s"` of google.rpc.RetryInfo; looked for where such details stand, at the end of a short body. */
function delayIn({ inBody }: RetryAfterForms, body: Buffer | undefined): number | undefined {
  if (inBody === undefined || body === undefined || body.length > BODY_LIMIT) return undefined;
  const seconds = /"retryDelay"\s*:\s*"(\d{1,9}(?:\.\d{1,9})?)s"/.exec(body.toString('latin1'))?.[1];
  return seconds === undefined ? undefined : bounded(Number(seconds) * 1000);
}

/** The reset of the limit that is used up; without a sign which one that is, the earliest. */
function resetOf(rawHeaders: readonly string[], forms: RetryAfterForms, now: number): number | undefined {
  let usedUp: number | undefined;
  let earliest: number | undefined;
  for (const { remaining, reset } of forms.resets) {
    const value = header(rawHeaders, reset);
    const ms = value === undefined ? undefined : parseReset(value, now);
    if (ms === undefined) continue;
    if (remaining !== undefined && Number(header(rawHeaders, remaining) ?? Number.NaN) <= 0) {
      usedUp = Math.max(usedUp ?? 0, ms);
    }
    earliest = Math.min(earliest ?? ms, ms);
  }
  return usedUp ?? earliest;
}

/** Seconds, a duration such as `6m0s`, a point in time since 1970, or a date; undefined for anything else. */
export function parseReset(text: string, now: number): number | undefined {
  const value = text.trim();
  if (NUMBER.test(value)) {
    const number = Number(value);
    if (number < EPOCH_FROM) return bounded(number * 1000);
    return bounded((number < MILLISECONDS_FROM ? number * 1000 : number) - now);
  }
  if (DATE.test(value)) {
    const at = Date.parse(value);
    return Number.isNaN(at) ? undefined : bounded(at - now);
  }
  const parts = value === '' ? null : DURATION.exec(value);
  if (!parts) return undefined;
  const [, days, hours, minutes, seconds, milliseconds] = parts;
  return bounded(
    Number(days ?? 0) * 86_400_000 +
      Number(hours ?? 0) * 3_600_000 +
      Number(minutes ?? 0) * 60_000 +
      Number(seconds ?? 0) * 1000 +
      Number(milliseconds ?? 0),
  );
}

/** Points in time are read against the provider's own clock: ours may be skewed. */
export function responseTime(rawHeaders: readonly string[], wall: number): number {
  const date = header(rawHeaders, 'date');
  const at = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(at) ? wall : at;
}

function bounded(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), MAX_RETRY_AFTER_MS);
}

function header(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}
