import { describe, expect, it } from 'vitest';
import { checkConverseRequest } from '../../../../dev/providers/bedrock-check.ts';
import { BEDROCK_CONVERSE_VENDOR } from '../../../../sidecar/dialects/bedrock/formats.ts';
import type {
  Block,
  ChatRequest,
  Reasoning,
  Tool,
  Turn,
} from '../../../../sidecar/dialects/canonical/request.ts';
import { type Asking, assistant, obstacleOf, user, write as writeFor } from '../support/vendor.ts';

const SONNET45 = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
const SONNET37 = 'us.anthropic.claude-3-7-sonnet-20250219-v1:0';
const OPUS46 = 'global.anthropic.claude-opus-4-6-v1';
const NOVA = 'amazon.nova-pro-v1:0';

function write(request: Partial<ChatRequest>, model = SONNET45, more: Partial<Asking> = {}) {
  expect(obstacleOf(BEDROCK_CONVERSE_VENDOR, request, { model, ...more })).toBeUndefined();
  const written = writeFor(BEDROCK_CONVERSE_VENDOR, request, { model, ...more });
  expect(checkConverseRequest(model, written.body)).toBeUndefined();
  return written;
}

const tool = (schema = '{"type":"object","properties":{}}', more: Partial<Tool> = {}): Tool => ({
  type: 'Function',
  name: 'search',
  description: 'Finds things',
  schema,
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
const looped = (first: Block[] = []): Turn[] => [
  user('x'),
  { role: 'assistant', blocks: [...first, call('a'), call('b')] },
  { role: 'user', blocks: [result('b', 'two')] },
  { role: 'user', blocks: [result('a', 'one')] },
];
const thinking = (more: Partial<Reasoning> = {}): Reasoning => ({
  mode: 'On',
  effort: undefined,
  budgetTokens: undefined,
  show: undefined,
  ...more,
});

describe('messages', () => {
  it('alternate, begin with the user, and hold the results of all calls in one turn', () => {
    const { body } = write({
      turns: [...looped(), user('and?'), assistant('ok'), assistant('then'), user('y')],
      tools: [tool()],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: [{ text: 'x' }] },
      {
        role: 'assistant',
        content: [
          { toolUse: { toolUseId: 'a', name: 'search', input: {} } },
          { toolUse: { toolUseId: 'b', name: 'search', input: {} } },
        ],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'a', content: [{ text: 'one' }] } },
          { toolResult: { toolUseId: 'b', content: [{ text: 'two' }] } },
          { text: 'and?' },
        ],
      },
      { role: 'assistant', content: [{ text: 'ok' }, { text: 'then' }] },
      { role: 'user', content: [{ text: 'y' }] },
    ]);
  });

  it('never hold blank text', () => {
    const { body } = write({
      turns: [
        user(' '),
        { role: 'assistant', blocks: [{ type: 'Text', text: '\n' }, call('a')] },
        { role: 'user', blocks: [result('a', '')] },
      ],
      tools: [tool()],
    });
    expect(JSON.stringify(body)).not.toMatch(/"text":"(\s|\\n)*"/);
    const trailing = write({ turns: [user('a'), assistant('{"x": \n')] });
    expect(trailing.text).toContain('{"text":"{\\"x\\":"}');
  });

  it('end with the user where the model takes no beginning of its answer', () => {
    const { body, losses } = write({ turns: [user('a'), assistant('b')] }, OPUS46);
    expect(body.messages).toHaveLength(3);
    expect(losses).toMatchObject([{ parameter: 'messages', how: 'Changed' }]);
    expect(write({ turns: [user('a'), assistant('b')] }, SONNET45).body.messages).toHaveLength(2);
  });

  it('carry ids, arguments and schemas as they were, ids in a form the vendor takes', () => {
    const schema = '{"type":"object","properties":{"z":{"minimum":1.50},"2":{}},"$schema":"s"}';
    const odd = 'call.with:odd characters and a length beyond forty';
    const { text, body } = write({
      tools: [tool(schema)],
      turns: [
        user('x'),
        { role: 'assistant', blocks: [call(odd, '{"n":12345678901234567890,"f":1.0}')] },
        { role: 'user', blocks: [result(odd, 'r', true)] },
      ],
    });
    expect(text).toContain(`"inputSchema":{"json":${schema}}`);
    expect(text).toContain('"input":{"n":12345678901234567890,"f":1.0}');
    const [, answer, next] = body.messages as {
      content: Record<string, { toolUseId: string; status?: string }>[];
    }[];
    expect(answer?.content[0]?.toolUse?.toolUseId).toBe(next?.content[0]?.toolResult?.toolUseId);
    expect(next?.content[0]?.toolResult?.status).toBe('error');
  });

  it('carry thinking back: signed, signature only, and redacted', () => {
    const first: Block[] = [
      { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'S' } },
      { type: 'Thinking', text: '', signature: { vendor: 'anthropic', value: 'T' } },
      { type: 'RedactedThinking', vendor: 'anthropic', data: 'QUJD' },
      { type: 'Thinking', text: 'unsigned' },
      { type: 'Thinking', text: 'g', signature: { vendor: 'google', value: 'U' } },
    ];
    const { body, losses } = write(
      {
        turns: looped(first),
        tools: [tool()],
        reasoning: thinking({ budgetTokens: 2000 }),
        maxOutputTokens: 8000,
      },
      SONNET37,
    );
    expect((body.messages as { content: unknown[] }[])[1]?.content.slice(0, 3)).toEqual([
      { reasoningContent: { reasoningText: { text: 'hm', signature: 'S' } } },
      { reasoningContent: { reasoningText: { text: '', signature: 'T' } } },
      { reasoningContent: { redactedContent: 'QUJD' } },
    ]);
    expect(body.additionalModelRequestFields).toEqual({ thinking: { type: 'enabled', budget_tokens: 2000 } });
    expect(losses.map(({ parameter }) => parameter)).toEqual(['messages[].thinking']);
  });

  it('do not ask for thinking where the turn to go on with has none', () => {
    const { body, losses } = write(
      { turns: looped(), tools: [tool()], reasoning: thinking({ effort: 'high' }) },
      SONNET37,
    );
    expect(body.additionalModelRequestFields).toBeUndefined();
    expect(losses).toMatchObject([{ parameter: 'reasoning_effort', how: 'Dropped' }]);
  });

  it('send media as bytes', () => {
    const { body } = write(
      {
        turns: [
          {
            role: 'user',
            blocks: [
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/a' } },
              {
                type: 'File',
                name: 'a/b  c.pdf',
                source: { kind: 'Base64', mediaType: 'application/pdf', data: 'QUJD' },
              },
              {
                type: 'File',
                name: 'a/b c.pdf',
                source: { kind: 'Text', mediaType: 'text/plain; charset=utf-8', text: 'hé' },
              },
            ],
          },
        ],
      },
      SONNET45,
      { media: { 'https://x.test/a': { mediaType: 'image/jpg', data: 'QUJD' } } },
    );
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { image: { format: 'jpeg', source: { bytes: 'QUJD' } } },
          { document: { format: 'pdf', name: 'a-b c-pdf', source: { bytes: 'QUJD' } } },
          {
            document: {
              format: 'txt',
              name: 'a-b c-pdf (2)',
              source: { bytes: Buffer.from('hé').toString('base64') },
            },
          },
          { text: '(see the document)' },
        ],
      },
    ]);
  });

  it('set cache points where the model has them, four at most', () => {
    const cache = { ttl: '1h' } as const;
    const marked = (n: number): Turn => ({ role: 'user', blocks: [{ type: 'Text', text: `t${n}`, cache }] });
    const turns: Turn[] = [
      { role: 'system', blocks: [{ type: 'Text', text: 's', cache: { ttl: '5m' } }] },
      marked(1),
      marked(2),
      marked(3),
      marked(4),
    ];
    const { body, losses } = write({ turns, tools: [tool(undefined, { cache })] });
    expect(body.system).toEqual([{ text: 's' }, { cachePoint: { type: 'default' } }]);
    expect(JSON.stringify(body).match(/cachePoint/g)).toHaveLength(4);
    expect(JSON.stringify(body.messages)).toContain('{"cachePoint":{"type":"default","ttl":"1h"}}');
    expect(losses).toMatchObject([{ parameter: 'cache_control', how: 'Dropped' }]);
    const other = write({ turns }, 'meta.llama3-3-70b-instruct-v1:0');
    expect(JSON.stringify(other.body)).not.toContain('cachePoint');
    expect(other.losses).toMatchObject([{ parameter: 'cache_control' }]);
  });
});

