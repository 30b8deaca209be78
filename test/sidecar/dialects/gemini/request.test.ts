import { describe, expect, it } from 'vitest';
import { checkGeminiRequest } from '../../../../dev/providers/gemini-check.ts';
import type { ChatRequest, Tool, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { type Asking, assistant, obstacleOf, user, write as writeFor } from '../support/vendor.ts';

const FLASH3 = 'gemini-3-flash-preview';
const FLASH25 = 'gemini-2.5-flash';

/** Whatever is written must pass the vendor's own checks. */
function write(request: Partial<ChatRequest>, model = FLASH25, more: Partial<Asking> = {}) {
  expect(obstacleOf(GEMINI_VENDOR, request, { model, ...more })).toBeUndefined();
  const written = writeFor(GEMINI_VENDOR, request, { model, ...more });
  expect(checkGeminiRequest(model, written.body)).toBeUndefined();
  return written;
}

const tool = (schema: string, more: Partial<Tool> = {}): Tool => ({
  type: 'Function',
  name: 'search',
  description: 'Finds things',
  schema,
  strict: undefined,
  ...more,
});
const call = (id: string, args: string, signature?: string): Turn['blocks'][number] => ({
  type: 'ToolCall',
  id,
  name: 'search',
  arguments: args,
  signature: signature === undefined ? undefined : { vendor: 'google', value: signature },
});
const result = (callId: string, text: string, isError = false): Turn['blocks'][number] => ({
  type: 'ToolResult',
  callId,
  name: 'search',
  blocks: [{ type: 'Text', text }],
  isError,
});

describe('contents', () => {
  it('merges turns of one role and gives instructions their own place', () => {
    const { body, losses } = write({
      turns: [
        { role: 'system', blocks: [{ type: 'Text', text: 'Be brief.' }] },
        user('a'),
        user('b'),
        assistant('c'),
        assistant(''),
        { role: 'system', blocks: [{ type: 'Text', text: 'Now be long.' }] },
        user('d'),
      ],
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
        { role: 'model', parts: [{ text: 'c' }] },
        { role: 'user', parts: [{ text: 'Now be long.' }, { text: 'd' }] },
      ],
    });
    expect(losses).toMatchObject([{ parameter: 'messages[].role', how: 'Changed' }]);
  });

  it('lets the user speak first', () => {
    const { body, losses } = write({ turns: [assistant('Hello!'), user('Hi')] });
    expect(body.contents).toMatchObject([{ role: 'user' }, { role: 'model' }, { role: 'user' }]);
    expect(losses).toMatchObject([{ parameter: 'messages', how: 'Changed' }]);
    const only = write({ turns: [{ role: 'system', blocks: [{ type: 'Text', text: 'Go.' }] }] });
    expect(only.body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Go.' }] }] });
  });

  it('puts all results into one turn, in the order of the calls, text behind them', () => {
    const { body } = write(
      {
        turns: [
          user('x'),
          {
            role: 'assistant',
            blocks: [{ type: 'Text', text: 'Looking.' }, call('a1', '{"q":1.0}', 'sig'), call('b2', '')],
          },
          { role: 'user', blocks: [{ type: 'Text', text: 'and?' }, result('b2', 'two')] },
          { role: 'user', blocks: [result('a1', ' {"n":12345678901234567890} ')] },
        ],
      },
      FLASH3,
    );
    expect(body.contents).toMatchObject([
      { role: 'user' },
      {
        role: 'model',
        parts: [
          { text: 'Looking.' },
          { functionCall: { id: 'a1', name: 'search' }, thoughtSignature: 'sig' },
          { functionCall: { id: 'b2', name: 'search', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a1', name: 'search' } },
          { functionResponse: { id: 'b2', name: 'search', response: { output: 'two' } } },
          { text: 'and?' },
        ],
      },
    ]);
  });

  it('keeps arguments, schemas and JSON results as they were written', () => {
    const schema =
      '{"type":"object","properties":{"z":{"type":"number","minimum":1.50},"2":{"enum":[1e3]},"a":{}}}';
    const { text } = write({
      tools: [tool(schema)],
      output: undefined,
      turns: [
        user('x'),
        { role: 'assistant', blocks: [call('a', '{"n":12345678901234567890,"f":1.0}')] },
        { role: 'user', blocks: [result('a', '{"z":1.10,"a":9007199254740993}')] },
      ],
    });
    expect(text).toContain(`"parametersJsonSchema":${schema}`);
    expect(text).toContain('"args":{"n":12345678901234567890,"f":1.0}');
    expect(text).toContain('"response":{"z":1.10,"a":9007199254740993}');
  });

  it('survives arguments that are no object', () => {
    for (const [args, sent] of [
      ['', {}],
      ['  ', {}],
      ['{"a":', { arguments: '{"a":' }],
      ['[1]', { arguments: '[1]' }],
      ['"x"', { arguments: '"x"' }],
    ] as const) {
      const { body } = write({
        turns: [
          user('x'),
          { role: 'assistant', blocks: [call('a', args)] },
          { role: 'user', blocks: [result('a', '')] },
        ],
      });
      const contents = body.contents as { parts: { functionCall: { args: unknown } }[] }[];
      expect(contents[1]?.parts[0]?.functionCall.args).toEqual(sent);
    }
  });

  it('says errors as errors', () => {
    const { body } = write({
      turns: [
        user('x'),
        { role: 'assistant', blocks: [call('a', '{}')] },
        { role: 'user', blocks: [result('a', 'no', true)] },
      ],
    });
    expect(JSON.stringify(body)).toContain('"response":{"error":"no"}');
  });

  it('has the check of signatures skipped where a client lost one, first call of each step, and says so', () => {
    const turns: Turn[] = [
      user('x'),
      { role: 'assistant', blocks: [call('a', '{}'), call('b', '{}')] },
      { role: 'user', blocks: [result('a', '1'), result('b', '2')] },
      { role: 'assistant', blocks: [call('c', '{}', 'real')] },
      { role: 'user', blocks: [result('c', '3')] },
    ];
    const { body, losses } = write({ turns }, FLASH3);
    const signatures = (body.contents as { parts: { thoughtSignature?: string }[] }[]).flatMap(({ parts }) =>
      parts.map(({ thoughtSignature }) => thoughtSignature),
    );
    expect(signatures).toEqual([
      undefined,
      'skip_thought_signature_validator',
      undefined,
      undefined,
      undefined,
      'real',
      undefined,
    ]);
    expect(losses).toMatchObject([
      { parameter: 'messages[].tool_calls[].extra_content.google.thought_signature', how: 'Changed' },
    ]);
    expect(write({ turns }, FLASH25).losses).toEqual([]);
    expect(write({ turns }, FLASH25).text).not.toContain('skip_thought');
  });

  it('puts signed thoughts back and lets go of foreign ones', () => {
    const { body, losses } = write({
      turns: [
        user('x'),
        {
          role: 'assistant',
          blocks: [
            { type: 'Thinking', text: 'hm', signature: { vendor: 'google', value: 'S1' } },
            { type: 'Thinking', text: 'claude', signature: { vendor: 'anthropic', value: 'no' } },
            { type: 'RedactedThinking', data: 'xx', vendor: 'anthropic' },
            { type: 'Text', text: 'y' },
            { type: 'Thinking', text: '', signature: { vendor: 'google', value: 'S2' } },
            { type: 'Native', vendor: 'google', json: '{"executableCode":{"language":"PYTHON","code":"1"}}' },
            { type: 'Native', vendor: 'openai', json: '{}' },
          ],
        },
        user('z'),
      ],
    });
    expect((body.contents as unknown[])[1]).toEqual({
      role: 'model',
      parts: [
        { text: 'hm', thought: true, thoughtSignature: 'S1' },
        { text: 'y' },
        { text: '', thoughtSignature: 'S2' },
        { executableCode: { language: 'PYTHON', code: '1' } },
      ],
    });
    expect(losses.map(({ parameter }) => parameter)).toEqual(['messages[].thinking', 'messages[].content[]']);
  });

  it('sends media inline or by reference, always with a type', () => {
    const { body } = write(
      {
        turns: [
          {
            role: 'user',
            blocks: [
              { type: 'Image', source: { kind: 'Base64', mediaType: 'image/png', data: 'AAAA' } },
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/a.webp?v=1' } },
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/b' } },
              { type: 'File', source: { kind: 'Text', mediaType: 'text/plain', text: 'plain' } },
              { type: 'File', source: { kind: 'FileId', vendor: 'google', id: 'https://g/files/1' } },
              { type: 'Audio', data: 'BBBB', format: 'wav' },
            ],
          },
        ],
      },
      FLASH25,
      { media: { 'https://x.test/b': { mediaType: 'image/gif', data: 'CCCC' } } },
    );
    expect(body.contents).toEqual([
      {
        role: 'user',
        parts: [
          { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
          { fileData: { mimeType: 'image/webp', fileUri: 'https://x.test/a.webp?v=1' } },
          { inlineData: { mimeType: 'image/gif', data: 'CCCC' } },
          { text: 'plain' },
          { fileData: { mimeType: 'application/pdf', fileUri: 'https://g/files/1' } },
          { inlineData: { mimeType: 'audio/wav', data: 'BBBB' } },
        ],
      },
    ]);
  });

  it('keeps images of results in the result where the model takes them, else behind it', () => {
    const turns: Turn[] = [
      user('x'),
      { role: 'assistant', blocks: [call('a', '{}', 's')] },
      {
        role: 'user',
        blocks: [
          {
            type: 'ToolResult',
            callId: 'a',
            name: 'search',
            isError: false,
            blocks: [
              { type: 'Text', text: 'see' },
              { type: 'Image', source: { kind: 'Base64', mediaType: 'image/png', data: 'AA==' } },
            ],
          },
        ],
      },
    ];
    const image = { inlineData: { mimeType: 'image/png', data: 'AA==' } };
    const functionResponse = { id: 'a', name: 'search', response: { output: 'see' } };
    expect((write({ turns }, FLASH3).body.contents as unknown[])[2]).toEqual({
      role: 'user',
      parts: [{ functionResponse: { ...functionResponse, parts: [image] } }],
    });
    const older = write({ turns }, FLASH25);
    expect((older.body.contents as unknown[])[2]).toEqual({
      role: 'user',
      parts: [{ functionResponse }, image],
    });
    expect(older.losses).toMatchObject([{ parameter: 'messages[].content', how: 'Changed' }]);
  });

  it('sends no ids where the vendor takes none', () => {
    const turns: Turn[] = [
      user('x'),
      { role: 'assistant', blocks: [call('call_1', '{}')] },
      { role: 'user', blocks: [result('call_1', '1')] },
    ];
    expect(write({ turns }, FLASH25, { quirks: { omitCallIds: true } }).text).not.toContain('call_1');
  });
});

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
