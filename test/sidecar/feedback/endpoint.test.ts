import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';

const messages = [{ role: 'user' as const, content: 'Say something.' }];
const adaptive = { cost: 20, latency: 20, minSharePercent: 1, memory: 100 };

let provider: ScriptedProvider;
let sidecar: TestSidecar;
let client: OpenAI;

beforeAll(async () => {
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  const model = { name: 'scripted-large', upstreamName: 'scripted-large' };
  sidecar = await startTestSidecar(
    [
      providerItem('north', provider.url, {
        models: [{ ...model, quality: [{ task: 'code', score: 60 }] }],
        dataPolicy: { residency: ['EU'], classifications: ['internal'] },
      }),
      providerItem('south', provider.url, { models: [model], dataPolicy: { residency: ['US'] } }),
      routeItem(
        'learning',
        ['learning'],
        [
          rule([target('north', { model: 'scripted-large' }), target('south', { model: 'scripted-large' })], {
            strategy: { type: 'Adaptive', adaptive },
          }),
        ],
      ),
      routeItem(
        'private',
        ['private'],
        [
          rule([target('north', { model: 'scripted-large' }), target('south', { model: 'scripted-large' })], {
            constraints: { dataPolicy: { residency: ['EU'] } },
            onNoTarget: 'LastResort',
          }),
        ],
      ),
    ],
    {
      telemetry: (gauges) =>
        createTelemetry({ version: '0', gauges, env: {}, accessLog: false, warn: () => {} }),
    },
  );
  client = new OpenAI({ baseURL: `${sidecar.url}/v1`, apiKey: 'placeholder', maxRetries: 0 });
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
});

beforeEach(() => {
  provider.behaviour = {};
  provider.requests.length = 0;
});

async function asked(): Promise<string> {
  const { response } = await client.chat.completions.create({ model: 'learning', messages }).withResponse();
  return response.headers.get('x-outrider-request-id') ?? '';
}

const post = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  fetch(`${sidecar.url}/v1/feedback`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('POST /v1/feedback', () => {
  it('takes what the openai SDK posts for the id of an answer, and counts it', async () => {
    const id = await asked();
    const taken = await client.post('/feedback', { body: { request_id: id, score: 0.75 } });
    expect(taken).toEqual({ request_id: id, score: 0.75, task: 'default', status: 'recorded' });
    expect(provider.requests.map(({ url }) => url)).toEqual(['/v1/chat/completions']);
    const page = await (await fetch(`${sidecar.adminUrl}/metrics`)).text();
    const value = (name: string) =>
      page
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    expect(value('outrider_feedback_total')).toBe(1);
    expect(value('outrider_feedback_scores_total')).toBe(0.75);
    expect(page).toMatch(
      /outrider_feedback_total\{route="shop\/learning",rule="main",provider="shop\/(north|south)",model="scripted-large"\}/,
    );
  });

  it('tells the chance that the answer was chosen by', async () => {
    const id = await asked();
    const seen = (await (await fetch(`${sidecar.adminUrl}/requests/${id}`)).json()) as {
      drawn: { target: string; propensity: number };
      target: string;
      steps: { what: string }[];
    };
    expect(seen.drawn.target).toBe(seen.target);
    expect(seen.drawn.propensity).toBeGreaterThan(0);
    expect(seen.drawn.propensity).toBeLessThanOrEqual(1);
    expect(seen.steps.map(({ what }) => what)).toContain('Adaptive');
  });

  it.each<[string, unknown, Record<string, string> | undefined, number, string]>([
    ['an unknown request', { request_id: 'x.zz', score: 1 }, undefined, 404, 'feedback_unknown_request'],
    ['a wrong score', { request_id: 'x.zz', score: 2 }, undefined, 400, 'invalid_member'],
    ['no id', { score: 1 }, undefined, 400, 'missing_member'],
    ['no JSON', '{', undefined, 400, 'invalid_json'],
    ['another content type', '{}', { 'content-type': 'text/plain' }, 415, 'content_type_required'],
    ['too much', { request_id: 'x', comment: 'x'.repeat(20_000) }, undefined, 413, 'body_too_large'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: { code: string } }).error.code).toBe(code);
  });

  it('is nothing to get', async () => {
    const answer = await fetch(`${sidecar.url}/v1/feedback`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
  });
});

describe('a data policy on the way', () => {
  it('keeps a request from a provider outside, however ill the one inside is', async () => {
    provider.behaviour = { failure: { kind: 'Status', status: 503 } };
    for (let i = 0; i < 8; i++) {
      const answer = await fetch(`${sidecar.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'private', messages }),
      });
      expect(answer.status).toBe(503);
      await answer.arrayBuffer();
      expect(answer.headers.get('x-outrider-target') ?? 'north').toBe('north');
    }
  });
});