describe('tools', () => {
  it.each([
    [{ type: 'Auto' }, { auto: {} }],
    [{ type: 'Required' }, { any: {} }],
    [{ type: 'Tool', name: 'search' }, { tool: { name: 'search' } }],
  ] as const)('choice %j', (toolChoice, expected) => {
    expect(
      (write({ turns: [user('x')], tools: [tool()], toolChoice }).body.toolConfig as { toolChoice: unknown })
        .toolChoice,
    ).toEqual(expected);
  });

  it('are left out where none may be called, unless the conversation has called some', () => {
    expect(
      write({ turns: [user('x')], tools: [tool()], toolChoice: { type: 'None' } }).body.toolConfig,
    ).toBeUndefined();
    const { body, losses } = write({ turns: looped(), tools: [tool()], toolChoice: { type: 'None' } });
    expect(body.toolConfig).toMatchObject({ tools: [{ toolSpec: { name: 'search' } }] });
    expect(losses).toMatchObject([{ parameter: 'tool_choice', how: 'Changed' }]);
    const named = write({ turns: looped() });
    expect(named.body.toolConfig).toMatchObject({ tools: [{ toolSpec: { name: 'search' } }] });
    expect(named.losses).toMatchObject([{ parameter: 'tools', how: 'Changed' }]);
  });

  it('have schemas of objects, descriptions that are not empty, and strictness where the model has it', () => {
    const tools = [
      tool('{"properties":{"a":{}}}', { name: 'a', description: '', strict: true }),
      tool('{}', { name: 'b' }),
      tool(undefined, { name: 'c', schema: undefined }),
      tool(undefined, { name: 'd', type: 'Custom', schema: undefined }),
    ];
    const specs = (model: string) =>
      (
        write({ turns: [user('x')], tools }, model).body.toolConfig as {
          tools: { toolSpec: Record<string, unknown> }[];
        }
      ).tools.map(({ toolSpec }) => toolSpec);
    expect(specs(SONNET45)[0]).toEqual({
      name: 'a',
      inputSchema: { json: { type: 'object', properties: { a: {} } } },
      strict: true,
    });
    expect(specs(SONNET37)[0]).not.toHaveProperty('strict');
    expect(specs(SONNET45)[3]?.inputSchema).toMatchObject({
      json: { properties: { input: { type: 'string' } } },
    });
  });

  it('are not demanded of a model that thinks', () => {
    const { body } = write(
      {
        turns: [user('x')],
        tools: [tool()],
        toolChoice: { type: 'Required' },
        reasoning: thinking({ effort: 'high' }),
      },
      OPUS46,
    );
    const thinks = body.additionalModelRequestFields !== undefined;
    expect((body.toolConfig as { toolChoice?: object }).toolChoice === undefined).toBe(thinks);
  });
});

