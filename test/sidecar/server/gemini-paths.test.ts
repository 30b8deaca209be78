/** Paths of the Gemini API: whose they are, what answers them, and where they go when a rule lets them through. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { resolvePath } from '../../../sidecar/dialects/registry.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';

describe('a path', () => {
  const google = ['X-Goog-Api-Key', 'k'];

  it.each(['/v1beta', '/gemini', '/gemini/v1', '/gemini/v1beta'])(
    'below %s is of the family, whatever the headers say',
    (base) => {
      for (const headers of [[], google, ['x-api-key', 'k']]) {
        expect(resolvePath(`${base}/files/a`, headers)).toMatchObject({
          kind: 'Raw',
          path: '/v1beta/files/a',
          family: { name: 'gemini' },
        });
      }
    },
  );

  it.each([
    ['/models', 'Models', undefined],
    ['/models/fast', 'Models', 'fast'],
    ['/models/llama3:8b', 'Models', 'llama3:8b'],
    ['/models/llama3:latest', 'Models', 'llama3:latest'],
    ['/models/fast:generateContent', 'Raw', undefined],
    ['/models/llama3:latest:streamGenerateContent', 'Raw', undefined],
    ['/models/imagen:predict', 'Raw', undefined],
    ['/models/veo:predictLongRunning', 'Raw', undefined],
    ['/models/veo/operations/1', 'Raw', undefined],
  ])('%s is one of %s', (path, kind, model) => {
    const resolution = resolvePath(`/gemini${path}`, []);
    expect(resolution).toMatchObject({ kind, path: `/v1beta${path}` });
    expect('model' in resolution ? resolution.model : undefined).toBe(model);
  });

  it('that families share is whose client calls', () => {
    expect(resolvePath('/v1/models/fast:generateContent', google)).toMatchObject({
      kind: 'Raw',
      path: '/v1beta/models/fast:generateContent',
    });
    expect(resolvePath('/v1/models', google)).toMatchObject({ kind: 'Models', family: { name: 'gemini' } });
    expect(resolvePath('/v1/models', []).family.name).toBe('openai');
    expect(resolvePath('/v1/chat/completions', google)).toMatchObject({ kind: 'Endpoint' });
    expect(resolvePath('/openai/v1/files', google).family.name).toBe('openai');
    expect(resolvePath('/nowhere', google).family.name).toBe('gemini');
  });
});

describe('requests', () => {
  let provider: ScriptedProvider;
  let sidecar: TestSidecar;
  const through = { passthrough: [{ methods: ['GET', 'POST'], pathPrefix: '/v1beta/models' }] };
  const files = { passthrough: [{ methods: ['GET', 'POST'], pathPrefix: '/v1/files' }] };
  const caches = { passthrough: [{ methods: ['POST'], pathPrefix: '/v1beta/cachedContents' }] };

  beforeAll(async () => {
    provider = await startScriptedProvider();
    const origin = new URL(provider.url).origin;
    const at = (name: string, path: string, body: Partial<ProviderBody>) =>
      providerItem(name, origin + path, body);
    sidecar = await startTestSidecar(
      [
        at('gemini', '/v1beta', { type: 'Gemini' }),
        at('vertex', '/v1', { type: 'VertexAI', parameters: { project: 'p', location: 'eu' } }),
        at('azure', '', { type: 'AzureOpenAI' }),
        at('claude', '/v1', { type: 'Anthropic' }),
        routeItem('fast', ['fast'], [rule([target('gemini', { model: 'gemini-3-flash-preview' })], through)]),
        routeItem('cached', ['cached'], [rule([target('gemini')], caches)]),
        routeItem('vertex', ['vertex'], [rule([target('vertex', { model: 'gemini-2.5-pro' })], through)]),
        routeItem('azure', ['azure'], [rule([target('azure')], files)]),
        routeItem('compatible', ['compatible'], [rule([target('gemini')], files)]),
        routeItem('claude', ['claude'], [rule([target('claude')], through)]),
        routeItem('closed', ['closed'], [rule([target('gemini')])]),
      ],
      { access: { token: 'sesame' } },
    );
  });
  afterAll(async () => {
    await sidecar.close();
    await provider.close();
  });
  beforeEach(() => {
    provider.requests.length = 0;
  });

  const headers = { 'x-goog-api-key': 'sesame' };
  const body = { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] };
  const ask = (path: string, sent: unknown = body) => callJson(sidecar.url + path, sent, headers);

  it('reach the model behind the name, with our key and without the credential in the query', async () => {
    const answer = await ask('/gemini/v1beta/models/fast:streamGenerateContent?alt=sse&key=mine');
    expect([answer.status, answer.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    expect(answer.headers['x-outrider-route']).toBe('shop/fast');
    const [seen] = provider.requests;
    expect(seen?.url).toBe('/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse');
    expect(seen?.headers['x-goog-api-key']).toBe('sk-test');
    expect(seen?.body.toString()).toBe(JSON.stringify(body));
    expect(sidecar.rows.at(-1)).toMatchObject({
      operation: 'passthrough',
      source: 'Unknown',
      route: 'shop/fast',
    });
  });

  it('find the models of Google on Vertex AI where they are there', async () => {
    const answer = await ask('/gemini/models/vertex:generateContent');
    expect(answer.status).toBe(200);
    expect(provider.requests[0]?.url).toBe(
      '/v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-pro:generateContent',
    );
  });

  it('that name the model in their body are routed by it', async () => {
    const cache = { model: 'models/cached', contents: body.contents };
    await ask('/gemini/cachedContents', cache);
    expect(provider.requests[0]?.url).toBe('/v1beta/cachedContents');
    expect(provider.requests[0]?.body.toString()).toBe(JSON.stringify(cache));
  });

  it.each([
    ['azure', '/openai/v1/files', 'api-key', 'sk-test'],
    ['compatible', '/v1beta/openai/files', 'authorization', 'Bearer sk-test'],
  ])('of another family go below what the vendor puts before it: %s', async (model, url, header, value) => {
    await callJson(`${sidecar.url}/v1/files?model=${model}`, {}, { authorization: 'Bearer sesame' });
    expect(provider.requests[0]?.url).toBe(`${url}?model=${model}`);
    expect(provider.requests[0]?.headers[header]).toBe(value);
  });

  it('are refused in the words of Google', async () => {
    const refused = async (path: string, sent = headers) => {
      const { status, text } = await callJson(sidecar.url + path, body, sent);
      const { error } = JSON.parse(text) as { error: { code: number; status: string; details: unknown[] } };
      expect(error.code).toBe(status);
      return { status: error.status, details: error.details };
    };
    const info = (reason: string) => [
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'outrider.dev' },
    ];
    expect(await refused('/gemini/models/nope:generateContent')).toEqual({
      status: 'NOT_FOUND',
      details: info('NO_ROUTE'),
    });
    expect(await refused('/gemini/models/closed:generateContent')).toEqual({
      status: 'NOT_FOUND',
      details: info('ENDPOINT_NOT_FOUND'),
    });
    expect(await refused('/gemini/models/fast')).toMatchObject({ status: 'INVALID_ARGUMENT' });
    expect(await refused('/gemini/models/claude:generateContent')).toMatchObject({ status: 'UNAVAILABLE' });
    expect(await refused('/gemini/models/fast:generateContent', { 'x-goog-api-key': 'no' })).toEqual({
      status: 'UNAUTHENTICATED',
      details: info('LISTENER_TOKEN_REQUIRED'),
    });
    expect(provider.requests).toEqual([]);
  });

  it('for the list of models are answered in its shape', async () => {
    const list = await call(`${sidecar.url}/gemini/v1beta/models?pageSize=50`, { headers });
    expect(list.json()).toEqual({
      models: ['azure', 'cached', 'claude', 'closed', 'compatible', 'fast', 'vertex'].map((id) => ({
        name: `models/${id}`,
        displayName: id,
      })),
    });
    const one = await call(`${sidecar.url}/v1beta/models/fast`, { headers });
    expect(one.json()).toEqual({ name: 'models/fast', displayName: 'fast' });
    const none = await call(`${sidecar.url}/v1beta/models/nope`, { headers });
    expect([none.status, none.text]).toEqual([404, expect.stringContaining('GET /v1beta/models lists')]);
  });

  it('say when to come again', async () => {
    const empty = await startTestSidecar(undefined);
    const { text, headers: told } = await callJson(`${empty.url}/gemini/models/fast:generateContent`, body);
    expect(JSON.parse(text)).toMatchObject({
      error: {
        code: 503,
        status: 'UNAVAILABLE',
        details: [{ reason: 'CONFIG_UNAVAILABLE' }, { retryDelay: '1s' }],
      },
    });
    expect(told['retry-after']).toBe('1');
    await empty.close();
  });
});
