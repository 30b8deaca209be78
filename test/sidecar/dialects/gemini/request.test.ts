import { describe, expect, it } from 'vitest';
import type { ChatRequest, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { obstacleOf, user } from '../support/vendor.ts';
import { call, FLASH3, FLASH25, result, tool, write } from './asking.ts';

describe('what is asked of the answer', () => {
  it('finds a place for every setting', () => {
    const { body, losses } = write(
      {
        turns: [user('x')],
        maxOutputTokens: 100,
        temperature: 0.2,
        topP: 0.9,
        topK: 40,
        presencePenalty: 0.1,
        frequencyPenalty: -0.1,
        seed: 7,
        stop: ['END'],
        choices: 2,
        logprobs: { top: 3 },
        serviceTier: 'flex',
        metadata: '{"team":"search","env":"prod-1"}',
        output: {
          type: 'JSONSchema',
          name: 'n',
          description: undefined,
          schema: '{"type":"object"}',
          strict: true,
        },
        reasoning: { mode: 'On', effort: 'high', budgetTokens: undefined, show: true },
      },
      FLASH25,
    );
    expect(body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'x' }] }],
      generationConfig: {
        maxOutputTokens: 100,
        temperature: 0.2,
        topP: 0.9,
        topK: 40,
        stopSequences: ['END'],
        candidateCount: 2,
        seed: 7,
        presencePenalty: 0.1,
        frequencyPenalty: -0.1,
        responseLogprobs: true,
        logprobs: 3,
        responseMimeType: 'application/json',
        responseJsonSchema: { type: 'object' },
        thinkingConfig: { thinkingBudget: 24_576, includeThoughts: true },
      },
      serviceTier: 'flex',
      labels: { team: 'search', env: 'prod-1' },
    });
    expect(losses).toEqual([]);
  });

  it('names what it cannot keep', () => {
    const { losses } = write({
      turns: [user('x')],
      parallelToolCalls: false,
      logitBias: '{"1":2}',
      verbosity: 'low',
      user: 'u',
      metadata: '{"Team":"A B"}',
      serviceTier: 'scale',
      stop: ['1', '2', '3', '4', '5', '6'],
      logprobs: { top: 25 },
      tools: [tool('{"type":"object"}', { strict: true })],
      unknown: [{ name: 'prediction', value: '{}' }],
    });
    expect(losses.map(({ parameter, how }) => `${parameter} ${how}`).sort()).toEqual(
      [
        'parallel_tool_calls Dropped',
        'logit_bias Dropped',
        'verbosity Dropped',
        'user Dropped',
        'metadata Dropped',
        'service_tier Dropped',
        'stop Changed',
        'top_logprobs Changed',
        'tools[].function.strict Dropped',
        'prediction Dropped',
      ].sort(),
    );
  });

  it.each([
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }, []],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128 }, ['reasoning_effort']],
    ['gemini-2.5-pro', 'medium', { thinkingBudget: 8192 }, []],
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'MINIMAL' }, ['reasoning_effort']],
    ['gemini-3-pro-preview', 'medium', { thinkingLevel: 'HIGH' }, ['reasoning_effort']],
    ['gemini-3.1-pro-preview', 'medium', { thinkingLevel: 'MEDIUM' }, []],
    ['gemini-flash-latest', 'low', { thinkingLevel: 'LOW' }, []],
    ['models/gemini-3-pro-preview', 'max', { thinkingLevel: 'HIGH' }, ['reasoning_effort']],
    ['gemini-2.0-flash', 'high', undefined, ['reasoning_effort']],
    ['gemma-3-27b-it', 'high', undefined, ['reasoning_effort']],
  ])('%s with effort %s', (model, effort, thinkingConfig, lost) => {
    const { body, losses } = write(
      { turns: [user('x')], reasoning: { mode: 'On', effort, budgetTokens: undefined, show: undefined } },
      model,
    );
    expect((body.generationConfig as { thinkingConfig?: unknown } | undefined)?.thinkingConfig).toEqual(
      thinkingConfig,
    );
    expect(losses.map(({ parameter }) => parameter)).toEqual(lost);
  });

  it('takes budgets as they are and leaves the choice to the model where asked to', () => {
    const config = (model: string, reasoning: ChatRequest['reasoning']): unknown =>
      (
        write({ turns: [user('x')], reasoning }, model).body.generationConfig as
          | { thinkingConfig: unknown }
          | undefined
      )?.thinkingConfig;
    const asked = { effort: undefined, budgetTokens: 2048, show: undefined };
    expect(config(FLASH25, { mode: 'On', ...asked })).toEqual({ thinkingBudget: 2048 });
    expect(config(FLASH3, { mode: 'On', ...asked })).toEqual({ thinkingBudget: 2048 });
    expect(config(FLASH25, { mode: 'Adaptive', ...asked, budgetTokens: undefined })).toEqual({
      thinkingBudget: -1,
    });
    expect(config(FLASH3, { mode: 'Adaptive', ...asked, budgetTokens: undefined, show: true })).toEqual({
      includeThoughts: true,
    });
    expect(config(FLASH3, { mode: 'Off', ...asked, budgetTokens: undefined })).toEqual({
      thinkingLevel: 'MINIMAL',
    });
  });

  it.each([
    [{ type: 'Auto' }, { mode: 'AUTO' }],
    [{ type: 'None' }, { mode: 'NONE' }],
    [{ type: 'Required' }, { mode: 'ANY' }],
    [
      { type: 'Tool', name: 'search' },
      { mode: 'ANY', allowedFunctionNames: ['search'] },
    ],
  ] as const)('tool choice %j', (toolChoice, functionCallingConfig) => {
    const { body } = write({ turns: [user('x')], tools: [tool('{"type":"object"}')], toolChoice });
    expect(body.toolConfig).toEqual({ functionCallingConfig });
  });

  it('offers tools that take text as tools with a text in their input', () => {
    const custom = tool('{}', { type: 'Custom', schema: undefined, name: 'shell' });
    const turns: Turn[] = [
      user('x'),
      {
        role: 'assistant',
        blocks: [{ type: 'ToolCall', id: 'a', name: 'shell', arguments: 'ls "-l"', custom: true }],
      },
      {
        role: 'user',
        blocks: [{ ...(result('a', 'files') as object), name: 'shell' } as Turn['blocks'][number]],
      },
    ];
    const { text, losses } = write({ turns, tools: [custom] });
    expect(text).toContain(
      '"parametersJsonSchema":{"type":"object","properties":{"input":{"type":"string"}}',
    );
    expect(text).toContain('"args":{"input":"ls \\"-l\\""}');
    expect(losses).toMatchObject([{ parameter: 'tools[].custom', how: 'Changed' }]);
  });

  it('rewrites schemas for models that read a subset', () => {
    const schema = JSON.stringify({
      $schema: 'x',
      $defs: {
        Node: {
          type: 'object',
          properties: { next: { $ref: '#/$defs/Node' }, v: { type: 'integer', format: 'int32' } },
        },
      },
      type: 'object',
      additionalProperties: false,
      properties: {
        z: { type: ['string', 'null'], format: 'uri', minLength: 2 },
        '2': { const: 5 },
        a: { anyOf: [{ type: 'null' }, { type: 'number' }] },
        tree: { $ref: '#/$defs/Node' },
        both: { allOf: [{ type: 'object', properties: { p: { type: 'boolean' } } }, { required: ['p'] }] },
        list: { type: 'array', items: { type: 'string', enum: ['x', null] } },
      },
      required: ['z'],
    });
    const { body, losses } = write({ turns: [user('x')], tools: [tool(schema)] }, 'gemini-1.5-pro');
    const declared = (body.tools as { functionDeclarations: { parameters: { properties: object } }[] }[])[0]
      ?.functionDeclarations[0];
    expect(declared?.parameters).toEqual({
      type: 'OBJECT',
      properties: {
        z: { type: 'STRING', minLength: 2, nullable: true },
        '2': { type: 'STRING', enum: ['5'] },
        a: { nullable: true, anyOf: [{ type: 'NUMBER' }] },
        tree: {
          type: 'OBJECT',
          properties: { next: { type: 'OBJECT' }, v: { type: 'INTEGER', format: 'int32' } },
        },
        both: { type: 'OBJECT', properties: { p: { type: 'BOOLEAN' } }, required: ['p'] },
        list: { type: 'ARRAY', items: { type: 'STRING', enum: ['x'], nullable: true } },
      },
      required: ['z'],
    });
    expect(losses).toMatchObject([{ parameter: 'tools[].function.parameters', how: 'Changed' }]);
  });

  it('does not unfold references without end', () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [
        `n${i}`,
        {
          type: 'object',
          properties: { a: { $ref: `#/$defs/n${i + 1}` }, b: { $ref: `#/$defs/n${i + 1}` } },
        },
      ]),
    );
    const schema = JSON.stringify({ $defs: { ...doubling, n30: { type: 'string' } }, $ref: '#/$defs/n0' });
    const { text } = write(
      {
        turns: [user('x')],
        output: { type: 'JSONSchema', name: 'n', description: undefined, schema, strict: true },
      },
      'gemini-1.5-flash',
    );
    expect(text.length).toBeLessThan(1024 * 1024);
  });
});

