/** The scripted vendor of Responses: the `openai` SDK takes it for the real one, and we read its streams. */
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../../dev/providers/server.ts';
import { OPENAI_CHAT_CALLER } from '../../../../sidecar/dialects/openai/formats.ts';
import { OPENAI_RESPONSES } from '../../../../sidecar/dialects/responses/dialects.ts';
import { OPENAI_RESPONSES_VENDOR } from '../../../../sidecar/dialects/responses/formats.ts';
import { crossStream } from '../support/crossing.ts';
import { readChatStream } from '../validators/openai-chat.ts';
import { readResponsesStream } from '../validators/openai-responses.ts';

const SIDE = { wire: OPENAI_RESPONSES, vendor: OPENAI_RESPONSES_VENDOR };
const tools = [
  {
    type: 'function' as const,
    name: 'add',
    strict: true,
    parameters: {
      type: 'object',
      properties: { a: { type: 'number' } },
      required: ['a'],
      additionalProperties: false,
    },
  },
];

let provider: ScriptedProvider;
let client: OpenAI;

beforeAll(async () => {
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  client = new OpenAI({ baseURL: provider.url, apiKey: 'sk-test', maxRetries: 0 });
});
afterAll(() => provider.close());
beforeEach(() => void (provider.behaviour = {}));

async function streamed(body: object): Promise<Buffer> {
  const response = await fetch(`${provider.url}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test' },
    body: JSON.stringify({ model: 'm', stream: true, ...body }),
  });
  return Buffer.from(await response.arrayBuffer());
}

function lastResponse(bytes: Buffer): Record<string, unknown> {
  const data = bytes.toString().trimEnd().split('\ndata: ').at(-1) ?? '';
  return (JSON.parse(data) as { response: Record<string, unknown> }).response;
}

describe('the scripted vendor', () => {
  it('answers, keeps what it may, and forgets what it should', async () => {
    const kept = await client.responses.create({ model: 'm', input: 'Hi' });
    expect(await client.responses.retrieve(kept.id)).toMatchObject({ id: kept.id, status: 'completed' });
    await client.responses.create({ model: 'm', input: 'And?', previous_response_id: kept.id });
    await client.responses.delete(kept.id);
    await expect(client.responses.retrieve(kept.id)).rejects.toBeInstanceOf(NotFoundError);
    const not = await client.responses.create({ model: 'm', input: 'Ho', store: false });
    await expect(client.responses.retrieve(not.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  it.each([
    ['a parameter it does not know', { input: 'x', stop: ['a'] }],
    ['a result without a call', { input: [{ type: 'function_call_output', call_id: 'c', output: '1' }] }],
    [
      'a call without a result',
      { input: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }] },
    ],
    ['too small a cap', { input: 'x', max_output_tokens: 5 }],
    [
      'input parts in the mouth of the assistant',
      { input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }] },
    ],
  ])('refuses %s', async (_, body) => {
    await expect(
      client.responses.create({ model: 'm', ...body } as OpenAI.Responses.ResponseCreateParamsNonStreaming),
    ).rejects.toBeInstanceOf(BadRequestError);
  });

  it.each([
    ['text', {}, { input: 'Hi' }],
    [
      'reasoning',
      { reasoningTokens: 5 },
      {
        input: 'Hi',
        reasoning: { effort: 'low', summary: 'auto' },
        include: ['reasoning.encrypted_content'],
      },
    ],
    ['calls', {}, { input: 'please add', tools }],
    ['calls whose arguments come at the end', { argumentsAtEnd: true }, { input: 'please add', tools }],
    ['a cap', { outputTokens: 40 }, { input: 'Hi', max_output_tokens: 20 }],
  ])('streams %s as its rules say, and we say the same in chat completions', async (_, behaviour, body) => {
    provider.behaviour = behaviour;
    const bytes = await streamed(body);
    // Arguments without deltas break the rules, which is what the switch is for.
    const response =
      'argumentsAtEnd' in behaviour ? lastResponse(bytes) : readResponsesStream(bytes).response;
    const choice = readChatStream(crossStream(OPENAI_CHAT_CALLER, SIDE, bytes)).choices[0];
    const output = response.output as {
      type: string;
      content?: { text: string }[];
      arguments?: string;
      summary?: { text: string }[];
    }[];
    const of = (type: string) => output.filter((item) => item.type === type);
    expect(choice?.content).toBe(of('message')[0]?.content?.[0]?.text);
    expect(choice?.calls.map((call) => call.arguments)).toEqual(
      of('function_call').map((item) => item.arguments),
    );
    expect(choice?.reasoning).toBe(of('reasoning')[0]?.summary?.[0]?.text ?? '');
    expect(choice?.finish).toBe(
      response.status === 'incomplete' ? 'length' : of('function_call').length > 0 ? 'tool_calls' : 'stop',
    );
  });

  it('fails inside a stream as the API does', async () => {
    provider.behaviour = { failure: { kind: 'ErrorInStream', afterEvents: 5, code: 'server_error' } };
    const bytes = await streamed({ input: 'Hi' });
    expect(() => crossStream(OPENAI_CHAT_CALLER, SIDE, bytes)).toThrow('server_error');
  });
});
