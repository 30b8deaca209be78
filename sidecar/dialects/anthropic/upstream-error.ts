/** Errors as the Messages API, and the clouds and servers that offer it, write them. */
import type { UpstreamError } from '../dialect.ts';
import { statusOf } from './error-types.ts';

type Json = Record<string, unknown>;

/** Bodies beyond this are not read for an error. */
const READ_LIMIT = 256 * 1024;

/** The body of an error answer; undefined where it is not an error of the API. */
export function readErrorBody(body: Buffer): UpstreamError | undefined {
  if (body.length === 0 || body.length > READ_LIMIT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  return errorOf(value) ?? bareError(value);
}

/** `{type: "error", error: {type, message}}`, also without the outer type, or in a list of one as Google's front end has it. */
export function errorOf(value: unknown): UpstreamError | undefined {
  if (Array.isArray(value)) return value.length === 1 ? errorOf(value[0]) : undefined;
  if (!isObject(value)) return undefined;
  const { error } = value;
  if (isObject(error)) return fromObject(error);
  if (typeof error === 'string' && error !== '') {
    return { ...fromObject(value), type: undefined, message: text(value.message) ?? error };
  }
  return value.type === 'error' ? { ...fromObject(value), type: undefined } : undefined;
}

/** `{message}`, as AWS has it: an error only where one is due. */
function bareError(value: unknown): UpstreamError | undefined {
  if (!isObject(value)) return undefined;
  const message = text(value.message) ?? text(value.Message) ?? text(value.detail);
  if (message === undefined) return undefined;
  const error = fromObject(value);
  return { ...error, type: error.type ?? text(value.__type)?.split('#').at(-1), message };
}

function fromObject(error: Json): UpstreamError {
  const type = text(error.type) ?? (Number.isNaN(Number(error.status)) ? text(error.status) : undefined);
  const details = isObject(error.details) ? error.details : {};
  return {
    status: statusOf(type) ?? httpStatus(error.code) ?? httpStatus(error.status),
    code: text(details.error_code) ?? text(error.code) ?? integer(error.code),
    type,
    message: text(error.message) ?? '',
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function integer(value: unknown): string | undefined {
  return Number.isInteger(value) ? String(value) : undefined;
}

function httpStatus(value: unknown): number | undefined {
  const n = typeof value === 'number' ? value : Number.NaN;
  return Number.isInteger(n) && n >= 400 && n <= 599 ? n : undefined;
}
