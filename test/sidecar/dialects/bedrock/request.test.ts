import { describe, expect, it } from 'vitest';
import { BEDROCK_CONVERSE_VENDOR } from '../../../../sidecar/dialects/bedrock/formats.ts';
import type { Block, ChatRequest, Reasoning } from '../../../../sidecar/dialects/canonical/request.ts';
import { obstacleOf, user } from '../support/vendor.ts';
import { looped, NOVA, OPUS46, result, SONNET37, SONNET45, thinking, tool, write } from './asking.ts';

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
