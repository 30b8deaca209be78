/** The `openai` SDK reads what is written for callers of both dialects: every answer here was another vendor's. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askedOf } from '../../../../sidecar/dialects/canonical/asked.ts';
import type { Block } from '../../../../sidecar/dialects/canonical/request.ts';
import type {
  ChatEvent,
  ChatResponse,
  Finish,
  OpenBlock,
} from '../../../../sidecar/dialects/canonical/response.ts';
import type { CallerFormat } from '../../../../sidecar/dialects/chat-format.ts';
import { textOfSaid } from '../../../../sidecar/dialects/json/said.ts';
import { OPENAI_CHAT_CALLER } from '../../../../sidecar/dialects/openai/formats.ts';
import { OPENAI_RESPONSES_CALLER } from '../../../../sidecar/dialects/responses/formats.ts';
import { answerContext, bodyOf, responseOf, streamOf } from '../support/caller.ts';
import { readChatStream } from '../validators/openai-chat.ts';
import { readResponsesStream } from '../validators/openai-responses.ts';

const USAGE = { input: 6, cacheRead: 4, audioInput: 0, output: 4, reasoning: 3, audioOutput: 0 };
const text = (value: string): Block => ({ type: 'Text', text: value });
const call = (id: string, args: string): Block => ({ type: 'ToolCall', id, name: 'add', arguments: args });
const thinking: Block = { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'sig' } };
const DONE: Finish = { reason: 'Stop', raw: 'end_turn' };
const TOOLS: Finish = { reason: 'ToolCalls', raw: 'tool_use' };

let server: Server;
let client: OpenAI;
/** Answers in order, and the bodies they were asked with. */
const answers: ChatResponse[] = [];
const asked: Record<string, unknown>[] = [];

const answer = (blocks: Block[], finish = DONE): void =>
  void answers.push(responseOf({ blocks, finish }, { usage: USAGE }));

/** The events of a stream that says the same, in small pieces. */
function eventsOf({ id, model, choices, usage }: ChatResponse): ChatEvent[] {
  const events: ChatEvent[] = [{ type: 'Start', id, model, usage: undefined, rawUsage: undefined }];
  for (const [block, value] of (choices[0]?.blocks ?? []).entries()) {
    const at = { choice: 0, block };
    const whole = value.type === 'ToolCall' ? value.arguments : 'text' in value ? textOfSaid(value.text) : '';
    const open = (
      value.type === 'ToolCall' ? { type: value.type, id: value.id, name: value.name } : { type: value.type }
    ) as OpenBlock;
    events.push({ type: 'BlockStart', ...at, open });
    for (const piece of whole.match(/[\s\S]{1,3}/g) ?? []) events.push({ type: 'Delta', ...at, text: piece });
    if (value.type === 'Thinking' && value.signature)
      events.push({ type: 'Signature', ...at, signature: value.signature });
    events.push({ type: 'BlockStop', ...at });
  }
  events.push({ type: 'Finish', choice: 0, finish: choices[0]?.finish ?? DONE });
  if (usage) events.push({ type: 'Usage', usage, rawUsage: {}, serviceTier: undefined });
  return [...events, { type: 'End' }];
}

function respond(caller: CallerFormat, body: Buffer): { type: string; bytes: Buffer } {
  const request = askedOf(caller.readChat(body));
  const response = answers.shift();
  if (!response) throw new Error('nobody said what to answer');
  const context = { ...answerContext(), request };
  if (!request.stream) {
    return {
      type: 'application/json',
      bytes: Buffer.from(JSON.stringify(bodyOf(caller, response, context))),
    };
  }
  const bytes = streamOf(caller, eventsOf(response), context);
  if (caller === OPENAI_CHAT_CALLER) readChatStream(bytes, request.includeUsage);
  else readResponsesStream(bytes);
  return { type: 'text/event-stream', bytes };
}

beforeAll(async () => {
  server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      asked.push(JSON.parse(body.toString()) as Record<string, unknown>);
      const caller = req.url === '/v1/responses' ? OPENAI_RESPONSES_CALLER : OPENAI_CHAT_CALLER;
      const { type, bytes } = respond(caller, body);
      res.writeHead(200, { 'content-type': type }).end(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'x', maxRetries: 0 });
});

afterAll(() => void server.close());

const messages = [{ role: 'user' as const, content: 'What is 1 + 2?' }];
const parameters = {
  type: 'object',
  properties: { a: { type: 'number' }, b: { type: 'number' } },
  required: ['a', 'b'],
  additionalProperties: false,
};
const tool = {
  type: 'function' as const,
  function: {
    name: 'add',
    description: 'Adds',
    parameters,
    parse: (args: string) => JSON.parse(args) as { a: number; b: number },
    function: ({ a, b }: { a: number; b: number }) => String(a + b),
  },
};
const format = {
  type: 'json_schema' as const,
  json_schema: {
    name: 'sum',
    strict: true,
    schema: {
      type: 'object',
      properties: { sum: { type: 'number' } },
      required: ['sum'],
      additionalProperties: false,
    },
  },
};

