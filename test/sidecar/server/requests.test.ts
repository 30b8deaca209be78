import { request } from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { type Answer, call, callJson, exchangeBytes, read } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

const BODY_LIMIT = 256 * 1024;
const MEMORY_LIMIT = 600 * 1024;

let provider: ScriptedProvider;
let sidecar: TestSidecar;
let chat: string;

const items = () => [
  providerItem('main', provider.url),
  routeItem('assistant', ['assistant'], [rule([target('main', { model: 'scripted-large' })])]),
];

beforeAll(async () => {
  provider = await startScriptedProvider();
  sidecar = await startTestSidecar(items(), {
    limits: { bodyBytes: BODY_LIMIT, memoryBytes: MEMORY_LIMIT },
    access: { origins: ['https://console.example'] },
  });
  chat = `${sidecar.url}/v1/chat/completions`;
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
});

beforeEach(() => {
  provider.behaviour = {};
  provider.requests.length = 0;
  sidecar.ended.length = 0;
});

const ask = (more: object = {}) => ({
  model: 'assistant',
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
});
const padded = (bytes: number) => JSON.stringify(ask({ metadata: { pad: 'x'.repeat(bytes) } }));
const comparable = ({ text }: Answer) =>
  text.replaceAll(/chatcmpl-[0-9a-f]+/g, 'chatcmpl').replaceAll(/(prompt|total)_tokens":\d+/g, '$1');
const codeOf = (answer: Answer) => answer.json().error.code;
const JSON_TYPE = { 'content-type': 'application/json' };

describe('paths and methods', () => {
  it.each(['/v1/chat/completions', '/openai/v1/chat/completions'])('POST %s is served', async (path) => {
    const answer = await callJson(`${sidecar.url}${path}`, ask());
    expect(answer.status).toBe(200);
    expect(provider.requests[0]?.url).toBe('/v1/chat/completions');
  });

  it.each([
    ['GET', '/v1/chat/completions', 405, 'method_not_allowed'],
    ['POST', '/v1/models', 405, 'method_not_allowed'],
    ['GET', '/nothing', 404, 'endpoint_not_found'],
    ['GET', '/v1/files', 404, 'endpoint_not_found'],
    ['GET', '/v1/organization/users', 404, 'endpoint_not_found'],
    ['GET', '/v1/x%2fy', 400, 'bad_request_target'],
  ])('%s %s is refused', async (method, path, status, code) => {
    const answer = await call(`${sidecar.url}${path}`, { method });
    expect(answer.status).toBe(status);
    expect(codeOf(answer)).toBe(code);
    expect(answer.headers['x-outrider-request-id']).toBeTruthy();
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  it('says which method is right', async () => {
    const answer = await call(chat, { method: 'PUT' });
    expect(answer.headers.allow).toBe('POST');
  });

  it('refuses a target that is no path', async () => {
    const received = await exchangeBytes(
      sidecar.port,
      'GET http://127.0.0.1/v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
    );
    expect(received).toContain('400 Bad Request');
    expect(received).toContain('bad_request_target');
  });

  it('refuses a foreign Host, a web page, and a body that is not declared as JSON', async () => {
    const foreign = await call(chat, { headers: { ...JSON_TYPE, host: 'evil.example' }, body: padded(1) });
    expect([foreign.status, codeOf(foreign)]).toEqual([421, 'host_not_allowed']);
    const page = await callJson(chat, ask(), { origin: 'https://evil.example' });
    expect([page.status, codeOf(page)]).toEqual([403, 'origin_not_allowed']);
    const form = await call(chat, { headers: { 'content-type': 'text/plain' }, body: padded(1) });
    expect([form.status, codeOf(form)]).toEqual([415, 'content_type_required']);
    expect(provider.requests).toHaveLength(0);
  });

  it('serves a listed web page, preflight included', async () => {
    const origin = 'https://console.example';
    const preflight = await call(chat, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-headers': 'authorization',
    });
    const answer = await callJson(chat, ask(), { origin, 'sec-fetch-site': 'cross-site' });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin]);
  });
});

