/** Durations of resources (`1h30m`, `500ms`) in milliseconds, and back. */

const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** Most durations are defaults, so the same few are read over and over. */
const known = new Map<string, number>();
const MAX_KNOWN = 1000;

/** Milliseconds. The text has passed the schema: numbers each followed by h, m, s or ms. */
export function milliseconds(text: string): number {
  let total = known.get(text);
  if (total === undefined) {
    total = read(text);
    if (known.size < MAX_KNOWN) known.set(text, total);
  }
  return total;
}

function read(text: string): number {
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)(h|ms|m|s)/g)) {
    total += Number(digits) * UNITS[unit as keyof typeof UNITS];
  }
  return total;
}
