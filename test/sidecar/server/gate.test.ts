import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../errors/table.ts';
import { hintFor } from '../../../sidecar/server/endpoint-hints.ts';
import { Gate, type GateOptions, requireJson } from '../../../sidecar/server/gate.ts';
import { isLoopback } from '../../../sidecar/server/loopback.ts';
import { multipartField } from '../../../sidecar/server/multipart.ts';
import { RequestHead } from '../../../sidecar/server/request-head.ts';
import { parseTarget } from '../../../sidecar/server/request-target.ts';
import { headerSafe } from '../../../sidecar/server/response-headers.ts';

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as OutriderError).code;
  }
}

const check = (rawHeaders: string[], options: GateOptions = {}) =>
  codeOf(() => {
    const gate = new Gate(options);
    const head = new RequestHead(rawHeaders);
    gate.check(head);
    gate.checkToken(head);
  });

const HOST = ['Host', '127.0.0.1:4000'];

describe('who may talk to the port', () => {
  it.each([
    ['127.0.0.1', undefined],
    ['127.0.0.1:4000', undefined],
    ['LOCALHOST:4000', undefined],
    ['[::1]:4000', undefined],
    ['outrider.internal:4000', undefined],
    ['evil.example', 'host_not_allowed'],
    ['127.0.0.1.evil.example', 'host_not_allowed'],
    ['localhost.', 'host_not_allowed'],
    ['', 'host_not_allowed'],
  ])('Host %s', (host, expected) => {
    expect(check(['Host', host], { hosts: ['outrider.internal'] })).toBe(expected);
  });

  it.each([
    ['no Host', [], 'host_not_allowed'],
    ['two Hosts', [...HOST, 'host', '127.0.0.1:4000'], 'host_not_allowed'],
    ['an origin', [...HOST, 'Origin', 'https://evil.example'], 'origin_not_allowed'],
    ['the null origin', [...HOST, 'Origin', 'null'], 'origin_not_allowed'],
    ['our own origin', [...HOST, 'Origin', 'http://127.0.0.1:4000'], 'origin_not_allowed'],
    [
      'a listed origin',
      [...HOST, 'Origin', 'https://console.example', 'Sec-Fetch-Site', 'cross-site'],
      undefined,
    ],
    [
      'two origins',
      [...HOST, 'Origin', 'https://console.example', 'origin', 'https://console.example'],
      'origin_not_allowed',
    ],
    ['a cross-site fetch', [...HOST, 'Sec-Fetch-Site', 'cross-site'], 'origin_not_allowed'],
    ['a same-site fetch', [...HOST, 'Sec-Fetch-Site', 'same-site'], 'origin_not_allowed'],
    ['an address typed in', [...HOST, 'Sec-Fetch-Site', 'none'], undefined],
  ])('%s', (_, headers, expected) => {
    expect(check(headers, { origins: ['https://console.example'] })).toBe(expected);
  });

  it.each([
    [['Authorization', 'Bearer secret'], undefined],
    [['authorization', 'bearer secret'], undefined],
    [['x-api-key', 'secret'], undefined],
    [['Authorization', 'Bearer wrong'], 'listener_token_required'],
    [['Authorization', 'Basic secret'], 'listener_token_required'],
    [[], 'listener_token_required'],
  ])('token in %j', (headers, expected) => {
    expect(check([...HOST, ...headers], { token: 'secret' })).toBe(expected);
  });
});

describe('content types', () => {
  it.each(['application/json', 'Application/JSON; charset=utf-8', 'application/vnd.api+json'])(
    '%s is JSON',
    (type) => {
      expect(codeOf(() => requireJson(type))).toBeUndefined();
    },
  );

  it.each([
    undefined,
    '',
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'application/json, text/plain',
  ])('%s is not', (type) => {
    expect(codeOf(() => requireJson(type))).toBe('content_type_required');
  });
});

describe('request targets', () => {
  it('splits path and query', () => {
    expect(parseTarget('/v1/models?a=b&c=%20')).toEqual({ path: '/v1/models', query: 'a=b&c=%20' });
  });

  it.each([
    'http://127.0.0.1/v1/models',
    '*',
    '/v1/../admin',
    '/v1/./models',
    '/v1/%2e%2E/admin',
    '/v1/..',
    '/v1%2fmodels',
    '/v1/a%5Cb',
    '/v1//models',
    '//evil.example/v1',
    '/v1\\models',
    '/v1/mod els',
    '/v1/models#x',
    '/v1/%zz',
    '/v1/\u00e9',
    `/${'a'.repeat(9000)}`,
  ])('%s is refused', (target) => {
    expect(codeOf(() => parseTarget(target))).toBe('bad_request_target');
  });

  it.each(['/v1/models/ft:gpt-4o:org::abc', '/v1/files/a..b', '/v1/x/...', '/v1/@a/b;c=1'])(
    '%s is taken',
    (target) => {
      expect(parseTarget(target).path).toBe(target);
    },
  );
});

describe('hints for paths that are off', () => {
  it.each([
    ['/chat/completions', '/v1/chat/completions is meant'],
    ['/v1/v1/chat/completions', '/v1/chat/completions is meant'],
    ['/v1/chat/completions/', '/v1/chat/completions is meant'],
    ['/v1/chat/completion', 'did you mean /v1/chat/completions?'],
    ['/v1/embedings', 'did you mean /v1/embeddings?'],
    ['/v1/images/generations', 'passthrough'],
    ['/', 'endpoints are'],
  ])('%s', (path, expected) => {
    expect(hintFor(path)).toContain(expected);
  });
});

describe('small things', () => {
  it('knows this machine', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].every(isLoopback)).toBe(true);
    expect(['10.0.0.1', '::2', '127.0.0.1.evil', undefined, '::ffff:10.0.0.1'].some(isLoopback)).toBe(false);
  });

  it('lets no value break out of its header', () => {
    expect(headerSafe('a\r\nset-cookie: x\u00e9')).toBe('a??set-cookie: x?');
    expect(headerSafe('x'.repeat(1000))).toHaveLength(512);
  });

  it('finds a field of a form, and only a field', () => {
    const part = (headers: string, value: string) => `--XX\r\n${headers}\r\n\r\n${value}\r\n`;
    const form = Buffer.from(
      `${part('Content-Disposition: form-data; name="file"; filename="model"', 'name="model"')}${part(
        'content-disposition: form-data; name="model"',
        'whisper-1',
      )}--XX--\r\n`,
    );
    expect(multipartField(form, 'XX', 'model')).toBe('whisper-1');
    expect(multipartField(form, 'XX', 'language')).toBeUndefined();
    expect(multipartField(form.subarray(0, form.indexOf('whisper')), 'XX', 'model')).toBeUndefined();
  });
});