describe('what is asked of the answer', () => {
  it('finds a place for every setting', () => {
    const { body, losses } = write({
      turns: [{ role: 'system', blocks: [{ type: 'Text', text: 'Be brief.' }] }, user('x')],
      maxOutputTokens: 500,
      temperature: 0.5,
      topK: 5,
      stop: ['END', ' '],
      serviceTier: 'priority',
      metadata: '{"team":"search"}',
      output: { type: 'JSONSchema', name: 'n', description: 'd', schema: '{"type": "object"}', strict: true },
    });
    expect(body).toEqual({
      system: [{ text: 'Be brief.' }],
      messages: [{ role: 'user', content: [{ text: 'x' }] }],
      inferenceConfig: { maxTokens: 500, temperature: 0.5, stopSequences: ['END'] },
      additionalModelRequestFields: { top_k: 5 },
      additionalModelResponseFieldPaths: ['/stop_sequence'],
      outputConfig: {
        textFormat: {
          type: 'json_schema',
          structure: { jsonSchema: { schema: '{"type": "object"}', name: 'n', description: 'd' } },
        },
      },
      serviceTier: { type: 'priority' },
      requestMetadata: { team: 'search' },
    });
    expect(losses).toMatchObject([{ parameter: 'stop', how: 'Changed' }]);
  });

  it('names what it cannot keep', () => {
    const { losses } = write(
      {
        turns: [user('x')],
        temperature: 1.5,
        topP: 0.5,
        seed: 1,
        presencePenalty: 1,
        frequencyPenalty: 1,
        choices: 2,
        logprobs: { top: 1 },
        parallelToolCalls: false,
        user: 'u',
        metadata: '{"a":{}}',
        output: { type: 'JSONObject' },
        maxOutputTokens: 99_999,
      },
      SONNET45,
      { maxOutputTokens: 64_000 },
    );
    expect(losses.map(({ parameter, how }) => `${parameter} ${how}`).sort()).toEqual(
      [
        'parallel_tool_calls Dropped',
        'seed Dropped',
        'presence_penalty Dropped',
        'frequency_penalty Dropped',
        'logprobs Dropped',
        'n Dropped',
        'user Dropped',
        'metadata Dropped',
        'response_format Dropped',
        'max_tokens Changed',
        'temperature Changed',
        'top_p Dropped',
      ].sort(),
    );
  });

  it('asks each model for thinking in its own way', () => {
    const of = (model: string, reasoning: Reasoning) => {
      const { body } = write({ turns: [user('x')], reasoning, maxOutputTokens: 20_000 }, model);
      return [body.additionalModelRequestFields, body.outputConfig];
    };
    expect(of(SONNET37, thinking({ budgetTokens: 4000 }))).toEqual([
      { thinking: { type: 'enabled', budget_tokens: 4000 } },
      undefined,
    ]);
    expect(of(OPUS46, thinking({ effort: 'medium', show: true }))).toEqual([
      { thinking: { type: 'adaptive', display: 'summarized' } },
      { effort: 'medium' },
    ]);
    expect(of('openai.gpt-oss-120b-1:0', thinking({ effort: 'minimal' }))).toEqual([
      { reasoning_effort: 'low' },
      undefined,
    ]);
    expect(of('us.amazon.nova-2-lite-v1:0', thinking({ effort: 'high' }))).toEqual([
      { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } },
      undefined,
    ]);
    expect(of(NOVA, thinking({ effort: 'high' }))).toEqual([undefined, undefined]);
  });

  it('has schemas answered through a tool where the model has no other way', () => {
    const output = {
      type: 'JSONSchema',
      name: 'n',
      description: undefined,
      schema: '{"type":"object","properties":{"a":{}}}',
      strict: true,
    } as const;
    const { body } = write({ turns: [user('x')], output }, NOVA);
    expect(body.toolConfig).toMatchObject({
      tools: [{ toolSpec: { name: 'outrider_answer', inputSchema: { json: { properties: { a: {} } } } } }],
      toolChoice: { tool: { name: 'outrider_answer' } },
    });
    expect(write({ turns: [user('x')], output, tools: [tool()] }, NOVA).body.toolConfig).toMatchObject({
      toolChoice: { any: {} },
    });
  });
});

