/** Errors as OpenAI and the servers that imitate it write them: in an error answer, in a 200, or in an event of a stream. */
import type { UpstreamError } from '../dialect.ts';
import { parseErrorBody } from '../error-body.ts';
import { isObject, type Json, wordsOf } from '../json/parsed.ts';

/** The body of an error answer; undefined where it is not an error of the API. */
export function readErrorBody(body: Buffer): UpstreamError | undefined {
  const value = parseErrorBody(body);
  return errorOf(value) ?? looseError(value);
}

/**
 * Finds an error object in a value that may also be a healthy response. Shapes: `{error: {...}}`, `{error: "text"}`,
 * `{object: "error", message}`, `{type: "error", ...}`, `[{error: {...}}]`, and a nested status that is not zero.
 */
export function errorOf(value: unknown): UpstreamError | undefined {
  if (Array.isArray(value)) return value.length === 1 ? errorOf(value[0]) : undefined;
  if (!isObject(value)) return undefined;
  const { error } = value;
  if (isObject(error) && Object.keys(error).length > 0) return fromObject(error, value);
  if (typeof error === 'string' && error !== '') {
    return { ...fromObject(value, value), message: wordsOf(value.message) ?? error };
  }
  if (value.object === 'error' || value.type === 'error') return fromObject(value, value);
  const { base_resp: base } = value;
  if (isObject(base) && typeof base.status_code === 'number' && base.status_code !== 0) {
    return {
      status: undefined,
      code: String(base.status_code),
      type: undefined,
      message: wordsOf(base.status_msg) ?? '',
    };
  }
  return undefined;
}

/** Shapes that are errors only where an error is due: `{message}`, `{detail}`, `{errors: [...]}`, `{error_msg}`. */
export function looseError(value: unknown): UpstreamError | undefined {
  if (!isObject(value)) return undefined;
  const first = Array.isArray(value.errors) ? (value.errors[0] as unknown) : undefined;
  if (isObject(first)) return fromObject(first, value);
  const message =
    wordsOf(value.message) ??
    wordsOf(value.error_msg) ??
    detail(value.detail) ??
    wordsOf(first) ??
    wordsOf(value.msg);
  if (message === undefined) return undefined;
  return { ...fromObject(value, value), message };
}

function fromObject(error: Json, around: Json): UpstreamError {
  const code = word(error.code) ?? word(error.error_code) ?? word(around.code);
  const status = httpStatus(error.status) ?? httpStatus(error.status_code) ?? httpStatus(error.code);
  return {
    status: status ?? httpStatus(around.status) ?? httpStatus(around.code),
    code,
    type: word(error.type) ?? (typeof error.status === 'string' ? word(error.status) : undefined),
    message: wordsOf(error.message) ?? detail(error.detail) ?? '',
  };
}

/** FastAPI answers `{detail: "text"}` or `{detail: [{msg, loc}]}`. */
function detail(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const messages = value.map((item: unknown) => (isObject(item) ? wordsOf(item.msg) : wordsOf(item)));
    return messages.filter((m) => m !== undefined).join('; ') || undefined;
  }
  return isObject(value) ? wordsOf(value.message) : wordsOf(value);
}

function word(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isInteger(value)) return String(value);
  return wordsOf(value);
}

function httpStatus(value: unknown): number | undefined {
  const n = typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isInteger(n) && n >= 400 && n <= 599 ? n : undefined;
}
