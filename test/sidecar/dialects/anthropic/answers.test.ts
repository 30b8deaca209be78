import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../../errors/table.ts';
import {
  ANTHROPIC_COUNT_TOKENS,
  ANTHROPIC_MESSAGES,
  renderTokenCount,
} from '../../../../sidecar/dialects/anthropic/dialects.ts';
import { ANTHROPIC_FAMILY } from '../../../../sidecar/dialects/anthropic/family.ts';
import { renderUpstreamError } from '../../../../sidecar/dialects/anthropic/render-error.ts';
import { readUsage } from '../../../../sidecar/dialects/anthropic/usage.ts';
import { caller, endpointAt, resolvePath } from '../../../../sidecar/dialects/registry.ts';

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const parse = (body: Buffer) => JSON.parse(body.toString()) as unknown;
const read = (value: unknown) => ANTHROPIC_MESSAGES.readComplete(bytes(value));

describe('whole answers', () => {
  it('tell model, id, stop reason, usage and what was delivered', () => {
    const usage = { input_tokens: 3, output_tokens: 5 };
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'seal' },
      { type: 'text', text: 'Hi' },
      { type: 'tool_use', id: 't', name: 'f', input: { q: 'rain' } },
    ];
    expect(
      read({ id: 'msg_1', type: 'message', model: 'm', content, stop_reason: 'tool_use', usage }),
    ).toEqual({
      error: undefined,
      usage,
      model: 'm',
      responseId: 'msg_1',
      finishReasons: ['tool_use'],
      outputBytes: 'hmHifrain'.length,
    });
  });

  it('may be empty', () => {
    expect(read({ type: 'message', content: [], stop_reason: 'end_turn' }).error).toBeUndefined();
  });

  it.each([
    [
      'an error',
      { type: 'error', error: { type: 'overloaded_error', message: 'x' } },
      'overloaded_error',
      undefined,
    ],
    ['no JSON', '<html>', undefined, 'invalid_body'],
    ['another thing', { object: 'list' }, undefined, 'invalid_body'],
  ])('%s is a failure', (_, body, type, code) => {
    expect(read(body).error).toMatchObject({ type, code });
  });

  it('a count is no usage', () => {
    const reading = ANTHROPIC_COUNT_TOKENS.readComplete(bytes({ input_tokens: 14 }));
    expect(reading).toMatchObject({ error: undefined, usage: undefined });
    expect(ANTHROPIC_COUNT_TOKENS.readUsage({ input_tokens: 14 })).toMatchObject({ input: 0, output: 0 });
    expect(parse(renderTokenCount(14))).toEqual({ input_tokens: 14 });
  });
});

describe('usage', () => {
  it('input excludes the cache, output includes thinking', () => {
    const raw = {
      input_tokens: 3,
      cache_creation_input_tokens: 12304,
      cache_read_input_tokens: 7,
      output_tokens: 550,
      output_tokens_details: { thinking_tokens: 500 },
    };
    expect(readUsage(raw)).toEqual({
      input: 3,
      cacheRead: 7,
      cacheWrite5m: 12304,
      audioInput: 0,
      output: 50,
      reasoning: 500,
      audioOutput: 0,
    });
  });

  it('of vendors that count the cache as input too', () => {
    const raw = { input_tokens: 173306, cache_read_input_tokens: 173056, output_tokens: 9 };
    expect(readUsage(raw, { inputIncludesCache: true })).toMatchObject({
      input: 250,
      cacheRead: 173056,
      output: 9,
    });
    expect(readUsage(raw)).toMatchObject({ input: 173306, cacheRead: 173056 });
  });

  it('is never more thinking than output, nor less than nothing', () => {
    const raw = { input_tokens: -5, output_tokens: 3, output_tokens_details: { thinking_tokens: 9 } };
    expect(readUsage(raw)).toMatchObject({ input: 0, output: 0, reasoning: 3 });
    expect(readUsage({ service_tier: 'standard' })).toBeUndefined();
    expect(readUsage([])).toBeUndefined();
  });
});

