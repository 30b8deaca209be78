/**
 * Equal parts of what is compiled, kept once. Thousands of routes leave most things unset, and what fills those in is the
 * same for each: limits of time, kinds of failures, empty lists. They are half of what compiled routes take.
 */

/** Longer parts are seldom equal. */
const MAX_TEXT = 256;
/** Then those in hand are forgotten, and what comes next finds new ones: what few have must not be kept for good. */
const MAX_PARTS = 4_096;

const parts = new Map<string, object>();

/** `value` with each small part replaced by an equal one in hand, where there is one. Parts in hand are frozen; `value` is not changed. */
export function withEqualParts<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const made = Array.isArray(value) ? elementsOf(value) : membersOf(value);
  const text = JSON.stringify(made);
  if (text.length > MAX_TEXT) return made as T;
  const known = parts.get(text);
  if (known) return known as T;
  if (parts.size >= MAX_PARTS) parts.clear();
  parts.set(text, Object.freeze(made));
  return made as T;
}

function elementsOf(list: readonly unknown[]): readonly unknown[] {
  const made = list.map(withEqualParts);
  return made.every((each, i) => each === list[i]) ? list : made;
}

function membersOf(object: object): object {
  let made: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(object)) {
    const equal = withEqualParts(value);
    if (equal === value) continue;
    // A copy has the hidden class of its original, which is smaller than one that is built up.
    made ??= { ...object };
    made[name] = equal;
  }
  return made ?? object;
}