describe('chat completions', () => {
  it('are read whole and streamed', async () => {
    answer([thinking, text('3 is it')]);
    const whole = await client.chat.completions.create({ model: 'm', messages });
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: '3 is it', reasoning_content: 'hm' },
    });
    expect(whole.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 });

    answer([thinking, text('3 is it')]);
    const stream = client.chat.completions.stream({
      model: 'm',
      messages,
      stream_options: { include_usage: true },
    });
    let content = '';
    stream.on('content', (delta) => void (content += delta));
    const final = await stream.finalChatCompletion();
    expect(content).toBe('3 is it');
    expect(final.usage?.total_tokens).toBe(17);
    expect(final.choices[0]?.message).toMatchObject({
      content: '3 is it',
      extra_content: { anthropic: { thinking_blocks: [{ thinking: 'hm', signature: 'sig' }] } },
    });
  });

  it.each([false, true])('run tools, streamed: %s', async (stream) => {
    answer([text('Let me see.'), call('call_1', '{"a":1,"b":2}'), call('call_2', '{"a":3,"b":4}')], TOOLS);
    answer([text('3 and 7')]);
    const params = { model: 'm', messages, tools: [tool] };
    const runner = stream
      ? client.chat.completions.runTools({ ...params, stream: true })
      : client.chat.completions.runTools(params);
    expect(await runner.finalContent()).toBe('3 and 7');
    expect((asked.at(-1) as { messages: object[] }).messages.slice(1)).toMatchObject([
      { role: 'assistant', content: 'Let me see.', tool_calls: [{ id: 'call_1' }, { id: 'call_2' }] },
      { role: 'tool', tool_call_id: 'call_1', content: '3' },
      { role: 'tool', tool_call_id: 'call_2', content: '7' },
    ]);
  });

  it('are parsed', async () => {
    answer([text('{"sum":3}')]);
    const parsed = await client.chat.completions.parse({ model: 'm', messages, response_format: format });
    expect(parsed.choices[0]?.message.content).toBe('{"sum":3}');
    answer([text('{"sum"')], { reason: 'Length', raw: 'max_tokens' });
    const cut = client.chat.completions.stream({ model: 'm', messages, response_format: format });
    const ended = await cut.finalChatCompletion().then(
      (completion) => completion.choices[0]?.finish_reason,
      (error: Error) => error.constructor.name,
    );
    expect(['length', 'LengthFinishReasonError']).toContain(ended);
  });
});

describe('responses', () => {
  const input = 'What is 1 + 2?';

  it('are read whole and streamed', async () => {
    answer([thinking, text('3 is it')]);
    const whole = await client.responses.create({ model: 'm', input });
    expect(whole).toMatchObject({
      status: 'completed',
      output_text: '3 is it',
      usage: { input_tokens: 10, output_tokens: 7 },
    });

    answer([thinking, text('3 is it'), call('call_1', '{"a":1,"b":2}')], TOOLS);
    const stream = client.responses.stream({ model: 'm', input });
    let delta = '';
    stream.on('response.output_text.delta', (event) => void (delta += event.delta));
    const final = await stream.finalResponse();
    expect(delta).toBe('3 is it');
    expect(final.output).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'hm' }], encrypted_content: 'outrider:anthropic:sig' },
      { type: 'message', content: [{ text: '3 is it' }] },
      { type: 'function_call', call_id: 'call_1', arguments: '{"a":1,"b":2}' },
    ]);
  });

  it('carry on with what they gave', async () => {
    answer([thinking, call('call_1', '')], TOOLS);
    const turn = await client.responses.create({ model: 'm', input, store: false });
    answer([text('3')]);
    const items = [...turn.output, { type: 'function_call_output' as const, call_id: 'call_1', output: '3' }];
    await client.responses.create({
      model: 'm',
      input: [{ role: 'user', content: input }, ...items] as OpenAI.Responses.ResponseInput,
      store: false,
    });
    const { turns } = OPENAI_RESPONSES_CALLER.readChat(Buffer.from(JSON.stringify(asked.at(-1))));
    expect(turns).toMatchObject([
      { role: 'user' },
      { role: 'assistant', blocks: [thinking, { type: 'ToolCall', id: 'call_1', arguments: '{}' }] },
      { role: 'user', blocks: [{ type: 'ToolResult', callId: 'call_1', name: 'add' }] },
    ]);
  });

  it('are parsed', async () => {
    answer([text('{"sum":3}')]);
    const parsed = await client.responses.parse({
      model: 'm',
      input,
      text: { format: { type: 'json_schema', name: 'sum', strict: true, schema: format.json_schema.schema } },
    });
    expect(parsed.output_text).toBe('{"sum":3}');
    answer([call('call_1', '{"a":1,"b":2}')], TOOLS);
    const called = await client.responses.parse({
      model: 'm',
      input,
      tools: [{ type: 'function', name: 'add', strict: true, parameters }],
    });
    expect(called.output[0]).toMatchObject({ type: 'function_call', parsed_arguments: { a: 1, b: 2 } });
  });

  it('that are cut off say so', async () => {
    answer([text('3 i')], { reason: 'Length', raw: 'max_tokens' });
    const stream = client.responses.stream({ model: 'm', input });
    expect(await stream.finalResponse()).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output_text: '3 i',
    });
  });
});
