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
  readonly #reason: string;
  readonly #details: Fields | undefined;
  /** Token to go on listing with. */
  continue: string | undefined;

  constructor(code: number, reason: string, message: string, details?: Fields) {
    super(message);
    this.code = code;
    this.#reason = reason;
    this.#details = details;
  }

  /** The answer's body. */
  toStatus(): Fields {
    const metadata = this.continue ? { continue: this.continue } : {};
    const reason = this.#reason && { reason: this.#reason };
    const details = this.#details && { details: this.#details };
    const what = { status: 'Failure', message: this.message, ...reason, ...details, code: this.code };
    return { kind: 'Status', apiVersion: 'v1', metadata, ...what };
  }
}

type Named = Pick<Kind, 'group' | 'plural'>;
export const detailsOf = ({ group, plural }: Named, name?: string): Fields => ({
  ...(name && { name }),
  ...(group && { group }),
  ...(plural && { kind: plural }),
});

const about = (code: number, reason: string, what: Named, name: string, tail: string, head = '') =>
  new StatusError(code, reason, `${head}${resourceName(what)} "${name}"${tail}`, detailsOf(what, name));
export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message);
export const expired = (message: string) => new StatusError(410, 'Expired', message);
export const notFound = (what: Named, name: string) => about(404, 'NotFound', what, name, ' not found');
export const alreadyExists = (what: Named, name: string) =>
  about(409, 'AlreadyExists', what, name, ' already exists');
export const conflict = (what: Named, name: string, why: string) =>
  about(409, 'Conflict', what, name, `: ${why}`, 'Operation cannot be fulfilled on ');

export function methodNotAllowed(kind: Kind, verb: string): StatusError {
  const message = kind.custom
    ? `${verb} is not supported on resources of kind "${resourceName(kind)}"`
    : 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, kind.custom ? detailsOf(kind) : {});
}

/** 422 with one cause per wrong field. */
export function invalid({ group, kind }: Pick<Kind, 'group' | 'kind'>, name: string, errors: FieldError[]) {
  const causes = errors.map(({ type, field, detail, ...rest }) => {
    const shown = 'value' in rest ? `: ${JSON.stringify(rest.value)}` : '';
    return { reason: type, message: `${LABELS[type]}${shown}${detail ? `: ${detail}` : ''}`, field };
  });
  const texts = causes.map(({ field, message }) => `${field}: ${message}`).join(', ');
  const what = { group, plural: kind };
  const message = `${resourceName(what)} "${name}" is invalid: ${causes.length === 1 ? texts : `[${texts}]`}`;
  return new StatusError(422, 'Invalid', message, { ...detailsOf(what, name), causes });
}

/** 422 for request options. */
export const invalidOptions = (form: string, errors: FieldError[]) =>
  invalid({ group: 'meta.k8s.io', kind: form }, '', errors);
