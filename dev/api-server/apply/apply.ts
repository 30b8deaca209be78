/** Server-side apply: the applier's fields laid over the object, what it no longer applies taken out, ownership recorded. */
import { badRequest, StatusError } from '../http/status-error.ts';
import type { Schema } from '../kinds/kind.ts';
import { type ApiObject, equal, isFields, omit, timestamp } from '../object.ts';
import * as sets from './field-set.ts';
import * as managing from './managers.ts';
import { type Comparison, compare, fieldsOf, merge, withContainers, without } from './typed.ts';

type Old = ApiObject | undefined;
type Writer = managing.Writer;
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Answers the object to store, managedFields included. Throws 409 on conflicts unless forced. */
export function apply(writer: Writer, live: Old, config: ApiObject, force: boolean): ApiObject {
  if (config.metadata.managedFields) throw badRequest('metadata.managedFields must be nil');
  const { schema } = writer.kind;
  const nothing = managing.nothingYet(writer.kind);
  const managers = managing.readManagers(live?.metadata.managedFields);
  const before = managing.withoutManagers(live ?? nothing);
  if (live && managers.size === 0) {
    managing.recordUpdate({ ...writer, manager: 'before-first-apply' }, managers, nothing, before);
  }
  const entry = managing.entryOf(writer, 'Apply');
  const self = managing.keyOf(entry);
  const last = managers.get(self);
  const fields = managing.reachable(fieldsOf(schema, config), writer);
  const mine = { ...last, ...entry, fields };
  managers.set(self, mine);

  const merged = merge(schema, before, config);
  const claims = sets.union(...[...managers.values()].map((one) => one.fields));
  const next = (last ? pruned(schema, merged, claims, last.fields) : merged) as ApiObject;
  const changes = managing.changesBetween(writer, before, next);
  const conflicts = force ? [] : disputed(writer, before, conflictsWith(managers, changes, self));
  if (conflicts.length > 0) throw applyConflict(conflicts);
  managing.disown(managers, changes, self);
  mine.fields = sets.minus(fields, managing.NEVER_OWNED);
  if (!equal(before, next)) mine.time = timestamp(writer.now);
  const result = { ...next, metadata: { ...next.metadata } };
  refreshLastApplied(writer, result, config);
  managing.writeManagers(result.metadata, managers);
  return result;
}

/** What the applier set last time and not now goes, unless somebody else owns it or nobody ever did. */
function pruned(schema: Schema, merged: unknown, claims: sets.FieldSet, last: sets.FieldSet): unknown {
  const all = (object: unknown) => withContainers(schema, fieldsOf(schema, object));
  const [mergedFields, lastFields] = [all(merged), withContainers(schema, last)];
  const kept = sets.union(all(without(schema, merged, lastFields)), withContainers(schema, claims));
  const left = all(without(schema, merged, sets.minus(mergedFields, kept)));
  return without(schema, merged, sets.intersect(sets.minus(mergedFields, left), lastFields));
}

/** The annotation of kubectl's client-side apply stays true where there is one. */
function refreshLastApplied({ manager }: Writer, result: ApiObject, config: ApiObject): void {
  if (manager !== 'kubectl' || !result.metadata.annotations?.[LAST_APPLIED]) return;
  const { annotations: given } = config.metadata;
  const annotations = given && { annotations: omit(given, LAST_APPLIED) };
  const metadata = { ...config.metadata, ...annotations };
  const text = `${JSON.stringify({ ...config, metadata })}\n`;
  result.metadata.annotations = { ...result.metadata.annotations, [LAST_APPLIED]: text };
}

type Conflict = { owner: managing.Manager; path: string[] };
function conflictsWith(managers: managing.Managers, changes: Comparison, self: string): Conflict[] {
  const wanted = sets.union(changes.modified, changes.added);
  return [...managers].flatMap(([key, owner]) => {
    const paths = key === self ? [] : sets.paths(sets.intersect(owner.fields, wanted));
    return paths.map((path) => ({ owner, path }));
  });
}

/** kubectl may take over what its own client-side apply set, as its annotation tells. */
function disputed({ kind: { schema }, manager }: Writer, live: ApiObject, conflicts: Conflict[]): Conflict[] {
  const annotation = live.metadata.annotations?.[LAST_APPLIED];
  if (manager !== 'kubectl' || !annotation) return conflicts;
  let lastApplied: unknown;
  try {
    lastApplied = JSON.parse(annotation);
  } catch {
    return conflicts;
  }
  if (!isFields(lastApplied) || lastApplied.apiVersion !== live.apiVersion) return conflicts;
  const { added, modified, removed } = compare(schema, lastApplied, live);
  const own = sets.paths(sets.minus(fieldsOf(schema, lastApplied), sets.union(added, modified, removed)));
  return conflicts.filter(({ path }) => !own.some((one) => equal(one, path)));
}

/** 409 that names every field and its owner. */
function applyConflict(conflicts: Conflict[]): StatusError {
  const named = conflicts.map(({ owner, path }) => ({ who: print(owner), field: sets.printPath(path) }));
  const lines = [...new Set(named.map(({ who }) => who))].sort().flatMap((who) => {
    const fields = named.filter((one) => one.who === who).map(({ field }) => `- ${field}`);
    return [`conflicts with ${who}:`, ...fields];
  });
  const [only] = named;
  const one = `1 conflict: conflict with ${only?.who}: ${only?.field}`;
  const message = named.length === 1 ? one : `${named.length} conflicts: ${lines.join('\n')}`;
  const causes = named.map(({ who, field }) => {
    return { reason: 'FieldManagerConflict', message: `conflict with ${who}`, field };
  });
  return new StatusError(409, 'Conflict', `Apply failed with ${message}`, { causes });
}

function print({ manager, subresource, operation, apiVersion }: managing.Manager): string {
  const door = subresource ? ` with subresource "${subresource}"` : '';
  return `"${manager}"${door}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}
