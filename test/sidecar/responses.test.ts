/** OpenAI Responses through a sidecar: what is kept stays with one target, what is not goes anywhere. */
import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from './support/configuration.ts';
import { startTestSidecar, type TestSidecar } from './support/sidecar.ts';

let openai: ScriptedProvider;
let other: ScriptedProvider;
let sidecar: TestSidecar;
let client: OpenAI;

beforeAll(async () => {
  openai = await startScriptedProvider();
  other = await startScriptedProvider();
  const targets = [target('openai', { model: 'large', priority: 1 }), target('other', { model: 'small' })];
  const passthrough = [{ methods: ['GET', 'DELETE', 'POST'], pathPrefix: '/v1/responses' }];
  sidecar = await startTestSidecar([
    providerItem('openai', openai.url, { type: 'OpenAI' }),
    providerItem('other', other.url),
    routeItem('asked', ['asked'], [rule(targets, { passthrough })]),
    routeItem('elsewhere', ['elsewhere'], [rule([target('other', { model: 'small' })])]),
    routeItem('never', ['never'], [rule(targets, { responses: { store: 'Never' } })]),
    routeItem(
      'stored',
      ['stored'],
      [rule([target('openai', { model: 'large' })], { responses: { store: 'Never' } })],
    ),
  ]);
  client = new OpenAI({ baseURL: `${sidecar.url}/v1`, apiKey: 'x', maxRetries: 0 });
});
afterAll(async () => {
  await sidecar.close();
  await openai.close();
  await other.close();
});
beforeEach(() => {
  for (const provider of [openai, other]) {
    provider.behaviour = {};
    provider.requests.length = 0;
  }
});

const sent = (provider: ScriptedProvider) =>
  provider.requests.map(
    ({ url, body }) => [url, JSON.parse(body.toString() || '{}') as Record<string, unknown>] as const,
  );

describe('responses', () => {
  it('that are kept go to the stateful target, untouched, and carry on there', async () => {
    const first = await client.responses.create({ model: 'asked', input: 'Hi' });
    await client.responses.create({ model: 'asked', input: 'And?', previous_response_id: first.id });
    expect(sent(openai)).toEqual([
      ['/v1/responses', { model: 'large', input: 'Hi' }],
      ['/v1/responses', { model: 'large', input: 'And?', previous_response_id: first.id }],
    ]);
    expect(other.requests).toEqual([]);
    expect(sidecar.rows.at(-1)).toMatchObject({ usage: { output: 12 } });
  });

  it('that are not kept go where the rule sends them, whatever is spoken there', async () => {
    const answer = await client.responses.create({ model: 'asked', input: 'Hi', store: false });
    expect(sent(other)).toMatchObject([
      ['/v1/chat/completions', { model: 'small', messages: [{ role: 'user', content: 'Hi' }] }],
    ]);
    expect(answer).toMatchObject({ object: 'response', status: 'completed', store: false });
    expect(answer.output_text).not.toBe('');
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('that nobody asked to keep are not refused where nothing can be kept, those that need it are', async () => {
    const answer = await client.responses.create({ model: 'elsewhere', input: 'Hi' });
    expect(answer).toMatchObject({ status: 'completed', store: false });
    const next = client.responses.create({
      model: 'elsewhere',
      input: 'And?',
      previous_response_id: answer.id,
    });
    await expect(next).rejects.toThrow('what a vendor keeps cannot be translated');
  });

  it('stream through another dialect as the SDK wants them', async () => {
    const tools = [
      {
        type: 'function' as const,
        name: 'add',
        strict: true,
        parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
      },
    ];
    const stream = client.responses.stream({ model: 'asked', input: 'please add', store: false, tools });
    const final = await stream.finalResponse();
    expect(final.output).toMatchObject([{ type: 'function_call', name: 'add' }]);
    expect(other.requests).toHaveLength(1);
  });

  it('are kept nowhere where the rule says so', async () => {
    await client.responses.create({ model: 'never', input: 'Hi' });
    expect(sent(other)).toMatchObject([['/v1/chat/completions', { model: 'small' }]]);
    const { id } = await client.responses.create({ model: 'stored', input: 'Hi', store: true });
    expect(sent(openai)).toEqual([['/v1/responses', { model: 'large', input: 'Hi', store: false }]]);
    const found = await fetch(`${openai.url}/responses/${id}`);
    expect(found.status).toBe(404);
  });

  it('that are kept are read, cancelled and deleted where they lie', async () => {
    const { id } = await client.responses.create({ model: 'asked', input: 'Hi' });
    const path = `${sidecar.url}/v1/responses/${id}?model=asked`;
    expect(await (await fetch(path)).json()).toMatchObject({ id, status: 'completed' });
    expect(await (await fetch(path, { method: 'DELETE' })).json()).toMatchObject({ deleted: true });
    expect((await fetch(path)).status).toBe(404);
    expect(other.requests).toEqual([]);
  });

  it('that break off end with an error the SDK raises', async () => {
    other.behaviour = { failure: { kind: 'DieMidStream', afterEvents: 5 } };
    const stream = await client.responses.create({ model: 'asked', input: 'Hi', store: false, stream: true });
    const read = async () => {
      const types: string[] = [];
      for await (const event of stream) types.push(event.type);
      return types;
    };
    const ended = await read().catch((error: unknown) => error);
    const told = Array.isArray(ended) ? ended.at(-1) : ended instanceof APIError;
    expect(told === true || told === 'error').toBe(true);
  });
});
