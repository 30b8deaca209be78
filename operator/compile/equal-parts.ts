/**
 * Equal parts of what is compiled, kept once. Thousands of routes leave most things unset, and what fills those in is the
 * same for each: limits of time, kinds of failures, empty lists. They are half of what compiled routes take.
 */

/** Longer parts are seldom equal. */
const MAX_TEXT = 256;
/** Then those in hand are forgotten, and what comes next finds new ones: what few have must not be kept for good. */
const MAX_PARTS = 4_096;
/** Resources hold values that anybody nests as deep as the API server lets them, and a stack is no deeper than that. */
const MAX_DEPTH = 64;

const parts = new Map<string, object>();

interface Part {
  made: unknown;
  /** As JSON; undefined: not to be kept. */
  text: string | undefined;
}

/** `value` with each small part replaced by an equal one in hand, where there is one. Parts in hand are frozen; `value` is not changed. */
export const withEqualParts = <T>(value: T): T => partOf(value, 0).made as T;

function partOf(value: unknown, depth: number): Part {
  if (typeof value !== 'object' || value === null) return { made: value, text: textOf(value) };
  if (depth > MAX_DEPTH || !isPlain(value)) return { made: value, text: undefined };
  const { made, text } = membersOf(value, depth);
  if (text === undefined) return { made, text };
  const known = parts.get(text);
  if (known) return { made: known, text };
  if (parts.size >= MAX_PARTS) parts.clear();
  parts.set(text, Object.freeze(made));
  return { made, text };
}

function membersOf(value: object, depth: number): Part & { made: object } {
  const isList = Array.isArray(value);
  let made = value;
  let text: string | undefined = isList ? '[' : '{';
  for (const [name, member] of Object.entries(value)) {
    const part = partOf(member, depth + 1);
    text = joined(text, isList ? '' : `${JSON.stringify(name)}:`, part.text);
    if (part.made === member) continue;
    // A copy has the hidden class of its original, which is smaller than one that is built up.
    if (made === value) made = isList ? [...(value as unknown[])] : { ...value };
    (made as Record<string, unknown>)[name] = part.made;
  }
  return { made, text: text === undefined ? undefined : short(text + (isList ? ']' : '}')) };
}

/** The text of a whole grows from those of its parts: each is written once, however deep it is. */
function joined(text: string | undefined, name: string, part: string | undefined): string | undefined {
  if (text === undefined || part === undefined) return undefined;
  return short(`${text}${text.length === 1 ? '' : ','}${name}${part}`);
}

const short = (text: string): string | undefined => (text.length > MAX_TEXT ? undefined : text);

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.length > MAX_TEXT ? undefined : JSON.stringify(value);
  // A member that is there without a value is not one that is absent.
  return typeof value === 'number' || typeof value === 'boolean' || value == null ? String(value) : undefined;
}

const isPlain = (value: object): boolean =>
  Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