describe('obstacles', () => {
  const of = (request: Partial<ChatRequest>, model = FLASH25): string | undefined =>
    obstacleOf(GEMINI_VENDOR, { turns: [user('x')], ...request }, { model });
  it.each([
    [
      'tools of another vendor',
      { tools: [tool('{}', { type: 'Server', native: { vendor: 'openai', json: '{}' } })] },
      /openai only/,
    ],
    [
      'JSON beside tools on older models',
      { tools: [tool('{}')], output: { type: 'JSONObject' } },
      /JSON output beside tools/,
    ],
    ['no messages', { turns: [] }, /no messages/],
    [
      'a result without its call',
      { turns: [user('x'), { role: 'user', blocks: [result('zz', '')] }] },
      /result of tool call "zz"/,
    ],
    [
      'a call without its result',
      {
        turns: [
          user('x'),
          { role: 'assistant', blocks: [call('a', '{}'), call('b', '{}')] },
          { role: 'user', blocks: [result('a', '')] },
        ],
      },
      /"b" has no result/,
    ],
    [
      'a file uploaded elsewhere',
      {
        turns: [
          { role: 'user', blocks: [{ type: 'File', source: { kind: 'FileId', vendor: 'openai', id: 'f' } }] },
        ],
      },
      /uploaded to openai/,
    ],
  ] as [string, Partial<ChatRequest>, RegExp][])('%s', (_, request, reason) => {
    expect(of(request)).toMatch(reason);
  });

  it('are fewer on newer models', () => {
    expect(of({ tools: [tool('{}')], output: { type: 'JSONObject' } }, FLASH3)).toBeUndefined();
    const google = tool('{}', { type: 'Server', native: { vendor: 'google', json: '{"googleSearch":{}}' } });
    expect(
      write({ turns: [user('x')], tools: [tool('{"type":"object"}'), google] }).body.tools,
    ).toMatchObject([{ functionDeclarations: [{ name: 'search' }] }, { googleSearch: {} }]);
  });
});
