/** Compares the contract with that of a release: every difference must have been decided, in one of the ways there are. */
import type { Addition } from '../../../sidecar/snapshot/additions.ts';
import type { RecordedContract, RecordedField } from './release.ts';

type Kind = Addition['kind'];

const HOW =
  'add it to sidecar/snapshot/additions.ts with the feature that an item with it needs, or as advisory where nothing is lost without it';
const GROW =
  'a sidecar of the release reads items otherwise, so SNAPSHOT_VERSION must grow, with a way from one version to the other on both sides';

/** What nobody decided yet, one sentence each. */
export function undecided(
  then: RecordedContract,
  now: RecordedContract,
  additions: readonly Addition[],
): string[] {
  // Items are translated from one version to the next, so nothing reaches an older sidecar as it is.
  if (now.version > then.version) return [];
  const kinds = ['Route', 'Provider'] as const;
  return [
    ...then.features
      .filter((feature) => !now.features.includes(feature))
      .map((feature) => `feature ${feature} is gone: ${GROW}`),
    ...additions.flatMap((addition) => misplaced(addition, then, now)),
    ...kinds.flatMap((kind) => differences(kind, then, now, additions)),
  ];
}

function misplaced(addition: Addition, then: RecordedContract, now: RecordedContract): string[] {
  const { kind, field } = addition;
  const what = `the addition ${kind} ${field}`;
  const isElement = field.endsWith('[]');
  if (!now.fields[kind][isElement ? field.slice(0, -2) : field])
    return [`${what} is of a field that is not there`];
  if (!('needs' in addition) || !then.features.includes(addition.needs)) return [];
  const before = then.fields[kind][field];
  const known = before && (addition.value === undefined || before.values?.includes(addition.value));
  return known
    ? []
    : [`${what} needs ${addition.needs}, which sidecars of the release claim to have: name a new feature`];
}

function differences(
  kind: Kind,
  then: RecordedContract,
  now: RecordedContract,
  additions: readonly Addition[],
): string[] {
  const [before, after] = [then.fields[kind], now.fields[kind]];
  const rows = additions.filter((addition) => addition.kind === kind);
  const gone = Object.keys(before).filter((field) => !after[field]);
  return [
    ...gone.map((field) => `${kind} ${field} is gone: ${GROW}`),
    ...Object.entries(after).flatMap(([field, is]) => {
      const was = before[field];
      return was ? changed(kind, field, was, is, rows) : isNew(kind, field, is, before, rows);
    }),
  ];
}

function isNew(
  kind: Kind,
  field: string,
  is: RecordedField,
  before: Record<string, RecordedField>,
  rows: readonly Addition[],
): string[] {
  const within = parentOf(field);
  // Whatever decides about an object that is new decides about everything in it.
  if (within !== '' && !before[within]) return [];
  if (is.required) return [`${kind} ${field} is new and required: ${GROW}`];
  const decided = rows.some(
    (row) => row.field === field && !('wider' in row) && !('value' in row && row.value),
  );
  return decided ? [] : [`${kind} ${field} is new: ${HOW}`];
}

function changed(
  kind: Kind,
  field: string,
  was: RecordedField,
  is: RecordedField,
  rows: readonly Addition[],
): string[] {
  const found: string[] = [];
  const own = rows.filter((row) => row.field === field || row.field === `${field}[]`);
  if (is.required && !was.required) found.push(`${kind} ${field} is newly required: ${GROW}`);
  if (!is.required && was.required) found.push(`${kind} ${field} may be missing now: ${GROW}`);
  if (is.takes !== was.takes && !own.some((row) => 'wider' in row))
    found.push(
      `${kind} ${field} took ${was.takes} and takes ${is.takes}: mark it as wider in additions.ts, or: ${GROW}`,
    );
  for (const value of was.values ?? [])
    if (!is.values?.includes(value)) found.push(`${kind} ${field} ${value} is gone: ${GROW}`);
  for (const value of is.values ?? []) {
    const decided = own.some((row) => 'needs' in row && row.value === value);
    if (!was.values?.includes(value) && !decided) found.push(`${kind} ${field} ${value} is new: ${HOW}`);
  }
  return found;
}

/** `body.rules[].cache.ttl` is in `body.rules[].cache`; `body.rules[].cache` in `body.rules`. */
function parentOf(field: string): string {
  const path = field.slice(0, Math.max(0, field.lastIndexOf('.')));
  return path.endsWith('[]') ? path.slice(0, -2) : path;
}
