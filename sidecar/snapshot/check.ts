/** Small checks that `validate.ts` is composed of. Each returns what is wrong, naming path, value and what would be right. */

/** Undefined: the value is right. */
export interface Check {
  (value: unknown, path: string): string | undefined;
  /** What it takes, in data, so that two versions of the contract can be compared. Absent: any one value. */
  readonly form?: Form;
}

/** What a check takes: an object of members, a list, or a single value in words. */
export type Form =
  | { kind: 'Object'; members: ReadonlyMap<string, { required: boolean; form: Form }> }
  | { kind: 'List'; bounds: string; element: Form }
  | { kind: 'Choice'; values: readonly string[] }
  | { kind: 'Value'; words: string };

const ANY_VALUE: Form = { kind: 'Value', words: 'any value of its own form' };
const formOf = (check: Check): Form => check.form ?? ANY_VALUE;
const formed = (form: Form, check: Check): Check => Object.assign(check, { form });

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

export const boolean: Check = formed({ kind: 'Value', words: 'true or false' }, (value, path) =>
  typeof value === 'boolean' ? undefined : wrong(path, value, 'true or false'),
);

export const only = (expected: unknown): Check =>
  formed({ kind: 'Choice', values: [String(expected)] }, (value, path) =>
    value === expected ? undefined : wrong(path, value, show(expected)),
  );

export function integer(min: number, max: number): Check {
  const words = `an integer from ${min} to ${max}`;
  return formed({ kind: 'Value', words }, (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : wrong(path, value, words),
  );
}

export function text(max: number, form?: RegExp, expected?: string): Check {
  const words = `a string of 1 to ${max} characters`;
  return formed({ kind: 'Value', words: form ? `${words} like ${form.source}` : words }, (value, path) =>
    typeof value === 'string' && value.length > 0 && value.length <= max && (form?.test(value) ?? true)
      ? undefined
      : wrong(path, value, expected ?? words),
  );
}

export function oneOf(values: readonly string[]): Check {
  return formed({ kind: 'Choice', values }, (value, path) =>
    typeof value === 'string' && values.includes(value)
      ? undefined
      : wrong(path, value, `one of ${values.join(', ')}`),
  );
}

export function list(item: Check, max: number, min = 0): Check {
  const bounds = `${min} to ${max} entries`;
  return formed({ kind: 'List', bounds, element: formOf(item) }, (value, path) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return wrong(path, value, `a list of ${bounds}`);
    for (let i = 0; i < value.length; i++) {
      const problem = item(value[i], `${path}[${i}]`);
      if (problem) return problem;
    }
    return undefined;
  });
}

/** Every member of `required` is there, members of `optional` may be, others are refused: what is unknown is not enforced. */
export function shape(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  const known = new Map(Object.entries({ ...required, ...optional }));
  const wanted = Object.keys(required);
  const members = new Map(
    [...known].map(([name, check]) => [name, { required: name in required, form: formOf(check) }]),
  );
  return formed({ kind: 'Object', members }, (value, path) => {
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
  });
}

/** `word`, or what `check` takes, whose form it has. */
export function wordOr(word: string, check: Check): Check {
  return formed(formOf(check), (value, path) => (value === word ? undefined : check(value, path)));
}

/** The checks in order; the first problem counts. The first check that has a form gives it. */
export function all(...checks: Check[]): Check {
  return formed(checks.find((check) => check.form)?.form ?? ANY_VALUE, (value, path) => {
    for (const check of checks) {
      const problem = check(value, path);
      if (problem) return problem;
    }
    return undefined;
  });
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
