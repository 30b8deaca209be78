/** A request's options, and its body turned into an object of the kind it is sent to. */

import type { Target } from '../http/request.ts';
import * as errors from '../http/status-error.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { OBJECT_META } from '../kinds/shape.ts';
import { type ApiObject, type Fields, isFields, type ObjectMeta, spell } from '../object.ts';
import { prune, shapeErrors } from '../schema/schema.ts';
import type { Store } from '../storage/store.ts';

export interface WriteRequest extends Target {
  store: Store;
  options: WriteOptions;
  now: Date;
  /** Tells the client without refusing. */
  warn: (text: string) => void;
}

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: string;
  /** Who the fields written will belong to. */
  manager: string;
  force: boolean;
}

const VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'];
export const APPLY = 'application/apply-patch+yaml';

/** `form` names the options in errors; `patchType` is empty for anything but PATCH. */
export function writeOptions(query: URLSearchParams, agent = '', form = '', patchType = ''): WriteOptions {
  const dryRun = query.getAll('dryRun').filter(Boolean);
  const fieldValidation = query.get('fieldValidation') ?? '';
  const manager = query.get('fieldManager') ?? '';
  const wrong: errors.FieldError[] = [];
  const supported = (known: string[]) => `supported values: ${known.map((one) => `"${one}"`).join(', ')}`;
  if (patchType === APPLY && !manager) {
    wrong.push({ type: 'FieldValueRequired', field: 'fieldManager', detail: 'is required for apply patch' });
  }
  if (dryRun.some((value) => value !== 'All')) {
    const detail = supported(['All']);
    wrong.push({ type: 'FieldValueNotSupported', field: 'dryRun', value: dryRun, detail });
  }
  if (!VALIDATIONS.includes(fieldValidation)) {
    const odd = { field: 'fieldValidation', value: fieldValidation, detail: supported(VALIDATIONS) };
    wrong.push({ type: 'FieldValueNotSupported', ...odd });
  }
  if (wrong.length > 0) throw errors.invalidOptions(form, wrong);
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: fieldValidation || 'Warn',
    manager: (manager || (agent.split('/')[0] ?? '')).slice(0, 128),
    force: query.get('force') === 'true',
  };
}

/**
 * Answers the object without what its schema does not know. `patched`: the body is the outcome of a patch, which strict
 * decoding reports in its own way.
 */
export function decode(request: WriteRequest, body: unknown, patched = false): ApiObject {
  const { kind, options, warn } = request;
  const unknown: string[] = [];
  const object = prune(typed(kind, body), kind.schema, '', unknown) as ApiObject;
  const rank = (path: string) => (path.startsWith('metadata.') ? `0${path}` : `1${path}`);
  unknown.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === 'Warn') texts.forEach(warn);
  if (options.fieldValidation === 'Strict' && texts.length > 0) {
    const detail = `strict decoding error: ${texts.join(', ')}`;
    if (!patched) throw cannotHandle(kind, detail);
    const wrong = { field: 'patch', value: JSON.stringify(body), detail };
    throw errors.invalid({ group: '', kind: '' }, '', [{ type: 'FieldValueInvalid', ...wrong }]);
  }
  // A body may lack what every object has.
  const metadata = (object as { metadata?: ObjectMeta }).metadata ?? { name: '' };
  // What follows relies on the types of metadata, and of whole objects of built-in kinds.
  const mistyped = shapeErrors(metadata, OBJECT_META, 'metadata');
  if (!kind.custom) mistyped.push(...shapeErrors({ ...object, metadata: {} }, kind.schema, ''));
  if (mistyped.length > 0) throw errors.invalid(kind, '', mistyped);
  checkNames(request, metadata);
  return { ...object, metadata };
}

/** The body as an object of the kind's version; built-in kinds need not name theirs. */
function typed(kind: Kind, body: unknown): Fields {
  const expected = apiVersionOf(kind);
  const unrecognized = `the object provided is unrecognized (must be of type ${kind.kind})`;
  if (!isFields(body)) throw errors.badRequest(`${unrecognized}: it is not a JSON object`);
  const given: Fields = kind.custom ? body : { apiVersion: expected, kind: kind.kind, ...body };
  if (!given.kind) throw errors.badRequest(`${unrecognized}: Object 'Kind' is missing`);
  if (given.apiVersion !== expected) {
    const found = `the API version in the data (${spell(given.apiVersion)})`;
    throw errors.badRequest(`${found} does not match the expected API version (${expected})`);
  }
  if (given.kind === kind.kind) return given;
  if (!kind.custom) throw cannotHandle(kind, `it is of kind ${spell(given.kind)}`);
  const name = isFields(given.metadata) ? spell(given.metadata.name) : '';
  const wrong = { field: 'kind', value: given.kind, detail: `must be ${kind.kind}` };
  const named = { group: kind.group, kind: spell(given.kind) };
  throw errors.invalid(named, name, [{ type: 'FieldValueInvalid', ...wrong }]);
}

const cannotHandle = (kind: Kind, why: string) =>
  errors.badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);

/** Throws where the name or namespace of an object is not that of the URL. */
export function checkNames({ namespace, name }: WriteRequest, metadata: Partial<ObjectMeta>): void {
  if (metadata.namespace && metadata.namespace !== namespace) {
    const rule = 'does not match the namespace sent on the request';
    throw errors.badRequest(`the namespace of the provided object ${rule}`);
  }
  if (name === undefined || !metadata.name || metadata.name === name) return;
  const rule = `does not match the name on the URL (${name})`;
  throw errors.badRequest(`the name of the object (${metadata.name}) ${rule}`);
}
