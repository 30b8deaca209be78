/** Create, replace, patch and apply: from a request's body to a stored object. */
import { randomInt, randomUUID } from 'node:crypto';
import { load } from 'js-yaml';
import { apply, undeclared } from '../apply/apply.ts';
import { sameButTimes, trackUpdate } from '../apply/managers.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  notFound,
  StatusError,
} from '../http/status-error.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { type ApiObject, equal, isFields, omit, spell, timestamp } from '../object.ts';
import { prune } from '../schema/prune.ts';
import { validate } from '../schema/validate.ts';
import { APPLY, checkNames, decode, type WriteRequest } from './decode.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch, strategicPatch } from './merge-patch.ts';
import { metadataErrors } from './metadata.ts';

export interface Written {
  /** In storage form. */
  object: ApiObject;
  created: boolean;
}

const find = ({ store, kind, namespace, name }: WriteRequest): ApiObject | undefined =>
  store.collection(kind).get(namespace, name);
const writerOf = ({ options, ...request }: WriteRequest) => ({ ...request, manager: options.manager });

export function create(request: WriteRequest, body: unknown): Written {
  const next = decode(request, body);
  if (!next.metadata.resourceVersion) return commit(request, undefined, next);
  throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
}

export function replace(request: WriteRequest, body: unknown): Written {
  const { kind, name = '', subresource } = request;
  const next = decode(request, body);
  next.metadata.name ||= name;
  const old = find(request);
  if (!old && !(kind.createOnUpdate && !subresource)) throw notFound(kind, name);
  if (old && kind.custom && !next.metadata.resourceVersion) {
    const error = { field: 'metadata.resourceVersion', value: 0, detail: 'must be specified for an update' };
    throw invalid({ ...kind, kind: kind.plural }, name, [{ type: 'FieldValueInvalid', ...error }]);
  }
  return commit(request, old, next);
}

type Patch = (target: unknown, patch: unknown) => unknown;
const STRATEGIC = 'application/strategic-merge-patch+json';
const PATCHES: Record<string, Patch> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  [STRATEGIC]: strategicPatch,
};
export const patchTypesOf = (kind: Kind): string[] =>
  [...Object.keys(PATCHES), APPLY].filter((type) => type !== STRATEGIC || kind.strategicPatch);

/** `type` is one of `patchTypesOf` the kind. */
export function patch(request: WriteRequest, type: string, text: string): Written {
  const { kind, name = '' } = request;
  const change = PATCHES[type];
  if (!change) return applyPatch(request, text);
  const old = find(request);
  if (!old) throw notFound(kind, name);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
  const shown = { ...(kind.fromStored?.(old) ?? old), apiVersion: apiVersionOf(kind), kind: kind.kind };
  return commit(request, old, decode(request, change(shown, body), true));
}

function applyPatch(request: WriteRequest, text: string): Written {
  const { kind, subresource, name = '', options } = request;
  let body: unknown;
  try {
    body = load(text);
  } catch (error) {
    throw badRequest(`error decoding YAML: ${(error as Error).message}`);
  }
  if (!isFields(body)) throw badRequest('error decoding YAML: the patch is not an object');
  if (body.apiVersion !== apiVersionOf(kind) || body.kind !== kind.kind) {
    const version = spell(body.apiVersion);
    throw badRequest(
      `invalid object type: ${version.includes('/') ? '' : '/'}${version}, Kind=${spell(body.kind)}`,
    );
  }
  const old = find(request);
  if (!old && subresource) throw notFound(kind, name);
  const unknown: string[] = [];
  const config = prune(body, kind.schema, '', unknown) as ApiObject;
  if (unknown.length > 0) throw undeclared(writerOf(request), name, unknown);
  checkNames(request, config.metadata ?? {});
  config.metadata = { ...config.metadata, name };
  return commit(request, old, apply(writerOf(request), old, config, options.force), true);
}

