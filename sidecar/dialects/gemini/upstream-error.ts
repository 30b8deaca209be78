/** Errors of Google's APIs: `{error: {code, status, message, details}}`, at times as the one element of an array. */
import type { UpstreamError } from '../dialect.ts';
import { parseErrorBody } from '../error-body.ts';
import { isObject, type Json, wordsOf } from '../json/parsed.ts';

export function readErrorBody(body: Buffer): UpstreamError | undefined {
  return errorOf(parseErrorBody(body));
}

/** `type` is Google's word for the status, `code` the reason given in the details where there is one. */
export function errorOf(value: unknown): UpstreamError | undefined {
  const first = Array.isArray(value) ? (value[0] as unknown) : value;
  if (!isObject(first)) return undefined;
  const { error } = first;
  if (typeof error === 'string') {
    // OAuth: {error: "invalid_grant", error_description}.
    return {
      status: undefined,
      code: error,
      type: undefined,
      message: wordsOf(first.error_description) ?? error,
    };
  }
  if (!isObject(error)) return undefined;
  const { code } = error;
  const status = typeof code === 'number' && code >= 400 && code <= 599 ? code : undefined;
  const type = wordsOf(error.status);
  const message = wordsOf(error.message) ?? '';
  const details = Array.isArray(error.details) ? (error.details as unknown[]).filter(isObject) : [];
  const info = details.find((detail) => isOf(detail, 'google.rpc.ErrorInfo'));
  const retryAfterMs = delayOf(details.find((detail) => isOf(detail, 'google.rpc.RetryInfo')));
  return {
    status,
    code: wordsOf(info?.reason) ?? overflow(message) ?? type,
    type,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** A prompt too long for the window is an INVALID_ARGUMENT like any other, but for its words. */
function overflow(message: string): string | undefined {
  return /^The input token count .*exceeds the maximum number of tokens allowed/i.test(message)
    ? 'context_length_exceeded'
    : undefined;
}

/** `{retryDelay: "34.07s"}`. */
function delayOf(detail: Json | undefined): number | undefined {
  const seconds = /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(wordsOf(detail?.retryDelay) ?? '')?.[1];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

const isOf = (detail: Json, name: string): boolean => wordsOf(detail['@type'])?.endsWith(`/${name}`) ?? false;