describe('errors', () => {
  it.each([
    [
      { type: 'error', error: { type: 'invalid_request_error', message: 'm' }, request_id: 'r' },
      400,
      'invalid_request_error',
    ],
    [{ message: 'Too many requests' }, undefined, undefined],
    [{ __type: 'com.amazon#ThrottlingException', message: 'slow' }, undefined, 'ThrottlingException'],
    [[{ error: { code: 429, message: 'quota', status: 'RESOURCE_EXHAUSTED' } }], 429, 'RESOURCE_EXHAUSTED'],
  ])('%j', (body, status, type) => {
    expect(ANTHROPIC_MESSAGES.readError(bytes(body))).toMatchObject({ status, type });
  });

  it('a page of a web server is none', () => {
    expect(ANTHROPIC_MESSAGES.readError(bytes('<html>'))).toBeUndefined();
    expect(ANTHROPIC_MESSAGES.readError(bytes({}))).toBeUndefined();
    expect(ANTHROPIC_MESSAGES.readError(Buffer.alloc(0))).toBeUndefined();
  });

  it.each([
    [
      new OutriderError('missing_member', { member: 'max_tokens', expected: 'x' }),
      400,
      'invalid_request_error',
    ],
    [new OutriderError('listener_token_required'), 401, 'authentication_error'],
    [new OutriderError('origin_not_allowed', { origin: 'x' }), 403, 'permission_error'],
    [new OutriderError('endpoint_not_found', { method: 'GET', path: '/', hint: '' }), 404, 'not_found_error'],
    [new OutriderError('body_too_large', { limit: 1 }), 413, 'request_too_large'],
    [new OutriderError('content_type_required', { contentType: '' }), 415, 'invalid_request_error'],
    [new OutriderError('internal_error', { id: 'abc' }), 500, 'api_error'],
    [new OutriderError('draining', {}, 1000), 503, 'overloaded_error'],
    [new OutriderError('request_timeout', { timeout: '1s' }), 504, 'timeout_error'],
  ])('our own: %s', (error, status, type) => {
    const rendered = ANTHROPIC_MESSAGES.renderError(error);
    expect(rendered.status).toBe(status);
    expect(parse(rendered.body)).toMatchObject({ type: 'error', error: { type, message: error.message } });
    expect(Object.fromEntries(rendered.headers)).toMatchObject({ 'content-type': 'application/json' });
    const event = ANTHROPIC_MESSAGES.renderStreamError(error).toString();
    expect(event).toMatch(/^event: error\ndata: \{.*\}\n\n$/);
  });

  it('of vendors with another dialect', () => {
    const error = {
      status: undefined,
      code: 'context_length_exceeded',
      type: 'invalid_request_error',
      message: 'long',
    };
    expect(parse(renderUpstreamError(error, 400))).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'long' },
    });
    const limit = { ...error, type: 'tokens' };
    expect(parse(renderUpstreamError(limit, 429))).toMatchObject({ error: { type: 'rate_limit_error' } });
    expect(parse(renderUpstreamError(limit, 503))).toMatchObject({ error: { type: 'overloaded_error' } });
  });
});

describe('paths', () => {
  const claude = ['Anthropic-Version', '2023-06-01'];

  it.each(['/v1/messages', '/messages', '/anthropic/v1/messages', '/anthropic/messages'])(
    '%s is an endpoint whatever the headers say',
    (path) => {
      expect(endpointAt(path)).toMatchObject({ kind: 'Endpoint', path: '/v1/messages' });
      expect(resolvePath(path, [])).toMatchObject({ endpoint: { dialect: { name: 'anthropic-messages' } } });
    },
  );

  it('counting is an endpoint of its own', () => {
    expect(endpointAt('/v1/messages/count_tokens')).toMatchObject({
      endpoint: { dialect: { name: 'anthropic-count-tokens' } },
    });
  });

  it('shared paths go by the headers', () => {
    expect(resolvePath('/v1/models', claude).family.name).toBe('anthropic');
    expect(resolvePath('/v1/models', ['X-Api-Key', 'k']).family.name).toBe('anthropic');
    expect(resolvePath('/v1/models', ['authorization', 'Bearer k']).family.name).toBe('openai');
    expect(resolvePath('/v1/files', claude)).toMatchObject({ kind: 'Raw', path: '/v1/files' });
    expect(resolvePath('/anthropic/v1/files', [])).toMatchObject({
      family: { name: 'anthropic' },
      path: '/v1/files',
    });
    expect(resolvePath('/anthropic/files', []).kind).toBe('Unknown');
    expect(resolvePath('/files', claude).kind).toBe('Unknown');
    expect(caller([]).name).toBe('openai');
  });

  it('lists models as the API does', () => {
    const models = [
      { id: 'a', owner: 'x/y' },
      { id: 'b', owner: 'x/y' },
    ];
    expect(parse(ANTHROPIC_FAMILY.renderModels(models))).toEqual({
      data: [
        { type: 'model', id: 'a', display_name: 'a', created_at: '1970-01-01T00:00:00Z' },
        { type: 'model', id: 'b', display_name: 'b', created_at: '1970-01-01T00:00:00Z' },
      ],
      has_more: false,
      first_id: 'a',
      last_id: 'b',
    });
    expect(parse(ANTHROPIC_FAMILY.renderModels([]))).toMatchObject({
      data: [],
      first_id: null,
      last_id: null,
    });
  });
});
