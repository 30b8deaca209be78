/** Create, replace, patch and apply: from a request's body to a stored object. */
import { randomInt, randomUUID } from 'node:crypto';
import { load } from 'js-yaml';
import { apply } from '../apply/apply.ts';
import { sameButTimes, trackUpdate, type Writer } from '../apply/managers.ts';
import * as errors from '../http/status-error.ts';
import { namespaces } from '../kinds/builtin.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { type ApiObject, equal, isFields, isHollow, omit, spell, timestamp } from '../object.ts';
import { prune, validate } from '../schema/schema.ts';
import { APPLY, checkNames, decode, type WriteRequest } from './decode.ts';
import { metadataErrors } from './metadata.ts';
import { jsonPatch, mergePatch, strategicPatch } from './patches.ts';

const find = ({ store, kind, namespace, name }: WriteRequest): ApiObject | undefined =>
  store.collection(kind).get(namespace, name);

export function create(request: WriteRequest, body: unknown): Written {
  const next = decode(request, body);
  if (!next.metadata.resourceVersion) return commit(request, undefined, next);
  throw new errors.StatusError(500, '', 'resourceVersion should not be set on objects to be created');
}

export function replace(request: WriteRequest, body: unknown): Written {
  const { kind, name = '', subresource } = request;
  const next = decode(request, body);
  next.metadata.name ||= name;
  const old = find(request);
  if (!old && !(kind.createOnUpdate && !subresource)) throw errors.notFound(kind, name);
  if (old && kind.custom && !next.metadata.resourceVersion) {
    const error = { field: 'metadata.resourceVersion', value: 0, detail: 'must be specified for an update' };
    throw errors.invalid({ ...kind, kind: kind.plural }, name, [{ type: 'FieldValueInvalid', ...error }]);
  }
  return commit(request, old, next);
}

const STRATEGIC = 'application/strategic-merge-patch+json';
const PATCHES: Record<string, (target: unknown, patch: unknown) => unknown> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  [STRATEGIC]: strategicPatch,
};
export const patchTypesOf = (kind: Kind): string[] =>
  [...Object.keys(PATCHES), APPLY].filter((type) => type !== STRATEGIC || kind.strategicPatch);

function parse(text: string, read: (text: string) => unknown, what: string): unknown {
  try {
    return read(text);
  } catch (error) {
    throw errors.badRequest(`error decoding ${what}: ${(error as Error).message}`);
  }
}

/** `type` is one of `patchTypesOf` the kind. */
export function patch(request: WriteRequest, type: string, text: string): Written {
  const change = PATCHES[type];
  if (!change) return applyPatch(request, parse(text, load, 'YAML'));
  const old = find(request);
  if (!old) throw errors.notFound(request.kind, request.name ?? '');
  return commit(request, old, decode(request, change(old, parse(text, JSON.parse, 'patch')), true));
}

function applyPatch(request: WriteRequest, body: unknown): Written {
  const { kind, subresource, name = '', options } = request;
  if (!isFields(body)) throw errors.badRequest('error decoding YAML: the patch is not an object');
  if (body.apiVersion !== apiVersionOf(kind) || body.kind !== kind.kind) {
    const version = spell(body.apiVersion);
    const found = `${version.includes('/') ? '' : '/'}${version}, Kind=${spell(body.kind)}`;
    throw errors.badRequest(`invalid object type: ${found}`);
  }
  const old = find(request);
  if (!old && subresource) throw errors.notFound(kind, name);
  const unknown: string[] = [];
  const config = prune(body, kind.schema, '', unknown) as ApiObject;
  if (unknown.length > 0) throw undeclared(kind, name, unknown.sort());
  checkNames(request, config.metadata ?? {});
  config.metadata = { ...config.metadata, name };
  return commit(request, old, apply(writerOf(request), old, config, options.force), true);
}

/** The real server calls this its own error. */
function undeclared(kind: Kind, name: string, paths: string[]): errors.StatusError {
  const lines = paths.map((path) => `.${path}: field not declared in schema`);
  const list = lines.length === 1 ? lines[0] : `errors:\n  ${lines.join('\n  ')}`;
  const object = `/${name}; ${apiVersionOf(kind)}, Kind=${kind.kind}`;
  return new errors.StatusError(500, '', `failed to create typed patch object (${object}): ${list}`);
}

export type Written = { object: ApiObject; created: boolean };
const writerOf = (request: WriteRequest): Writer => ({ ...request, manager: request.options.manager });

