/** Errors as the Messages API, and the clouds and servers that offer it, write them. */
import type { UpstreamError } from '../dialect.ts';
import { parseErrorBody } from '../error-body.ts';
import { isObject, type Json, wordsOf } from '../json/parsed.ts';
import { statusOf } from './error-types.ts';

/** The body of an error answer; undefined where it is not an error of the API. */
export function readErrorBody(body: Buffer): UpstreamError | undefined {
  const value = parseErrorBody(body);
  return errorOf(value) ?? bareError(value);
}

/** `{type: "error", error: {type, message}}`, also without the outer type, or in a list of one as Google's front end has it. */
export function errorOf(value: unknown): UpstreamError | undefined {
  if (Array.isArray(value)) return value.length === 1 ? errorOf(value[0]) : undefined;
  if (!isObject(value)) return undefined;
  const { error } = value;
  if (isObject(error)) return fromObject(error);
  if (typeof error === 'string' && error !== '') {
    return { ...fromObject(value), type: undefined, message: wordsOf(value.message) ?? error };
  }
  return value.type === 'error' ? { ...fromObject(value), type: undefined } : undefined;
}

/** `{message}`, as AWS has it: an error only where one is due. */
function bareError(value: unknown): UpstreamError | undefined {
  if (!isObject(value)) return undefined;
  const message = wordsOf(value.message) ?? wordsOf(value.Message) ?? wordsOf(value.detail);
  if (message === undefined) return undefined;
  const error = fromObject(value);
  return { ...error, type: error.type ?? wordsOf(value.__type)?.split('#').at(-1), message };
}

function fromObject(error: Json): UpstreamError {
  const type =
    wordsOf(error.type) ?? (Number.isNaN(Number(error.status)) ? wordsOf(error.status) : undefined);
  const details = isObject(error.details) ? error.details : {};
  return {
    status: statusOf(type) ?? httpStatus(error.code) ?? httpStatus(error.status),
    code: wordsOf(details.error_code) ?? wordsOf(error.code) ?? integer(error.code),
    type,
    message: wordsOf(error.message) ?? '',
  };
}

function integer(value: unknown): string | undefined {
  return Number.isInteger(value) ? String(value) : undefined;
}

function httpStatus(value: unknown): number | undefined {
  const n = typeof value === 'number' ? value : Number.NaN;
  return Number.isInteger(n) && n >= 400 && n <= 599 ? n : undefined;
}
