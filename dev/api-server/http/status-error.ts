/** Kubernetes' error shape: every failed request answers a `Status` with reason, details and causes. */
import { type Kind, resourceName } from '../kinds/kind.ts';
import type { Fields } from '../object.ts';

/** One wrong field: `type` is the machine-readable cause; a `value` is printed where there is one. */
export interface FieldError {
  type: keyof typeof LABELS;
  field: string;
  value?: unknown;
  detail?: string;
}

const LABELS = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueDuplicate: 'Duplicate value',
};

export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Fields | undefined;
  /** Token to go on listing with. */
  continue: string | undefined;

  constructor(code: number, reason: string, message: string, details?: Fields) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The answer's body. */
  toStatus(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continue ? { continue: this.continue } : {},
      status: 'Failure',
      message: this.message,
      ...(this.reason && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

type Named = Pick<Kind, 'group' | 'plural'>;
export const detailsOf = ({ group, plural }: Named, name?: string): Fields => ({
  ...(name && { name }),
  ...(group && { group }),
  ...(plural && { kind: plural }),
});

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);
export const expired = (message: string): StatusError => new StatusError(410, 'Expired', message);
export const notFound = (what: Named, name: string): StatusError =>
  new StatusError(404, 'NotFound', `${resourceName(what)} "${name}" not found`, detailsOf(what, name));
export const alreadyExists = (what: Named, name: string): StatusError =>
  new StatusError(
    409,
    'AlreadyExists',
    `${resourceName(what)} "${name}" already exists`,
    detailsOf(what, name),
  );

export function conflict(what: Named, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${resourceName(what)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(what, name));
}

export function methodNotAllowed(kind: Kind, verb: string): StatusError {
  const message = kind.custom
    ? `${verb} is not supported on resources of kind "${resourceName(kind)}"`
    : 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, kind.custom ? detailsOf(kind) : {});
}

/** 422 with one cause per wrong field. */
export function invalid(
  { group, kind }: Pick<Kind, 'group' | 'kind'>,
  name: string,
  errors: FieldError[],
): StatusError {
  const causes = errors.map((error) => {
    const shown = 'value' in error ? `: ${JSON.stringify(error.value)}` : '';
    const message = `${LABELS[error.type]}${shown}${error.detail ? `: ${error.detail}` : ''}`;
    return { reason: error.type, message, field: error.field };
  });
  const texts = causes.map(({ field, message }) => `${field}: ${message}`).join(', ');
  const list = causes.length === 1 ? texts : `[${texts}]`;
  const what = resourceName({ group, plural: kind });
  const details = { ...detailsOf({ group, plural: kind }, name), causes };
  return new StatusError(422, 'Invalid', `${what} "${name}" is invalid: ${list}`, details);
}

/** 422 for request options. */
export const invalidOptions = (form: string, errors: FieldError[]): StatusError =>
  invalid({ group: 'meta.k8s.io', kind: form }, '', errors);