describe('obstacles', () => {
  const of = (request: Partial<ChatRequest>): string | undefined =>
    obstacleOf(BEDROCK_CONVERSE_VENDOR, { turns: [user('x')], ...request }, { model: SONNET45 });
  const one = (block: Block): Partial<ChatRequest> => ({ turns: [{ role: 'user', blocks: [block] }] });
  it.each([
    [
      'an image that was not fetched',
      one({ type: 'Image', source: { kind: 'Url', url: 'https://x.test' } }),
      /needs the bytes/,
    ],
    [
      'an image of another type',
      one({ type: 'Image', source: { kind: 'Base64', mediaType: 'image/tiff', data: 'AA' } }),
      /image\/tiff/,
    ],
    ['a sound of another type', one({ type: 'Audio', format: 'midi', data: 'AA' }), /midi/],
    [
      'an upload',
      one({ type: 'File', source: { kind: 'FileId', vendor: 'openai', id: 'f' } }),
      /uploaded to openai/,
    ],
    ['a name of a tool', { tools: [tool('{}', { name: 'a.b' })] }, /"a\.b"/],
    [
      'a tool of another vendor',
      { tools: [tool('{}', { type: 'Server', native: { vendor: 'openai', json: '{}' } })] },
      /openai only/,
    ],
    ['a result without its call', one(result('zz', '')), /"zz"/],
    ['no messages', { turns: [] }, /no messages/],
  ] as [string, Partial<ChatRequest>, RegExp][])('%s', (_, request, reason) => {
    expect(of(request)).toMatch(reason);
  });
});
