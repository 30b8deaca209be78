import { describe, expect, it } from 'vitest';
import { checkCohereRequest } from '../../../../dev/providers/cohere-check.ts';
import type { Block, ChatRequest, Tool } from '../../../../sidecar/dialects/canonical/request.ts';
import { COHERE_CHAT_VENDOR } from '../../../../sidecar/dialects/cohere/formats.ts';
import { type Asking, assistant, obstacleOf, user, write as writeFor } from '../support/vendor.ts';

const MODEL = 'command-a-reasoning-08-2025';

function write(request: Partial<ChatRequest>, model = MODEL, more: Partial<Asking> = {}) {
  expect(obstacleOf(COHERE_CHAT_VENDOR, request, { model, ...more })).toBeUndefined();
  const written = writeFor(COHERE_CHAT_VENDOR, request, { model, ...more });
  expect(checkCohereRequest(written.body)).toBeUndefined();
  return written;
}

const tool = (more: Partial<Tool> = {}): Tool => ({
  type: 'Function',
  name: 'search',
  description: 'Finds things',
  schema: '{"type":"object","properties":{"q":{"minimum":1.50}},"required":["q"]}',
  strict: undefined,
  ...more,
});
const call = (id: string, args = '{}', more: object = {}): Block => ({
  type: 'ToolCall',
  id,
  name: 'search',
  arguments: args,
  ...more,
});
const result = (callId: string, text: string, isError = false): Block => ({
  type: 'ToolResult',
  callId,
  name: 'search',
  blocks: [{ type: 'Text', text }],
  isError,
});

describe('messages', () => {
  it('keep their order; text before calls is a plan, results are messages of their own', () => {
    const { body, losses } = write({
      turns: [
        { role: 'system', blocks: [{ type: 'Text', text: 'Be brief.' }] },
        user('x'),
        {
          role: 'assistant',
          blocks: [
            { type: 'Thinking', text: 'hm' },
            { type: 'Text', text: 'I will look.' },
            call('a', '{"n":12345678901234567890,"f":1.0}'),
            call('b', ''),
          ],
        },
        {
          role: 'user',
          blocks: [result('a', 'one'), result('b', 'two', true), { type: 'Text', text: 'and?' }],
        },
        assistant('ok'),
        { role: 'system', blocks: [{ type: 'Text', text: 'Be long.' }] },
        user('y'),
      ],
    });
    expect(body.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        tool_plan: 'I will look.',
        content: [{ type: 'thinking', thinking: 'hm' }],
        tool_calls: [
          {
            id: 'a',
            type: 'function',
            function: { name: 'search', arguments: '{"n":12345678901234567890,"f":1.0}' },
          },
          { id: 'b', type: 'function', function: { name: 'search', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'one' },
      { role: 'tool', tool_call_id: 'b', content: 'Error: two' },
      { role: 'user', content: 'and?' },
      { role: 'assistant', content: 'ok' },
      { role: 'system', content: 'Be long.' },
      { role: 'user', content: 'y' },
    ]);
    expect(losses).toMatchObject([{ parameter: 'messages[].content[].is_error', how: 'Changed' }]);
  });

  it('carry images as URLs', () => {
    const { body } = write(
      {
        turns: [
          {
            role: 'user',
            blocks: [
              { type: 'Text', text: 'see' },
              {
                type: 'Image',
                detail: 'low',
                source: { kind: 'Base64', mediaType: 'image/png', data: 'AA==' },
              },
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/a.png' } },
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/b' } },
              { type: 'File', source: { kind: 'Text', mediaType: 'text/plain', text: 'plain' } },
            ],
          },
        ],
      },
      MODEL,
      { media: { 'https://x.test/b': { mediaType: 'image/gif', data: 'BB==' } } },
    );
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'see' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://x.test/a.png' } },
          { type: 'image_url', image_url: { url: 'data:image/gif;base64,BB==' } },
          { type: 'text', text: 'plain' },
        ],
      },
    ]);
  });

  it('let go of signed thinking, which is of others', () => {
    const { body, losses } = write({
      turns: [
        user('x'),
        {
          role: 'assistant',
          blocks: [{ type: 'Thinking', text: 'hm', signature: { vendor: 'google', value: 's' } }],
        },
        user('y'),
      ],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: 'x' },
      { role: 'user', content: 'y' },
    ]);
    expect(losses).toMatchObject([{ parameter: 'messages[].thinking' }]);
  });
});