/** The last steps of every write. `tracked`: managedFields are already those of the result. */
function commit(
  request: WriteRequest,
  old: ApiObject | undefined,
  next: ApiObject,
  tracked = false,
): Written {
  const { kind, store, namespace, options, subresource } = request;
  if (old) checkPreconditions(kind, old, next);
  else checkNamespace(request);
  kind.prepare?.(next);
  if (!tracked) trackUpdate(writerOf(request), old, next);
  const ready = old ? updated(kind, old, next, subresource) : created(request, next);
  const { name, deletionTimestamp, finalizers } = ready.metadata;

  const errors = [...metadataErrors(kind, ready, old), ...frozen(ready, old)];
  const found = validate(kind.fromStored?.(ready) ?? ready, kind, errors, subresource);
  if (found.length > 0) throw invalid(kind, name, found);
  if (!old && store.collection(kind).get(namespace, name)) throw alreadyExists(kind, name);
  if (old && sameButTimes(old, ready)) return { object: old, created: false };
  if (options.dryRun) return { object: ready, created: !old };
  if (!deletionTimestamp || finalizers?.length) return { object: store.put(kind, ready, old), created: !old };
  store.remove(kind, ready);
  return { object: ready, created: false };
}

function checkPreconditions(kind: Kind, old: ApiObject, next: ApiObject): void {
  const { uid, resourceVersion, name, namespace } = old.metadata;
  const asked = next.metadata;
  if (asked.uid && asked.uid !== uid) {
    const key = ['/registry', kind.group, kind.plural, namespace, name].filter(Boolean).join('/');
    const why = `Precondition failed: UID in precondition: ${asked.uid}, UID in object meta: ${uid}`;
    const error = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`;
    throw conflict(kind, name, error);
  }
  if (asked.resourceVersion && asked.resourceVersion !== resourceVersion) {
    const why = 'the object has been modified; please apply your changes to the latest version and try again';
    throw conflict(kind, name, why);
  }
}

/** Data of an immutable Secret or ConfigMap that changed. */
const frozen = (next: ApiObject, old: ApiObject | undefined): FieldError[] =>
  ['data', 'binaryData']
    .filter((field) => old?.immutable === true && !equal(next[field], old[field]))
    .map((field) => ({
      type: 'FieldValueForbidden',
      field,
      detail: 'field is immutable when `immutable` is set',
    }));

function checkNamespace({ kind, namespace, store }: WriteRequest): void {
  const namespaces = { group: '', plural: 'namespaces' };
  if (!kind.namespaced || store.collection(namespaces).get(undefined, namespace)) return;
  throw notFound(namespaces, namespace ?? '');
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const suffix = (): string => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

function created({ kind, namespace, now }: WriteRequest, next: ApiObject): ApiObject {
  const ready = kind.status ? omit(next, 'status') : next;
  const { name, generateName, ...given } = next.metadata;
  ready.metadata = {
    name: name || (generateName ? generateName + suffix() : ''),
    ...(generateName && { generateName }),
    ...omit(given, 'selfLink', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation'),
    ...(namespace !== undefined && { namespace }),
    uid: randomUUID(),
    creationTimestamp: timestamp(now),
    ...(kind.generation && { generation: 1 }),
  };
  return { ...ready, ...kind.initial };
}

/** Metadata that requests cannot change. */
const KEPT =
  'namespace uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds'.split(
    ' ',
  );

function updated(kind: Kind, old: ApiObject, next: ApiObject, subresource: string | undefined): ApiObject {
  const { managedFields } = next.metadata;
  if (subresource) {
    const metadata = { ...omit(old.metadata, 'managedFields'), ...(managedFields && { managedFields }) };
    return { ...omit(old, 'status'), metadata, ...(next.status !== undefined && { status: next.status }) };
  }
  const kept = Object.entries(old.metadata).filter(([name]) => KEPT.includes(name));
  const metadata = { ...omit(next.metadata, ...KEPT), ...Object.fromEntries(kept) };
  const ready: ApiObject = { ...next, metadata };
  if (kind.status) delete ready.status;
  if (kind.status && old.status !== undefined) ready.status = old.status;
  if (kind.generation && !equal(omit(ready, 'metadata'), omit(old, 'metadata'))) {
    metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  return ready;
}