describe('bodies', () => {
  it('arrive whole, however they come', async () => {
    const body = padded(100_000);
    const chunked = await new Promise<Answer>((resolve, reject) => {
      const req = request(
        chat,
        { method: 'POST', headers: JSON_TYPE },
        (res) => void read(res).then(resolve, reject),
      );
      for (let i = 0; i < body.length; i += 9000) req.write(body.slice(i, i + 9000));
      req.end();
    });
    expect(chunked.status).toBe(200);
    expect((await callJson(chat, body)).status).toBe(200);
    const sent = body.replace('"model":"assistant"', '"model":"scripted-large"');
    expect(provider.requests.map((seen) => seen.body.toString() === sent)).toEqual([true, true]);
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['identity', (body: Buffer) => body],
  ])('may be encoded as %s', async (encoding, encode) => {
    const body = encode(Buffer.from(padded(50_000)));
    const answer = await call(chat, { headers: { ...JSON_TYPE, 'content-encoding': encoding }, body });
    expect(answer.status).toBe(200);
    expect(provider.requests[0]?.body).toHaveLength(
      padded(50_000).length + 'scripted-large'.length - 'assistant'.length,
    );
    expect(provider.requests[0]?.headers).not.toHaveProperty('content-encoding');
  });

  it.each([
    ['compress', 'x', 415, 'content_encoding_unsupported'],
    ['gzip, br', 'x', 415, 'content_encoding_unsupported'],
    ['gzip', 'not gzip', 400, 'invalid_json'],
    ['gzip', gzipSync(Buffer.from(padded(5000))).subarray(0, 40), 400, 'invalid_json'],
    ['gzip', gzipSync(Buffer.alloc(BODY_LIMIT + 1, 0x20)), 413, 'body_too_large'],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000, 0x20)), 413, 'body_too_large'],
  ])('encoded as %s but wrong are refused', async (encoding, body, status, code) => {
    const answer = await call(chat, { headers: { ...JSON_TYPE, 'content-encoding': encoding }, body });
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    await until(() => sidecar.memory.used === 0);
  });

  it('that are too large are refused, before they are read where they say so', async () => {
    const declared = await callJson(chat, padded(BODY_LIMIT));
    expect([declared.status, codeOf(declared)]).toEqual([413, 'body_too_large']);
    const chunked = await call(chat, {
      headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' },
      body: padded(BODY_LIMIT),
    });
    expect([chunked.status, codeOf(chunked)]).toEqual([413, 'body_too_large']);
    // The connection is good for the next request.
    expect((await callJson(chat, ask())).status).toBe(200);
    expect(sidecar.memory.used).toBe(0);
  });

  it('are taken to their end before a connection is closed on them, so that the answer arrives', async () => {
    const length = 5_000_000;
    const socket = connect(Number(new URL(chat).port), '127.0.0.1');
    let heard = '';
    socket.on('data', (bytes) => (heard += bytes.toString()));
    const over = Promise.withResolvers<void>();
    socket.on('error', over.reject);
    socket.on('close', () => over.resolve());
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
    );
    await until(() => heard.includes('body_too_large'), 'refused');
    socket.write(Buffer.alloc(length / 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(Buffer.alloc(length / 2));
    await over.promise;
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
    expect(socket.bytesWritten).toBeGreaterThan(length);
  });

  it.each([
    ['{"model":"assistant","messages":[]', 'invalid_json'],
    ['', 'invalid_json'],
    ['{"model":"assistant","model":"x","messages":[]}', 'duplicate_member'],
    ['{"model":"nope","messages":[]}', 'no_route'],
  ])('%j is answered with a clear error', async (body, code) => {
    const answer = await callJson(chat, body);
    expect(codeOf(answer)).toBe(code);
    expect(provider.requests).toHaveLength(0);
  });

  it('are asked for only when there is room for them', async () => {
    let continued = 0;
    const send = (length: number) =>
      new Promise<Answer>((resolve, reject) => {
        const headers = { ...JSON_TYPE, 'content-length': String(length), expect: '100-continue' };
        const req = request(chat, { method: 'POST', headers }, (res) => void read(res).then(resolve, reject));
        req.on('continue', () => {
          continued++;
          req.end(padded(0).padEnd(length));
        });
        req.on('error', reject);
        req.flushHeaders();
      });
    expect((await send(500)).status).toBe(200);
    expect(continued).toBe(1);
    expect((await send(BODY_LIMIT + 1)).status).toBe(413);
    expect(continued).toBe(1);
  });
});

