import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { UpstreamError } from '../../../sidecar/dialects/dialect.ts';
import { COMMON_FAILURES } from '../../../sidecar/providers/failure-rows.ts';
import { classify, classifyTransport, type Verdict } from '../../../sidecar/providers/failures.ts';
import { failuresPage } from '../../../sidecar/providers/generate-failures.ts';
import { providersPage } from '../../../sidecar/providers/generate-providers.ts';
import { OPENAI, OPENAI_COMPATIBLE } from '../../../sidecar/providers/openai.ts';

const error = (code: string | undefined, type: string | undefined, message = ''): UpstreamError => ({
  status: undefined,
  code,
  type,
  message,
});
const brief = (v: Verdict) => `${v.class} ${v.scope} ${v.retry}`;
const told = (status: number, e?: UpstreamError) => brief(classify(OPENAI, status, e, false));
const inside = (e: UpstreamError) => brief(classify(OPENAI_COMPATIBLE, undefined, e, true));

describe('failure table', () => {
  it.each<[string, number, UpstreamError | undefined, string]>([
    [
      'a wrong key',
      401,
      error('invalid_api_key', 'invalid_request_error'),
      'Unauthorized Credential OtherCredential',
    ],
    ['no money', 402, undefined, 'QuotaExhausted Credential OtherCredential'],
    ['a key not allowed', 403, error(undefined, 'forbidden'), 'Unauthorized Credential OtherCredential'],
    [
      'a model not open to us',
      403,
      error('model_not_found', 'invalid_request_error'),
      'ModelNotFound Model OtherTarget',
    ],
    [
      'a caller flagged by moderation',
      403,
      error('403', undefined, 'Your chosen model requires moderation and your input was flagged'),
      'ContentFilter None OtherTarget',
    ],
    ['pace', 429, error('rate_limit_exceeded', 'requests'), 'RateLimited CredentialModel Same'],
    ['pace, no body', 429, undefined, 'RateLimited CredentialModel Same'],
    [
      'quota as 429',
      429,
      error('insufficient_quota', 'insufficient_quota'),
      'QuotaExhausted Credential OtherCredential',
    ],
    [
      'quota as 429, told in words',
      429,
      error(undefined, undefined, 'You exceeded your current quota, please check'),
      'QuotaExhausted Credential OtherCredential',
    ],
    [
      'credit as 400',
      400,
      error(undefined, 'invalid_request_error', 'Your credit balance is too low to access the API.'),
      'QuotaExhausted Credential OtherCredential',
    ],
    [
      'too large for the limit',
      429,
      error(
        'rate_limit_exceeded',
        'tokens',
        'Request too large for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Requested 45000.',
      ),
      'ContextWindow None OtherTarget',
    ],
    [
      'context',
      400,
      error('context_length_exceeded', 'invalid_request_error'),
      'ContextWindow None OtherTarget',
    ],
    [
      'context in words',
      400,
      error(undefined, 'BadRequestError', "This model's maximum context length is 8192 tokens"),
      'ContextWindow None OtherTarget',
    ],
    ['content filter', 400, error('content_filter', undefined), 'ContentFilter None OtherTarget'],
    [
      'our deployment',
      404,
      error('model_not_found', 'invalid_request_error'),
      'ModelNotFound Model OtherTarget',
    ],
    [
      'our deployment in words',
      404,
      error('404', 'NotFoundError', 'The model `llama` does not exist.'),
      'ModelNotFound Model OtherTarget',
    ],
    [
      'a missing endpoint',
      404,
      error('unknown_url', 'invalid_request_error'),
      'ModelNotFound Model OtherTarget',
    ],
    ['a web server', 404, undefined, 'ModelNotFound Model OtherTarget'],
    [
      "something of the caller's",
      404,
      error('not_found', 'invalid_request_error', 'No such file: file-1'),
      'Caller None Never',
    ],
    ['overloaded', 529, error(undefined, 'overloaded_error'), 'ServerError Model Same'],
    ['a server error', 500, error(undefined, 'server_error'), 'ServerError Model Same'],
    ['a gateway', 502, undefined, 'ServerError Model Same'],
    ['unavailable', 503, undefined, 'ServerError Model Same'],
    ['a redirect', 302, undefined, 'ServerError Model OtherTarget'],
    [
      'a bad request',
      400,
      error(undefined, 'invalid_request_error', 'temperature must be a number'),
      'Caller None Never',
    ],
    ['too large', 413, undefined, 'Caller None Never'],
    ['unprocessable', 422, error(undefined, undefined, 'bad'), 'Caller None Never'],
    ['a conflict', 409, undefined, 'Caller None Never'],
  ])('judges %s', (_, status, e, expected) => {
    expect(told(status, e)).toBe(expected);
  });

  it.each<[UpstreamError, string]>([
    [error(undefined, 'overloaded_error'), 'ServerError Model Same'],
    [error(undefined, 'server_error'), 'ServerError Model Same'],
    [error('rate_limit_exceeded', undefined), 'RateLimited CredentialModel Same'],
    [error('insufficient_quota', undefined), 'QuotaExhausted Credential OtherCredential'],
    [error('502', undefined, 'Provider returned error'), 'ServerError Model Same'],
    [error('429', undefined), 'RateLimited CredentialModel Same'],
    [{ ...error(undefined, undefined), status: 401 }, 'Unauthorized Credential OtherCredential'],
    [error('context_length_exceeded', undefined), 'ContextWindow None OtherTarget'],
    [error(undefined, 'invalid_request_error'), 'Caller None Never'],
    [error(undefined, undefined, 'Network connection lost.'), 'StreamError Model Same'],
  ])('judges %j inside a 200', (e, expected) => {
    expect(inside(e)).toBe(expected);
  });

  it('judges what happens to connections', () => {
    expect(brief(classifyTransport('Connect', 'ECONNREFUSED'))).toBe('Connect Endpoint Same');
    expect(brief(classifyTransport('Reset', 'ECONNRESET'))).toBe('ServerError Model Same');
    expect(brief(classifyTransport('Broken', 'aborted'))).toBe('StreamError Model Same');
    expect(brief(classifyTransport('Timeout', 'firstToken'))).toBe('Timeout Model Same');
    expect(brief(classifyTransport('Malformed', 'json'))).toBe('ServerError Model Same');
    expect(classifyTransport('Connect', 'ENOTFOUND').code).toBe('ENOTFOUND');
  });

  it('lets no caller eject anything by words that a vendor repeats', () => {
    expect(COMMON_FAILURES.filter((row) => row.contains && row.scope !== 'None')).toEqual([]);
    const quoting = error(
      undefined,
      'invalid_request_error',
      'Invalid role: "your credit balance is too low"',
    );
    expect(told(400, quoting)).toBe('Caller None Never');
  });

  it('repeats words of the vendor as codes, and never sentences', () => {
    const code = (e: UpstreamError) => classify(OPENAI, 400, e, false).code;
    expect(code(error('invalid_value', 'invalid_request_error'))).toBe('invalid_value');
    expect(code(error(undefined, 'invalid_request_error'))).toBe('invalid_request_error');
    expect(code(error('Key sk-123 is wrong', 'also not a word'))).toBe('http_400');
    expect(code(error('x'.repeat(49), undefined))).toBe('http_400');
  });

  /** `UPDATE_GOLDEN=1 vitest run test/sidecar/providers` writes the page. */
  it('is what the reference page says', () => {
    const page = new URL('../../../docs/reference/failures.md', import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, failuresPage());
    expect(readFileSync(page, 'utf8')).toBe(failuresPage());
  });

  it('stands beside the page of the types', () => {
    const page = new URL('../../../docs/reference/providers.md', import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(page, providersPage());
    expect(readFileSync(page, 'utf8')).toBe(providersPage());
  });
});
