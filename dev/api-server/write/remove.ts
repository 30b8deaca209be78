/** Deletes, one by one and by collection. */
import { conflict, detailsOf } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import { type ApiObject, type Fields, isFields, spell, timestamp } from '../object.ts';
import type { Store } from '../storage/store.ts';

export interface RemoveRequest {
  store: Store;
  kind: Kind;
  kinds: readonly Kind[];
  /** DeleteOptions as they came. */
  options: unknown;
  dryRun: boolean;
  now: Date;
}

/**
 * Answers the object where it is the answer (it waits for finalizers, or is a Pod or Namespace), else undefined. A namespace
 * takes its objects of every one of `kinds` with it.
 */
export function removeObject(request: RemoveRequest, object: ApiObject): ApiObject | undefined {
  const { store, kind, kinds, dryRun, now, options } = request;
  checkPreconditions(kind, object, options);
  const { name, finalizers = [], deletionTimestamp, generation = 0 } = object.metadata;
  if (finalizers.length > 0 && deletionTimestamp) return object;
  const deletion = { deletionTimestamp: timestamp(now), deletionGracePeriodSeconds: 0 };
  const counted = kind.generation && { generation: generation + 1 };
  const marked = { ...object, metadata: { ...object.metadata, ...deletion, ...counted } };
  if (finalizers.length > 0) return dryRun ? marked : store.put(kind, marked, object);
  const insides = kind.kind === 'Namespace' ? kinds.filter(({ namespaced }) => namespaced) : [];
  for (const inside of dryRun ? [] : insides) {
    for (const [, content] of store.collection(inside).list(name)) store.remove(inside, content);
  }
  if (!dryRun) store.remove(kind, object);
  if (kind.kind === 'Namespace') return { ...marked, status: { phase: 'Terminating' } };
  return kind.kind === 'Pod' ? marked : undefined;
}

function checkPreconditions(kind: Kind, { metadata }: ApiObject, options: unknown): void {
  const wanted = isFields(options) && isFields(options.preconditions) ? options.preconditions : {};
  for (const [field, title] of Object.entries({ uid: 'UID', resourceVersion: 'ResourceVersion' })) {
    const [asked, found] = [wanted[field], metadata[field]];
    if (asked === undefined || asked === found) continue;
    const differ = `(${spell(asked)}) does not match the ${title} in record (${spell(found)})`;
    const perhaps = field === 'uid' ? 'deleted and then recreated' : 'modified';
    const why = `the ${title} in the precondition ${differ}. The object might have been ${perhaps}`;
    throw conflict({ ...kind, plural: kind.kind }, metadata.name, why);
  }
}

export function removed(kind: Kind, { metadata: { name, uid } }: ApiObject): Fields {
  const details = { ...detailsOf(kind, name), uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
