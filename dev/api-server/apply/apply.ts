/** Server-side apply: the applier's fields laid over the object, what it no longer applies taken out, ownership recorded. */
import { badRequest, StatusError } from '../http/status-error.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { type ApiObject, equal, isFields, omit, timestamp } from '../object.ts';
import * as sets from './field-set.ts';
import * as managing from './managers.ts';
import { compare, fieldsOf, merge, withContainers, without } from './typed.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Answers the object to store, managedFields included. Throws 409 on conflicts unless forced. */
export function apply(
  writer: managing.Writer,
  live: ApiObject | undefined,
  config: ApiObject,
  force: boolean,
): ApiObject {
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
  const fields = sets.minusTrees(fieldsOf(schema, config), managing.ignoredBy(writer));
  const mine = { ...last, ...entry, fields };
  managers.set(self, mine);

  const merged = merge(schema, before, config) as ApiObject;
  const next = last ? pruned(writer, merged, managers, last.fields) : merged;
  const changes = managing.changesBetween(writer, before, next);
  const conflicts = force ? [] : allowed(writer, before, managing.conflictsWith(managers, changes, self));
  if (conflicts.length > 0) throw managing.applyConflict(conflicts);
  managing.disown(managers, changes, self);
  mine.fields = sets.minus(fields, managing.NEVER_OWNED);
  if (!equal(before, next)) mine.time = timestamp(writer.now);
  const result = { ...next, metadata: { ...next.metadata } };
  refreshLastApplied(writer, result, config);
  managing.writeManagers(result.metadata, managers);
  return result;
}

/** What the applier set last time and not now goes, unless somebody else owns it or nobody ever did. */
function pruned(
  { kind: { schema } }: managing.Writer,
  merged: ApiObject,
  managers: managing.Managers,
  last: sets.FieldSet,
): ApiObject {
  const all = (object: unknown) => withContainers(schema, fieldsOf(schema, object));
  const mergedFields = all(merged);
  const lastFields = withContainers(schema, last);
  const claimed = withContainers(schema, sets.union(...[...managers.values()].map((one) => one.fields)));
  const kept = all(without(schema, merged, lastFields));
  const left = all(without(schema, merged, sets.minus(mergedFields, sets.union(kept, claimed))));
  return without(schema, merged, sets.intersect(sets.minus(mergedFields, left), lastFields)) as ApiObject;
}

/** kubectl may take over what its own client-side apply set, as its annotation tells. */
function allowed(
  { kind: { schema }, manager }: managing.Writer,
  live: ApiObject,
  conflicts: managing.Conflict[],
): managing.Conflict[] {
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

function refreshLastApplied({ manager }: managing.Writer, result: ApiObject, config: ApiObject): void {
  if (manager !== 'kubectl' || !result.metadata.annotations?.[LAST_APPLIED]) return;
  const { annotations } = config.metadata;
  const metadata = {
    ...config.metadata,
    ...(annotations && { annotations: omit(annotations, LAST_APPLIED) }),
  };
  const text = `${JSON.stringify({ ...config, metadata })}\n`;
  result.metadata.annotations = { ...result.metadata.annotations, [LAST_APPLIED]: text };
}

/** 500 in the real server's words for what has no place in the schema. */
export function undeclared({ kind }: managing.Writer, name: string, unknown: string[]): StatusError {
  const lines = unknown.sort().map((path) => `.${path}: field not declared in schema`);
  const list = lines.length === 1 ? lines[0] : `errors:\n  ${lines.join('\n  ')}`;
  const object = `/${name}; ${apiVersionOf(kind)}, Kind=${kind.kind}`;
  return new StatusError(500, '', `failed to create typed patch object (${object}): ${list}`);
}
