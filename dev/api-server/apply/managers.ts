/** Who owns which fields: metadata.managedFields read and written, ordinary writes tracked, conflicts told. */
import { StatusError } from '../http/status-error.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { type ApiObject, equal, type Fields, type ObjectMeta, omit, timestamp } from '../object.ts';
import * as sets from './field-set.ts';
import { type Comparison, compare } from './typed.ts';

/** One entry of managedFields. */
export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource?: string;
  time?: string;
  fields: sets.FieldSet;
}
export type Managers = Map<string, Manager>;

/** Who writes, through which door. */
export interface Writer {
  kind: Kind;
  manager: string;
  subresource?: string | undefined;
  now: Date;
}

/** Update managers kept one by one; older ones are folded into one entry. */
const MAX_UPDATERS = 10;
const SERVER_FIELDS =
  'name namespace creationTimestamp selfLink uid generation managedFields resourceVersion'.split(' ');
export const NEVER_OWNED = sets.setOfPaths([
  ...['apiVersion', 'kind', 'metadata'].map((name) => [`f:${name}`]),
  ...SERVER_FIELDS.map((name) => ['f:metadata', `f:${name}`]),
]);

/** An applier is the same whatever version it applied; an updater is not. */
export const keyOf = ({
  manager,
  operation,
  apiVersion,
  subresource = '',
}: Omit<Manager, 'fields'>): string =>
  JSON.stringify([manager, operation, operation === 'Update' ? apiVersion : '', subresource]);

export const entryOf = (
  { kind, manager, subresource }: Writer,
  operation: Manager['operation'],
): Manager => ({
  manager,
  operation,
  apiVersion: apiVersionOf(kind),
  ...(subresource && { subresource }),
  fields: sets.emptySet(),
});

/** None where the entries are not well-formed. */
export function readManagers(entries: unknown): Managers {
  const managers: Managers = new Map();
  for (const { fieldsV1, ...entry } of Array.isArray(entries) ? (entries as Fields[]) : []) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') return new Map();
    const one = { ...omit(entry, 'fieldsType'), fields: sets.decode(fieldsV1) } as unknown as Manager;
    managers.set(keyOf(one), one);
  }
  return managers;
}

export function writeManagers(metadata: ObjectMeta, managers: Managers): void {
  const kept = [...managers.values()].filter((one) => !sets.isEmpty(one.fields));
  delete metadata.managedFields;
  if (kept.length === 0) return;
  const rank = (one: Manager) =>
    [one.operation, one.time, one.manager, one.apiVersion, one.subresource].join('\0');
  metadata.managedFields = kept
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map(({ fields, ...who }) => ({ ...who, fieldsType: 'FieldsV1', fieldsV1: sets.encode(fields) }));
}

export const withoutManagers = (object: ApiObject): ApiObject => ({
  ...object,
  metadata: omit(object.metadata, 'managedFields'),
});

/** Fields that a write through this door cannot set. */
export const ignoredBy = ({ kind, subresource }: Writer): sets.FieldSet =>
  sets.setOfPaths(subresource ? [['f:metadata'], ['f:spec']] : kind.status ? [['f:status']] : []);

export function changesBetween(writer: Writer, before: ApiObject, after: ApiObject): Comparison {
  const found = compare(writer.kind.schema, withoutManagers(before), withoutManagers(after));
  const visible = (set: sets.FieldSet) => sets.minusTrees(set, ignoredBy(writer));
  return { added: visible(found.added), modified: visible(found.modified), removed: visible(found.removed) };
}

/** Takes changed and removed fields from everybody but `except`. */
export function disown(managers: Managers, { added, modified, removed }: Comparison, except?: string): void {
  for (const [key, one] of managers) {
    if (key === except) continue;
    managers.set(key, { ...one, fields: sets.minus(one.fields, sets.union(added, modified, removed)) });
  }
}