describe('the memory budget', () => {
  it('refuses what does not fit before reading it, and is whole again afterwards', async () => {
    provider.behaviour = { latencyMs: 150 };
    const answers = await Promise.all(Array.from({ length: 6 }, () => callJson(chat, padded(200 * 1024))));
    const refused = answers.filter((answer) => answer.status === 503);
    expect(answers.filter((answer) => answer.status === 200).length).toBeGreaterThanOrEqual(2);
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(refused[0]?.headers).toMatchObject({
      'retry-after': '1',
      'retry-after-ms': '1000',
      'x-should-retry': 'true',
    });
    expect(codeOf(refused[0] as Answer)).toBe('memory_full');
    await until(() => sidecar.memory.used === 0);
    expect((await callJson(chat, padded(200 * 1024))).status).toBe(200);
  });

  it('is whole again when callers leave, wherever they do', async () => {
    provider.behaviour = { latencyMs: 10_000 };
    const body = padded(100_000);
    const leave = (sent: string, headers: Record<string, string>) =>
      new Promise<void>((resolve) => {
        const req = request(chat, { method: 'POST', headers: { ...JSON_TYPE, ...headers } });
        req.on('error', () => resolve());
        req.write(sent, () => setTimeout(() => req.destroy(new Error('leaving')), 20));
      });
    await Promise.all([
      // While sending, of known and of unknown length; while it is decoded; while the provider thinks.
      leave(body.slice(0, 50_000), { 'content-length': String(body.length) }),
      leave(body.slice(0, 50_000), { 'transfer-encoding': 'chunked' }),
      leave('x', { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' }),
      leave(body, { 'content-length': String(body.length) }),
    ]);
    await until(() => sidecar.ended.length === 4 && sidecar.memory.used === 0);
    expect(sidecar.ended.map(({ outcome }) => [outcome.status, outcome.cancelled])).toEqual(
      Array.from({ length: 4 }, () => [499, true]),
    );
    expect(provider.requests).toHaveLength(1);
  });

  it('lets go of a request body once its stream has begun', async () => {
    provider.behaviour = { tokensPerSecond: 20, outputTokens: 1000 };
    const body = JSON.stringify(ask({ stream: true, metadata: { pad: 'x'.repeat(200_000) } }));
    const req = request(chat, { method: 'POST', headers: JSON_TYPE });
    req.end(body);
    const first = await new Promise<Buffer>((resolve, reject) => {
      req.on('error', reject);
      req.on('response', (res) => res.once('data', resolve));
    });
    expect(first.toString()).toContain('data: ');
    expect(sidecar.memory.used).toBeLessThan(10_000);
    req.destroy();
    await until(() => sidecar.ended.length === 1);
  });
});

describe('how a request ends', () => {
  it('is recorded once for every request, ours and theirs', async () => {
    await callJson(chat, ask());
    await callJson(chat, ask({ n: 'x' }));
    await call(`${sidecar.url}/v1/models`);
    await call(`${sidecar.url}/nope`);
    provider.behaviour = { failure: { kind: 'Status', status: 400 } };
    await callJson(chat, ask());
    await until(() => sidecar.ended.length === 5);
    expect(sidecar.ended.map(({ outcome }) => [outcome.status, outcome.errorCode ?? ''])).toEqual([
      [200, ''],
      [400, 'invalid_member'],
      [200, ''],
      [404, 'endpoint_not_found'],
      [400, ''],
    ]);
    expect(new Set(sidecar.ended.map((one) => one.id)).size).toBe(5);
    expect(
      sidecar.ended.every((one) => one.attempts.every((attempt) => attempt.settlement !== undefined)),
    ).toBe(true);
    expect(sidecar.warnings).toEqual([]);
  });

  it('keeps the bytes of a stream as the provider sends them', async () => {
    const plain = { ...ask({ stream: true }), model: 'scripted-large' };
    // The scripted provider makes its ids and counts from the bytes of the request.
    const fromProvider = async () => comparable(await callJson(`${provider.url}/chat/completions`, plain));
    const unasked = await fromProvider();
    for (const streamUsage of ['OnRequest', 'FinishChunk', 'Always', 'Never'] as const) {
      provider.behaviour = { streamUsage };
      const expected = await fromProvider();
      const answer = await callJson(chat, ask({ stream: true }));
      // A provider that sends usage on its own account is passed on as it is; what we asked for is taken out again.
      expect(comparable(answer)).toBe(streamUsage === 'Always' ? unasked : expected);
    }
  });
});