describe('what is asked of the answer', () => {
  it('finds a place for every setting', () => {
    const { body, losses } = write({
      turns: [user('x')],
      maxOutputTokens: 100,
      temperature: 0.2,
      topP: 0.9,
      topK: 40,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      seed: 7,
      stop: ['END'],
      logprobs: { top: 0 },
      output: {
        type: 'JSONSchema',
        name: 'n',
        description: undefined,
        schema: '{"type":"object"}',
        strict: true,
      },
      reasoning: { mode: 'On', effort: undefined, budgetTokens: 2000, show: undefined },
      stream: true,
    });
    expect(body).toEqual({
      model: MODEL,
      messages: [{ role: 'user', content: 'x' }],
      response_format: { type: 'json_object', json_schema: { type: 'object' } },
      max_tokens: 100,
      temperature: 0.2,
      p: 0.9,
      k: 40,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      seed: 7,
      stop_sequences: ['END'],
      logprobs: true,
      thinking: { type: 'enabled', token_budget: 2000 },
      stream: true,
    });
    expect(losses).toEqual([]);
  });

  it('names what it cannot keep', () => {
    const { losses } = write({
      turns: [user('x')],
      topP: 1,
      topK: 900,
      presencePenalty: -1,
      frequencyPenalty: 2,
      choices: 3,
      user: 'u',
      metadata: '{}',
      logitBias: '{}',
      serviceTier: 'flex',
      parallelToolCalls: false,
      logprobs: { top: 2 },
      stop: ['1', '2', '3', '4', '5', '6'],
      reasoning: { mode: 'On', effort: 'low', budgetTokens: undefined, show: undefined },
    });
    expect(losses.map(({ parameter }) => parameter).sort()).toEqual(
      [
        'top_p',
        'top_k',
        'presence_penalty',
        'frequency_penalty',
        'n',
        'user',
        'metadata',
        'logit_bias',
        'service_tier',
        'parallel_tool_calls',
        'top_logprobs',
        'stop',
        'reasoning_effort',
      ].sort(),
    );
  });

  it('asks for thinking where the model thinks', () => {
    const of = (model: string, mode: 'On' | 'Off') =>
      write(
        {
          turns: [user('x')],
          reasoning: { mode, effort: undefined, budgetTokens: undefined, show: undefined },
        },
        model,
      ).body.thinking;
    expect(of(MODEL, 'Off')).toEqual({ type: 'disabled' });
    expect(of(MODEL, 'On')).toEqual({ type: 'enabled' });
    expect(of('command-r-08-2024', 'On')).toBeUndefined();
  });

  it.each([
    [{ type: 'Auto' }, undefined, 2],
    [{ type: 'None' }, 'NONE', 2],
    [{ type: 'Required' }, 'REQUIRED', 2],
    [{ type: 'Tool', name: 'search' }, 'REQUIRED', 1],
  ] as const)('tool choice %j', (toolChoice, expected, offered) => {
    const { body, text } = write({
      turns: [user('x')],
      tools: [tool(), tool({ name: 'other', schema: undefined })],
      toolChoice,
    });
    expect(body.tool_choice).toBe(expected);
    expect(body.tools).toHaveLength(offered);
    expect(text).toContain('"minimum":1.50');
  });

  it('holds all tools to their schemas or none', () => {
    expect(write({ turns: [user('x')], tools: [tool({ strict: true })] }).body.strict_tools).toBe(true);
    const mixed = write({ turns: [user('x')], tools: [tool({ strict: true }), tool({ name: 'b' })] });
    expect(mixed.body.strict_tools).toBeUndefined();
    expect(mixed.losses).toMatchObject([{ parameter: 'tools[].function.strict' }]);
  });
});

describe('obstacles', () => {
  it.each([
    [
      'a PDF',
      {
        turns: [
          {
            role: 'user',
            blocks: [{ type: 'File', source: { kind: 'Base64', mediaType: 'application/pdf', data: 'AA' } }],
          },
        ],
      },
      /no files/,
    ],
    [
      'audio',
      { turns: [{ role: 'user', blocks: [{ type: 'Audio', format: 'wav', data: 'AA' }] }] },
      /no audio/,
    ],
    ['JSON beside tools', { tools: [tool()], output: { type: 'JSONObject' } }, /beside tools/],
    [
      'tools of a vendor',
      { tools: [tool({ type: 'Server', native: { vendor: 'openai', json: '{}' } })] },
      /openai only/,
    ],
    [
      'a call without result',
      { turns: [user('x'), { role: 'assistant', blocks: [call('a')] }, user('y')] },
      /"a" has no result/,
    ],
  ] as [string, Partial<ChatRequest>, RegExp][])('%s', (_, request, reason) => {
    expect(obstacleOf(COHERE_CHAT_VENDOR, { turns: [user('x')], ...request }, { model: MODEL })).toMatch(
      reason,
    );
  });
});
