/** Small checks that `validate.ts` is composed of. Each returns what is wrong, naming path, value and what would be right. */

/** Undefined: the value is right. */
export type Check = (value: unknown, path: string) => string | undefined;

const SHOWN = 60;

/** A value as a message shows it: short, on one line. */
function show(value: unknown): string {
  const text =
    typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : '';
  if (text) return text;
  const written = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return written.length > SHOWN ? `${written.slice(0, SHOWN)}…` : written;
}

export const wrong = (path: string, value: unknown, expected: string): string =>
  `${path} is ${value === undefined ? 'missing' : show(value)}; it must be ${expected}`;

export const boolean: Check = (value, path) =>
  typeof value === 'boolean' ? undefined : wrong(path, value, 'true or false');

export const only =
  (expected: unknown): Check =>
  (value, path) =>
    value === expected ? undefined : wrong(path, value, show(expected));

export function integer(min: number, max: number): Check {
  return (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : wrong(path, value, `an integer from ${min} to ${max}`);
}

export function text(max: number, form?: RegExp, expected?: string): Check {
  return (value, path) =>
    typeof value === 'string' && value.length > 0 && value.length <= max && (form?.test(value) ?? true)
      ? undefined
      : wrong(path, value, expected ?? `a string of 1 to ${max} characters`);
}

export function oneOf(values: readonly string[]): Check {
  return (value, path) =>
    typeof value === 'string' && values.includes(value)
      ? undefined
      : wrong(path, value, `one of ${values.join(', ')}`);
}

export function list(item: Check, max: number, min = 0): Check {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return wrong(path, value, `a list of ${min} to ${max} entries`);
    for (let i = 0; i < value.length; i++) {
      const problem = item(value[i], `${path}[${i}]`);
      if (problem) return problem;
    }
    return undefined;
  };
}

/** Every member of `required` is there, members of `optional` may be, others are refused: what is unknown is not enforced. */
export function shape(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  const known = new Map(Object.entries({ ...required, ...optional }));
  const wanted = Object.keys(required);
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return wrong(path, value, 'an object');
    for (const name of wanted)
      if ((value as Record<string, unknown>)[name] === undefined)
        return wrong(`${path}.${name}`, undefined, 'set');
    for (const [name, member] of Object.entries(value)) {
      const check = known.get(name);
      if (!check) return `${path}.${name} is not known to this version`;
      if (member === undefined) continue;
      const problem = check(member, `${path}.${name}`);
      if (problem) return problem;
    }
    return undefined;
  };
}

/** The checks in order; the first problem counts. */
export function all(...checks: Check[]): Check {
  return (value, path) => {
    for (const check of checks) {
      const problem = check(value, path);
      if (problem) return problem;
    }
    return undefined;
  };
}

/** No two entries of the list have the same key. */
export function distinct(key: (entry: never) => string, what: string): Check {
  return (value, path) => {
    const seen = new Set<string>();
    for (const entry of value as never[]) {
      const k = key(entry);
      if (seen.has(k)) return `${path} has ${what} ${show(k)} more than once`;
      seen.add(k);
    }
    return undefined;
  };
}