type Old = ApiObject | undefined;
/** `tracked`: managedFields are already those of the result. */
function commit(request: WriteRequest, old: Old, next: ApiObject, tracked = false): Written {
  const { kind, store, namespace, options, subresource } = request;
  if (old) checkPreconditions(kind, old, next);
  else checkNamespace(request);
  // Empty maps and lists of metadata are not kept; empty managedFields say that nobody owns anything.
  for (const [name, value] of Object.entries(next.metadata)) {
    if (isHollow(value) && name !== 'managedFields') delete next.metadata[name];
  }
  kind.prepare?.(next);
  if (!tracked) trackUpdate(writerOf(request), old, next);
  const ready = old ? updated(kind, old, next, subresource) : created(request, next);
  const { name, deletionTimestamp, finalizers } = ready.metadata;

  const known = [...metadataErrors(kind, ready, old), ...frozen(ready, old)];
  const wrong = validate(ready, kind, known, subresource);
  if (wrong.length > 0) throw errors.invalid(kind, name, wrong);
  if (!old && store.collection(kind).get(namespace, name)) throw errors.alreadyExists(kind, name);
  if (old && sameButTimes(old, ready)) return { object: old, created: false };
  if (options.dryRun) return { object: ready, created: !old };
  if (!deletionTimestamp || finalizers?.length) return { object: store.put(kind, ready, old), created: !old };
  store.remove(kind, ready);
  return { object: ready, created: false };
}

function checkPreconditions(kind: Kind, { metadata: old }: ApiObject, { metadata: asked }: ApiObject): void {
  const stranger = `Precondition failed: UID in precondition: ${asked.uid}, UID in object meta: ${old.uid}`;
  if (asked.uid && asked.uid !== old.uid) throw errors.conflict(kind, old.name, stranger);
  if (!asked.resourceVersion || asked.resourceVersion === old.resourceVersion) return;
  const advice = 'please apply your changes to the latest version and try again';
  throw errors.conflict(kind, old.name, `the object has been modified; ${advice}`);
}

function checkNamespace({ kind, namespace, store }: WriteRequest): void {
  if (!kind.namespaced || store.collection(namespaces).get(undefined, namespace)) return;
  throw errors.notFound(namespaces, namespace ?? '');
}

/** Data of an immutable Secret or ConfigMap that changed. */
function frozen(next: ApiObject, old: Old): errors.FieldError[] {
  if (old?.immutable !== true) return [];
  const changed = ['data', 'binaryData'].filter((field) => !equal(next[field], old[field]));
  const detail = 'field is immutable when `immutable` is set';
  return changed.map((field) => ({ type: 'FieldValueForbidden', field, detail }));
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const suffix = (): string => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

/** Metadata that requests cannot change. */
const KEPT = ['namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp'];
const DELETION = ['deletionTimestamp', 'deletionGracePeriodSeconds'];

function created({ kind, namespace, now }: WriteRequest, next: ApiObject): ApiObject {
  const { name, generateName } = next.metadata;
  const metadata = {
    ...omit(next.metadata, 'selfLink', ...KEPT, ...DELETION),
    name: name || (generateName ? generateName + suffix() : ''),
    ...(namespace !== undefined && { namespace }),
    uid: randomUUID(),
    creationTimestamp: timestamp(now),
    ...(kind.generation && { generation: 1 }),
  };
  return { ...(kind.status ? omit(next, 'status') : next), metadata, ...kind.initial };
}

function updated(kind: Kind, old: ApiObject, next: ApiObject, subresource: string | undefined): ApiObject {
  const { managedFields } = next.metadata;
  const status = (from: ApiObject) => (from.status === undefined ? {} : { status: from.status });
  if (subresource) {
    const metadata = { ...omit(old.metadata, 'managedFields'), ...(managedFields && { managedFields }) };
    return { ...omit(old, 'status'), metadata, ...status(next) };
  }
  const fixed = [...KEPT, ...DELETION];
  const kept = Object.entries(old.metadata).filter(([name]) => fixed.includes(name));
  const metadata = { ...omit(next.metadata, ...fixed), ...Object.fromEntries(kept) };
  const ready = kind.status ? { ...omit(next, 'status'), metadata, ...status(old) } : { ...next, metadata };
  const changed = kind.generation && !equal(omit(ready, 'metadata'), omit(old, 'metadata'));
  if (changed) metadata.generation = (old.metadata.generation ?? 0) + 1;
  return ready;
}
