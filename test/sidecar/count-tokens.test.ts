import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from './support/configuration.ts';
import { callJson } from './support/http.ts';
import { startTestSidecar, type TestSidecar } from './support/sidecar.ts';

let provider: ScriptedProvider;
let sidecar: TestSidecar;
afterEach(async () => {
  await sidecar.close();
  await provider.close();
});

async function count(type: 'Anthropic' | 'OpenAICompatible') {
  provider = await startScriptedProvider();
  sidecar = await startTestSidecar([
    providerItem('main', provider.url, { type }),
    routeItem('any', ['any'], [rule([target('main', { model: 'claude-sonnet-4-5' })])]),
  ]);
  const body = { model: 'any', messages: [{ role: 'user', content: 'How many tokens may this be?' }] };
  return callJson(`${sidecar.url}/v1/messages/count_tokens`, body, { 'anthropic-version': '2023-06-01' });
}

describe('counting tokens', () => {
  it('is the work of a vendor that does it', async () => {
    const answer = await count('Anthropic');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-outrider-warnings']).toBeUndefined();
    expect(provider.requests.map(({ url }) => url)).toEqual(['/v1/messages/count_tokens']);
    expect(sidecar.rows).toMatchObject([{ operation: 'count_tokens', source: 'None', costNanoUsd: '0' }]);
  });

  it('is done by the published estimate where no target does it, and said so', async () => {
    const answer = await count('OpenAICompatible');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ input_tokens: 7 });
    expect(answer.headers['x-outrider-warnings']).toMatch(/^estimated: /);
    expect(provider.requests).toEqual([]);
    expect(sidecar.rows).toEqual([]);
    expect(sidecar.ended).toMatchObject([{ route: 'shop/any', outcome: { status: 200 } }]);
  });
});
