import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { type Answer, call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

let provider: ScriptedProvider;
let sidecar: TestSidecar;

const FILES = { methods: ['GET', 'POST'], pathPrefix: '/v1/files' };
const SPEECH = { methods: ['POST'], pathPrefix: '/v1/audio' };

beforeAll(async () => {
  provider = await startScriptedProvider();
  const through = (passthrough: (typeof FILES)[]) => rule([target('main')], { passthrough });
  sidecar = await startTestSidecar(
    [
      providerItem('main', provider.url),
      routeItem('files', ['assistant'], [through([FILES, SPEECH])]),
      routeItem('speech', ['tts-*'], [through([SPEECH])]),
    ],
    { limits: { bodyBytes: 100_000 } },
  );
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
});

beforeEach(() => {
  provider.requests.length = 0;
  sidecar.ended.length = 0;
  sidecar.rows.length = 0;
});

const codeOf = (answer: Answer) => answer.json().error.code;

function form(
  fields: Record<string, string>,
  file: Buffer,
  fileFirst: boolean,
): { type: string; body: Buffer } {
  const part = (name: string, value: Buffer | string, more = '') =>
    Buffer.concat([
      Buffer.from(`--BBB\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n`),
      Buffer.from(value),
      Buffer.from('\r\n'),
    ]);
  const filePart = part('file', file, '; filename="a.wav"');
  const rest = Object.entries(fields).map(([name, value]) => part(name, value));
  const parts = fileFirst ? [filePart, ...rest] : [...rest, filePart];
  return {
    type: 'multipart/form-data; boundary=BBB',
    body: Buffer.concat([...parts, Buffer.from('--BBB--\r\n')]),
  };
}

describe('paths that a rule lets through', () => {
  it('go to the one route that lets them through, where no model is named', async () => {
    const answer = await call(`${sidecar.url}/v1/files?limit=5`, {
      headers: { authorization: 'Bearer mine' },
    });
    expect(answer.headers['x-outrider-route']).toBe('shop/files');
    expect(provider.requests[0]).toMatchObject({ url: '/v1/files?limit=5' });
    expect(provider.requests[0]?.headers.authorization).toBe('Bearer sk-test');
    await until(() => sidecar.rows.length === 1);
    expect(sidecar.rows[0]).toMatchObject({ operation: 'passthrough', route: 'shop/files' });
  });

  it('find their model in a JSON body, which stays as it is', async () => {
    const body = '{ "model" : "tts-1", "input":"hi", "x": 1.0 }';
    const answer = await callJson(`${sidecar.url}/v1/audio/speech`, body);
    expect(answer.headers['x-outrider-route']).toBe('shop/speech');
    expect(provider.requests[0]?.body.toString()).toBe(body);
  });

  it.each([true, false])('find their model in a form; file first: %s', async (fileFirst) => {
    const { type, body } = form({ model: 'tts-2' }, Buffer.alloc(20_000, 7), fileFirst);
    const answer = await call(`${sidecar.url}/v1/audio/transcriptions`, {
      headers: { 'content-type': type },
      body,
    });
    expect(answer.headers['x-outrider-route']).toBe('shop/speech');
    expect(provider.requests[0]?.body.equals(body)).toBe(true);
  });

  it('find their model in the query', async () => {
    const answer = await call(`${sidecar.url}/v1/audio/x?model=tts-3`, { body: 'x' });
    expect(answer.headers['x-outrider-route']).toBe('shop/speech');
  });

  it('stream bodies that are far larger than the budget', async () => {
    const { type, body } = form({ model: 'assistant' }, Buffer.alloc(3_000_000, 9), false);
    const answer = await call(`${sidecar.url}/v1/files`, { headers: { 'content-type': type }, body });
    expect(answer.status).toBe(200);
    const sha = (bytes: Buffer | undefined) =>
      createHash('sha256')
        .update(bytes ?? '')
        .digest('hex');
    expect(sha(provider.requests[0]?.body)).toBe(sha(body));
    await until(() => sidecar.memory.used === 0);
  });

  it('name the routes where several could serve them', async () => {
    const answer = await callJson(`${sidecar.url}/v1/audio/speech`, { input: 'hi' });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'model_ambiguous']);
    expect(answer.json().error.message).toContain('shop/files, shop/speech');
  });

  it.each([
    ['DELETE', '/v1/files/abc'],
    ['GET', '/v1/filesystem'],
    ['GET', '/v1/organization/api_keys'],
    ['POST', '/v1/images/generations'],
  ])('%s %s is not among them', async (method, path) => {
    const answer = await call(`${sidecar.url}${path}`, { method });
    expect([answer.status, codeOf(answer)]).toEqual([404, 'endpoint_not_found']);
    expect(provider.requests).toHaveLength(0);
  });

  it('refuses JSON that names its model twice, or is too large to be looked into', async () => {
    const twice = await callJson(`${sidecar.url}/v1/audio/speech`, '{"model":"tts-1","model":"assistant"}');
    expect([twice.status, codeOf(twice)]).toEqual([400, 'duplicate_member']);
    const large = await callJson(`${sidecar.url}/v1/audio/speech`, {
      model: 'tts-1',
      input: 'x'.repeat(100_000),
    });
    expect([large.status, codeOf(large)]).toEqual([413, 'body_too_large']);
    await until(() => sidecar.memory.used === 0);
  });
});
