import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';

let provider: ScriptedProvider;
let sidecar: TestSidecar;

beforeAll(async () => {
  provider = await startScriptedProvider();
  sidecar = await startTestSidecar([
    providerItem('main', provider.url),
    routeItem('assistant', ['assistant'], [rule([target('main', { model: 'scripted-large' })])]),
  ]);
});
afterAll(async () => {
  await sidecar.close();
  await provider.close();
});
beforeEach(() => {
  provider.behaviour = {};
  provider.requests.length = 0;
});

const ask = (more: object = {}) => ({
  model: 'assistant',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
});
const HEADERS = { 'anthropic-version': '2026-10-21' };

describe('refusals speak the words of the Anthropic API', () => {
  const post = (path: string, body: unknown, headers: object = {}) =>
    callJson(`${sidecar.url}${path}`, body, { ...HEADERS, ...headers });

  it.each([
    ['a body that is no JSON type', { 'content-type': 'text/plain' }, ask(), 415, 'invalid_request_error'],
    ['a foreign host', { host: 'example.com' }, ask(), 421, 'invalid_request_error'],
    ['a web page', { origin: 'https://evil.example' }, ask(), 403, 'permission_error'],
    ['no cap', {}, ask({ max_tokens: undefined }), 400, 'invalid_request_error'],
    ['a model nobody serves', {}, ask({ model: 'nobody' }), 404, 'not_found_error'],
  ])('%s', async (_, headers, body, status, type) => {
    for (const path of ['/v1/messages', '/anthropic/v1/messages']) {
      const answer = await post(path, body, headers);
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.text)).toMatchObject({
        type: 'error',
        error: { type, message: expect.any(String) },
      });
    }
    expect(provider.requests).toEqual([]);
  });

  it('a method that is not POST, and a path that is none', async () => {
    const get = await call(`${sidecar.url}/v1/messages`, { method: 'GET' });
    expect(get.status).toBe(405);
    expect(JSON.parse(get.text)).toMatchObject({ type: 'error' });
    const none = await post('/v1/messages/nothing', {});
    expect(none.status).toBe(404);
    expect(JSON.parse(none.text)).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
    const twice = await post('/v1/v1/messages', ask());
    expect(twice.text).toContain('to end before /v1');
  });
});

it('lists models as its clients read them, and as those of OpenAI do', async () => {
  const client = new Anthropic({ baseURL: sidecar.url, apiKey: 'k', maxRetries: 0 });
  const listed = await client.models.list();
  expect(listed.data).toMatchObject([{ type: 'model', id: 'assistant' }]);
  expect(await client.models.retrieve('assistant')).toMatchObject({ id: 'assistant' });
  const other = await call(`${sidecar.url}/v1/models`, { headers: { authorization: 'Bearer k' } });
  expect(JSON.parse(other.text)).toMatchObject({ object: 'list' });
});
