/** A request's options, and its body turned into an object of the kind it is sent to. */
import {
  badRequest,
  type FieldError,
  invalid,
  invalidOptions,
  type StatusError,
} from '../http/status-error.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { OBJECT_META } from '../kinds/shape.ts';
import { type ApiObject, type Fields, isFields, isHollow, type ObjectMeta, spell } from '../object.ts';
import { prune } from '../schema/prune.ts';
import { shapeErrors } from '../schema/validate.ts';
import type { Store } from '../storage/store.ts';

export interface WriteRequest {
  store: Store;
  kind: Kind;
  namespace: string | undefined;
  /** Of the URL; undefined for POST to a collection. */
  name: string | undefined;
  subresource: 'status' | undefined;
  options: WriteOptions;
  now: Date;
  /** Texts for `Warning` headers. */
  warnings: string[];
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

/** `form` names the options in errors; `patchType` is undefined for anything but PATCH. */
export function writeOptions(
  query: URLSearchParams,
  agent: string,
  form: string,
  patchType?: string,
): WriteOptions {
  const dryRun = query.getAll('dryRun').filter(Boolean);
  const fieldValidation = query.get('fieldValidation') ?? '';
  const manager = query.get('fieldManager') ?? '';
  const errors: FieldError[] = [];
  const add = (type: FieldError['type'], field: string, detail: string) =>
    errors.push({ type, field, detail });
  const unsupported = (field: string, value: unknown, supported: string[]) => {
    const detail = `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`;
    errors.push({ type: 'FieldValueNotSupported', field, value, detail });
  };
  if (patchType === APPLY && !manager)
    add('FieldValueRequired', 'fieldManager', 'is required for apply patch');
  if (manager.length > 128) add('FieldValueTooLong', 'fieldManager', 'may not be more than 128 bytes');
  if (patchType && patchType !== APPLY && query.has('force')) {
    add('FieldValueForbidden', 'force', 'may not be specified for non-apply patch');
  }
  if (dryRun.some((value) => value !== 'All')) unsupported('dryRun', dryRun, ['All']);
  if (!VALIDATIONS.includes(fieldValidation)) unsupported('fieldValidation', fieldValidation, VALIDATIONS);
  if (errors.length > 0) throw invalidOptions(form, errors);
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: fieldValidation || 'Warn',
    manager: manager || (agent.split('/')[0] ?? '').slice(0, 128),
    force: query.get('force') === 'true',
  };
}

/**
 * Answers the object in storage form, without what the schema does not know. `patched`: the body is the outcome of a patch,
 * which strict decoding reports in its own way.
 */
export function decode(request: WriteRequest, body: unknown, patched = false): ApiObject {
  const { kind, options } = request;
  const expected = apiVersionOf(kind);
  const unrecognized = `the object provided is unrecognized (must be of type ${kind.kind})`;
  if (!isFields(body)) throw badRequest(`${unrecognized}: it is not a JSON object`);
  const given: Fields = kind.custom ? body : { apiVersion: expected, kind: kind.kind, ...body };
  if (!given.kind) throw badRequest(`${unrecognized}: Object 'Kind' is missing in '${JSON.stringify(body)}'`);
  if (given.apiVersion !== expected) {
    const found = spell(given.apiVersion);
    throw badRequest(
      `the API version in the data (${found}) does not match the expected API version (${expected})`,
    );
  }
  if (given.kind !== kind.kind) throw wrongKind(kind, given);

  const unknown: string[] = [];
  const object = prune(given, kind.schema, '', unknown) as ApiObject;
  const order = (path: string) => (path.startsWith('metadata.') ? `0${path}` : `1${path}`);
  unknown.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === 'Warn') request.warnings.push(...texts);
  if (options.fieldValidation === 'Strict' && texts.length > 0) {
    const detail = `strict decoding error: ${texts.join(', ')}`;
    if (!patched) throw cannotHandle(kind, detail);
    const error: FieldError = {
      type: 'FieldValueInvalid',
      field: 'patch',
      value: JSON.stringify(body),
      detail,
    };
    throw invalid({ group: '', kind: '' }, '', [error]);
  }
  const mistyped = shapeErrors(object.metadata ?? {}, OBJECT_META, 'metadata');
  if (mistyped.length > 0) throw invalid(kind, '', mistyped);
  const stored = kind.toStored?.(object) ?? object;
  const metadata: ObjectMeta = stored.metadata ?? { name: '' };
  checkNames(request, metadata);
  // Empty maps and lists of metadata are not kept; empty managedFields say that nobody owns anything.
  const kept = Object.entries(metadata).filter(
    ([field, value]) => field === 'managedFields' || !isHollow(value),
  );
  stored.metadata = { ...Object.fromEntries(kept), name: metadata.name ?? '' };
  return stored;
}

const cannotHandle = (kind: Kind, why: string): StatusError =>
  badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);

function wrongKind(kind: Kind, given: Fields): StatusError {
  if (!kind.custom) return cannotHandle(kind, `it is of kind ${spell(given.kind)}`);
  const name = isFields(given.metadata) ? spell(given.metadata.name) : '';
  const error: FieldError = {
    type: 'FieldValueInvalid',
    field: 'kind',
    value: given.kind,
    detail: `must be ${kind.kind}`,
  };
  return invalid({ group: kind.group, kind: spell(given.kind) }, name, [error]);
}

/** Throws where the name or namespace of an object is not that of the URL. */
export function checkNames({ namespace, name }: WriteRequest, metadata: Partial<ObjectMeta>): void {
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && metadata.name && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}