/** What a new object is compared with: typed objects have their parts from the start, custom ones do not. */
export const nothingYet = (kind: Kind): ApiObject => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  metadata: { name: '' },
  ...(!kind.custom && { spec: {}, status: {} }),
});

/** Sets `next.metadata.managedFields` after a create, update or plain patch. */
export function trackUpdate(writer: Writer, old: ApiObject | undefined, next: ApiObject): void {
  const given = next.metadata.managedFields;
  const reset =
    given &&
    equal(
      given.filter((entry) => Object.keys(entry).length > 0),
      [],
    );
  const asked = readManagers(writer.subresource ? undefined : given);
  const managers = asked.size > 0 || reset ? asked : readManagers(old?.metadata.managedFields);
  // An object that nobody tracks stays so, until an apply starts afresh.
  if (managers.size > 0 || !old) recordUpdate(writer, managers, old ?? nothingYet(writer.kind), next);
  writeManagers(next.metadata, managers);
}

export function recordUpdate(writer: Writer, managers: Managers, before: ApiObject, after: ApiObject): void {
  const changes = changesBetween(writer, before, after);
  disown(managers, changes);
  const fields = sets.minus(sets.union(changes.added, changes.modified), NEVER_OWNED);
  if (!sets.isEmpty(fields))
    grant(managers, { ...entryOf(writer, 'Update'), time: timestamp(writer.now) }, fields);
  const updaters = [...managers.values()]
    .filter((one) => one.operation === 'Update' && !sets.isEmpty(one.fields))
    .sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  for (const one of updaters.slice(0, Math.max(updaters.length - MAX_UPDATERS, 0))) {
    managers.delete(keyOf(one));
    grant(managers, { ...one, manager: 'ancient-changes' }, one.fields);
  }
}

function grant(managers: Managers, who: Manager, fields: sets.FieldSet): void {
  const known = managers.get(keyOf(who))?.fields ?? sets.emptySet();
  managers.set(keyOf(who), { ...who, fields: sets.union(known, fields) });
}

/** One field that somebody else owns. */
export interface Conflict {
  owner: Manager;
  path: string[];
}

export function conflictsWith(managers: Managers, { added, modified }: Comparison, self: string): Conflict[] {
  const wanted = sets.union(modified, added);
  return [...managers]
    .filter(([key]) => key !== self)
    .flatMap(([, owner]) =>
      sets.paths(sets.intersect(owner.fields, wanted)).map((path) => ({ owner, path })),
    );
}

/** 409 that names every field and its owner. */
export function applyConflict(conflicts: Conflict[]): StatusError {
  const named = conflicts.map(({ owner, path }) => ({
    who: printManager(owner),
    field: sets.printPath(path),
  }));
  const lines = [...new Set(named.map(({ who }) => who))].sort().flatMap((who) => {
    const fields = named.filter((one) => one.who === who).map(({ field }) => `- ${field}`);
    return [`conflicts with ${who}:`, ...fields];
  });
  const [only] = named;
  const message =
    named.length === 1
      ? `1 conflict: conflict with ${only?.who}: ${only?.field}`
      : `${named.length} conflicts: ${lines.join('\n')}`;
  return new StatusError(409, 'Conflict', `Apply failed with ${message}`, {
    causes: named.map(({ who, field }) => {
      return { reason: 'FieldManagerConflict', message: `conflict with ${who}`, field };
    }),
  });
}

function printManager({ manager, subresource, operation, apiVersion }: Manager): string {
  const door = subresource ? ` with subresource "${subresource}"` : '';
  return `"${manager}"${door}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

/** Whether two objects differ in nothing but when their fields were last written. */
export function sameButTimes(a: ApiObject, b: ApiObject): boolean {
  const timeless = ({ metadata, ...object }: ApiObject) => {
    const managedFields = metadata.managedFields?.map((one) => omit(one, 'time'));
    return { ...object, metadata: { ...metadata, managedFields } };
  };
  return equal(timeless(a), timeless(b));
}
