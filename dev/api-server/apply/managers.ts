/** Who owns which fields: metadata.managedFields read and written, ordinary writes tracked. */
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

const SERVER_FIELDS = ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation'];
export const NEVER_OWNED = sets.setOfPaths([
  ...['apiVersion', 'kind', 'metadata'].map((name) => [`f:${name}`]),
  ...[...SERVER_FIELDS, 'managedFields', 'resourceVersion'].map((name) => ['f:metadata', `f:${name}`]),
]);

/** An applier is the same whatever version it applied; an updater is not. */
export const keyOf = ({ manager, operation, apiVersion, subresource = '' }: Manager): string =>
  JSON.stringify([manager, operation, operation === 'Update' ? apiVersion : '', subresource]);

export function entryOf({ kind, manager, subresource }: Writer, operation: Manager['operation']): Manager {
  const door = subresource ? { subresource } : {};
  return { manager, operation, apiVersion: apiVersionOf(kind), ...door, fields: sets.emptySet() };
}

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
  const rank = ({ operation, time, manager, apiVersion, subresource }: Manager) =>
    [operation, time, manager, apiVersion, subresource].join('\0');
  const kept = [...managers.values()].filter((one) => !sets.isEmpty(one.fields));
  delete metadata.managedFields;
  if (kept.length === 0) return;
  metadata.managedFields = kept
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map(({ fields, ...who }) => ({ ...who, fieldsType: 'FieldsV1', fieldsV1: sets.encode(fields) }));
}

export function withoutManagers(object: ApiObject): ApiObject {
  return { ...object, metadata: omit(object.metadata, 'managedFields') };
}

/** The fields of `set` that a write through this door can set. */
export const reachable = (set: sets.FieldSet, { kind, subresource }: Writer): sets.FieldSet => {
  const closed = subresource ? ['f:metadata', 'f:spec'] : kind.status ? ['f:status'] : [];
  return sets.minusTrees(set, sets.setOfPaths(closed.map((edge) => [edge])));
};

export function changesBetween(writer: Writer, before: ApiObject, after: ApiObject): Comparison {
  const found = compare(writer.kind.schema, withoutManagers(before), withoutManagers(after));
  const visible = (set: sets.FieldSet) => reachable(set, writer);
  return { added: visible(found.added), modified: visible(found.modified), removed: visible(found.removed) };
}

/** Takes changed and removed fields from everybody but `except`. */
export function disown(managers: Managers, { added, modified, removed }: Comparison, except?: string): void {
  const lost = sets.union(added, modified, removed);
  for (const [key, one] of managers) {
    if (key !== except) managers.set(key, { ...one, fields: sets.minus(one.fields, lost) });
  }
}

/** What a new object is compared with: typed objects have their parts from the start, custom ones do not. */
export function nothingYet(kind: Kind): ApiObject {
  const parts = kind.custom ? {} : { spec: {}, status: {} };
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: '' }, ...parts };
}

/** Sets `next.metadata.managedFields` after a create, update or plain patch. */
export function trackUpdate(writer: Writer, old: ApiObject | undefined, next: ApiObject): void {
  const given = next.metadata.managedFields;
  const reset = given?.every((entry) => Object.keys(entry).length === 0);
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
  if (sets.isEmpty(fields)) return;
  const who = entryOf(writer, 'Update');
  const known = managers.get(keyOf(who))?.fields ?? who.fields;
  managers.set(keyOf(who), { ...who, time: timestamp(writer.now), fields: sets.union(known, fields) });
}

/** Whether two objects differ in nothing but when their fields were last written. */
export function sameButTimes(a: ApiObject, b: ApiObject): boolean {
  const timeless = ({ metadata, ...object }: ApiObject) => {
    const managedFields = metadata.managedFields?.map((one) => omit(one, 'time'));
    return { ...object, metadata: { ...metadata, managedFields } };
  };
  return equal(timeless(a), timeless(b));
}
