/** Deletes, one by one and by collection. */
import { conflict, detailsOf } from '../http/status-error.ts';
import type { Kind } from '../kinds/kind.ts';
import { type ApiObject, type Fields, isFields, spell, timestamp } from '../object.ts';
import type { Store } from '../storage/store.ts';

export interface RemoveRequest {
  store: Store;
  kind: Kind;
  /** Every kind served: a namespace takes its objects with it. */
  kinds: readonly Kind[];
  dryRun: boolean;
  now: Date;
}

/** Answers the object where it is the answer (it waits for finalizers, or is a Pod or Namespace), else undefined. */
export function removeObject(
  request: RemoveRequest,
  object: ApiObject,
  options: unknown,
): ApiObject | undefined {
  const { store, kind, kinds, dryRun, now } = request;
  checkPreconditions(kind, object, options);
  const { name, finalizers = [], deletionTimestamp, generation = 0 } = object.metadata;
  if (finalizers.length > 0 && deletionTimestamp) return object;
  const metadata = {
    ...object.metadata,
    deletionTimestamp: timestamp(now),
    deletionGracePeriodSeconds: 0,
    ...(kind.generation && { generation: generation + 1 }),
  };
  const marked = { ...object, metadata };
  if (finalizers.length > 0) return dryRun ? marked : store.put(kind, marked, object);
  if (kind.kind === 'Namespace' && !dryRun) {
    for (const inside of kinds.filter((one) => one.namespaced)) {
      for (const [, content] of store.collection(inside).list(name)) store.remove(inside, content);
    }
  }
  if (!dryRun) store.remove(kind, object);
  if (kind.kind === 'Namespace') return { ...marked, status: { phase: 'Terminating' } };
  return kind.kind === 'Pod' ? marked : undefined;
}

function checkPreconditions(kind: Kind, { metadata }: ApiObject, options: unknown): void {
  const wanted = isFields(options) && isFields(options.preconditions) ? options.preconditions : {};
  const check = (field: string, title: string, perhaps: string) => {
    if (wanted[field] === undefined || wanted[field] === metadata[field]) return;
    const found = `does not match the ${title} in record (${spell(metadata[field])})`;
    const why = `the ${title} in the precondition (${spell(wanted[field])}) ${found}. The object might have been ${perhaps}`;
    throw conflict({ ...kind, plural: kind.kind }, metadata.name, why);
  };
  check('uid', 'UID', 'deleted and then recreated');
  check('resourceVersion', 'ResourceVersion', 'modified');
}

export const removed = (kind: Kind, { metadata: { name, uid } }: ApiObject): Fields => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: { ...detailsOf(kind, name), uid },
});
