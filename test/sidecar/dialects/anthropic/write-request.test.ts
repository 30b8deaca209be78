import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAnthropicRequest } from '../../../../dev/providers/anthropic-check.ts';
import { sealed, sign } from '../../../../dev/providers/anthropic-seal.ts';
import { ANTHROPIC_MESSAGES_VENDOR } from '../../../../sidecar/dialects/anthropic/formats.ts';
import type { Block, ChatRequest, Tool, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { type Asking, assistant, obstacleOf, user, write as writeFor } from '../support/vendor.ts';

const VENDOR = ANTHROPIC_MESSAGES_VENDOR;
const OLD = 'claude-3-haiku-20240307';
const SONNET4 = 'claude-sonnet-4-20250514';
const HAIKU45 = 'claude-haiku-4-5-20251001';
const OPUS46 = 'claude-opus-4-6';
const OPUS48 = 'claude-opus-4-8';
const OPUS5 = 'claude-opus-5';
const FABLE = 'claude-fable-5';
const MODELS = [OLD, SONNET4, HAIKU45, OPUS46, OPUS48, OPUS5, FABLE];

/** Whatever is written must pass the vendor's own checks. */
function write(request: Partial<ChatRequest>, model = HAIKU45, more: Partial<Asking> = {}) {
  const full = { maxOutputTokens: 4096, ...request };
  expect(obstacleOf(VENDOR, full, { model, ...more })).toBeUndefined();
  const written = writeFor(VENDOR, full, { model, ...more });
  // Clouds take the version out of the body, and the model out of the path.
  const { anthropic_version: _, ...body } = written.body;
  expect(checkAnthropicRequest({ model, ...body })).toBeUndefined();
  return written;
}
const obstacle = (request: Partial<ChatRequest>, more: Partial<Asking> = {}) =>
  obstacleOf(VENDOR, { maxOutputTokens: 9, turns: [user('x')], ...request }, { model: HAIKU45, ...more });

const system = (text: string): Turn => ({ role: 'system', blocks: [{ type: 'Text', text }] });
const call = (id: string, args = '{}'): Block => ({ type: 'ToolCall', id, name: 'search', arguments: args });
const result = (callId: string, text: string, isError = false): Block => ({
  type: 'ToolResult',
  callId,
  name: 'search',
  blocks: [{ type: 'Text', text }],
  isError,
});
const turn = (role: Turn['role'], ...blocks: Block[]): Turn => ({ role, blocks });
const tool = (more: Partial<Tool> = {}): Tool => ({
  type: 'Function',
  name: 'search',
  description: 'Finds things',
  schema: '{"type":"object","properties":{"q":{"type":"string"}}}',
  strict: undefined,
  ...more,
});
const hi = [user('Hi')];

describe('turns', () => {
  it('merge by role; leading instructions stand apart, in order', () => {
    const { body, losses } = write({
      turns: [
        system('One.'),
        system('Two.'),
        user('a'),
        user('b'),
        assistant('c'),
        assistant('d'),
        user('e'),
      ],
    });
    expect(body.system).toEqual([
      { type: 'text', text: 'One.' },
      { type: 'text', text: 'Two.' },
    ]);
    expect(body.messages).toMatchObject([
      { role: 'user', content: [{ text: 'a' }, { text: 'b' }] },
      { role: 'assistant', content: [{ text: 'c' }, { text: 'd' }] },
      { role: 'user', content: [{ text: 'e' }] },
    ]);
    expect(losses).toEqual([]);
  });

  it('later instructions stay where they are: as such where the model takes them, else as user text', () => {
    const turns = [user('a'), system('Now in French.'), assistant('b'), user('c'), system('And short.')];
    const kept = write({ turns }, OPUS48);
    expect(kept.body.messages).toMatchObject([
      { role: 'user', content: [{ text: 'a' }] },
      { role: 'system', content: [{ text: 'Now in French.' }] },
      { role: 'assistant' },
      { role: 'user', content: [{ text: 'c' }] },
      { role: 'system', content: [{ text: 'And short.' }] },
    ]);
    expect(kept.losses).toEqual([]);
    const changed = write({ turns }, HAIKU45);
    expect(changed.body.messages).toMatchObject([
      { role: 'user', content: [{ text: 'a' }, { text: 'Now in French.' }] },
      { role: 'assistant' },
      { role: 'user', content: [{ text: 'c' }, { text: 'And short.' }] },
    ]);
    expect(changed.losses).toMatchObject([{ parameter: 'messages[].role', how: 'Changed' }]);
    const before = write({ turns: [user('a'), assistant('b'), system('s'), user('c')] }, OPUS48);
    expect(before.body.messages).toMatchObject([
      {},
      {},
      { role: 'user', content: [{ text: 's' }, { text: 'c' }] },
    ]);
    expect(before.losses).toMatchObject([{ parameter: 'messages[].role', how: 'Changed' }]);
  });

  it('begin with the user, even where only instructions were given', () => {
    expect(write({ turns: [assistant('Hello!'), user('Hi')] }).body.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant' },
      { role: 'user' },
    ]);
    expect(write({ turns: [system('Go.')] }).body).toMatchObject({ messages: [{ role: 'user' }] });
  });

  it('an assistant turn at the end begins the answer, where the model takes that', () => {
    const turns = [user('List'), assistant('1. ')];
    expect(write({ turns }, HAIKU45).body.messages).toMatchObject([{}, { content: [{ text: '1.' }] }]);
    const closed = write({ turns }, OPUS46);
    expect(closed.body.messages).toMatchObject([{}, {}, { role: 'user', content: [{ text: 'Continue.' }] }]);
    expect(closed.losses).toMatchObject([{ parameter: 'messages', how: 'Changed' }]);
  });

  it('have no empty text', () => {
    const { body } = write({
      turns: [
        user('x'),
        turn('assistant', { type: 'Text', text: ' \n' }, call('c1')),
        turn('user', result('c1', ' ')),
      ],
      tools: [tool()],
    });
    expect(body.messages).toMatchObject([
      {},
      { content: [{ type: 'tool_use' }] },
      { content: [{ type: 'tool_result' }] },
    ]);
    expect(JSON.stringify(body.messages)).not.toContain('"text":" ');
  });
});

describe('calls and results', () => {
  it('all results of a turn stand in one turn, in the order of the calls, text behind them', () => {
    const { body } = write({
      turns: [
        user('x'),
        turn('assistant', call('a', '{"q": 1.0}'), call('b', '')),
        turn('user', result('b', 'rb', true)),
        turn('user', result('a', 'ra')),
        user('and?'),
      ],
      tools: [tool()],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'x' }] },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'search', input: { q: 1 } },
          { type: 'tool_use', id: 'b', name: 'search', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'ra' }] },
          { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'rb' }], is_error: true },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
    expect(
      write({
        turns: [user('x'), turn('assistant', call('a', '{"q": 1.0}')), turn('user', result('a', 'r'))],
        tools: [tool()],
      }).text,
    ).toContain('"input":{"q": 1.0}');
  });

  it('ids become such as the vendor takes, and one of each', () => {
    const { body } = write({
      turns: [
        user('x'),
        turn('assistant', call('functions.f:0')),
        turn('user', result('functions.f:0', 'one')),
        turn('assistant', call('functions.f:0'), call('ok')),
        turn('user', result('ok', 'three'), result('functions.f:0', 'two')),
      ],
      tools: [tool()],
    });
    const text = JSON.stringify(body.messages);
    const ids = [...text.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(3);
    expect(ids).toContain('ok');
  });

  it('arguments that are no object are sent in one, and said so', () => {
    const { body, losses } = write({
      turns: [user('x'), turn('assistant', call('a', '{"q":')), turn('user', result('a', 'r'))],
      tools: [tool()],
    });
    expect(body.messages).toMatchObject([{}, { content: [{ input: { arguments: '{"q":' } }] }, {}]);
    expect(losses).toMatchObject([{ parameter: 'messages[].tool_calls[].function.arguments' }]);
  });

  it('the tools of former calls are named where none is offered any more', () => {
    const turns = [user('x'), turn('assistant', call('a')), turn('user', result('a', 'r'))];
    expect(write({ turns }).body).toMatchObject({
      tools: [{ name: 'search' }],
      tool_choice: { type: 'none' },
    });
  });

  it('orphans are an obstacle with a reason', () => {
    expect(obstacle({ turns: [user('x'), turn('user', result('a', 'r'))] })).toContain(
      '"a" stands behind no such call',
    );
    expect(obstacle({ turns: [user('x'), turn('assistant', call('a')), user('y')] })).toContain(
      '"a" has no result',
    );
    expect(obstacle({ turns: [user('x'), turn('assistant', call('a'))] })).toContain('without results');
  });

  it('results hold images', () => {
    const image: Block = { type: 'Image', source: { kind: 'Base64', mediaType: 'image/jpg', data: 'AAAA' } };
    const full = { ...result('a', 'r'), blocks: [image] } as Block;
    const { body } = write({
      turns: [user('x'), turn('assistant', call('a')), turn('user', full)],
      tools: [tool()],
    });
    expect(JSON.stringify(body.messages)).toContain('"media_type":"image/jpeg"');
  });
});

describe('thinking in the conversation', () => {
  const own = {
    type: 'Thinking',
    text: 'hm',
    signature: { vendor: 'anthropic', value: sign('hm') },
  } as const;

  it('its own goes back unchanged, signature alone and hidden too', () => {
    const omitted = {
      type: 'Thinking',
      text: '',
      signature: { vendor: 'anthropic', value: sign('omitted') },
    } as const;
    const hidden = { type: 'RedactedThinking', data: sealed('x'), vendor: 'anthropic' } as const;
    const { body, losses } = write({
      turns: [user('x'), turn('assistant', own, omitted, hidden, call('a')), turn('user', result('a', 'r'))],
      tools: [tool()],
      reasoning: { mode: 'On', effort: 'high', budgetTokens: undefined, show: undefined },
    });
    expect(body.messages).toMatchObject([
      {},
      {
        content: [
          { type: 'thinking', thinking: 'hm', signature: sign('hm') },
          { type: 'thinking', thinking: '', signature: sign('omitted') },
          { type: 'redacted_thinking', data: sealed('x') },
          { type: 'tool_use' },
        ],
      },
      {},
    ]);
    expect(body.thinking).toEqual({ type: 'enabled', budget_tokens: 3840 });
    expect(losses).toEqual([]);
  });

  it('that of others stays with them, and then thinking is off while their calls go on', () => {
    const foreign = { type: 'Thinking', text: 'hm', signature: { vendor: 'google', value: 'x' } } as const;
    const turns = [user('x'), turn('assistant', foreign, call('a')), turn('user', result('a', 'r'))];
    const reasoning = { mode: 'On', effort: 'high', budgetTokens: undefined, show: undefined } as const;
    const { body, losses } = write({ turns, tools: [tool()], reasoning });
    expect(body.thinking).toBeUndefined();
    expect(losses.map(({ parameter, how }) => [parameter, how])).toEqual([
      ['messages[].reasoning_content', 'Dropped'],
      ['reasoning_effort', 'Dropped'],
    ]);
    // A new question begins a run of its own; models that think as they see fit do not mind at all.
    expect(
      write({ turns: [...turns, assistant('done'), user('next')], tools: [tool()], reasoning }).body.thinking,
    ).toBeDefined();
    expect(write({ turns, tools: [tool()], reasoning }, OPUS46).body.thinking).toEqual({ type: 'adaptive' });
  });
});

describe('media', () => {
  const file = (source: object, type: 'File' | 'Image' = 'File'): Partial<ChatRequest> => ({
    turns: [turn('user', { type, source } as Block)],
  });
  it.each([
    [file({ kind: 'Base64', mediaType: 'image/webp', data: 'AAAA' }, 'Image'), { type: 'image' }],
    [file({ kind: 'Url', url: 'https://x/y' }, 'Image'), { type: 'image', source: { type: 'url' } }],
    [file({ kind: 'FileId', id: 'f', vendor: 'anthropic' }), { type: 'document', source: { type: 'file' } }],
    [
      file({ kind: 'Base64', mediaType: 'application/pdf', data: 'AAAA' }),
      { source: { media_type: 'application/pdf' } },
    ],
    [
      file({ kind: 'Base64', mediaType: 'text/csv', data: 'YSxi' }),
      { source: { type: 'text', data: 'a,b' } },
    ],
    [
      file({ kind: 'Text', mediaType: 'text/plain', text: 'words' }),
      { source: { type: 'text', data: 'words' } },
    ],
  ])('%j', (request, block) => {
    expect(write(request).body.messages).toMatchObject([{ content: [block] }]);
  });

  it.each([
    [file({ kind: 'Base64', mediaType: 'image/bmp', data: 'AAAA' }, 'Image'), 'image/bmp'],
    [file({ kind: 'Base64', mediaType: 'application/zip', data: 'AAAA' }), 'application/zip'],
    [file({ kind: 'FileId', id: 'f', vendor: 'openai' }), 'uploaded to openai'],
    [file({ kind: 'Url', url: 'http://x/y' }, 'Image'), 'the bytes'],
    [{ turns: [turn('user', { type: 'Audio', data: '', format: 'wav' })] }, 'audio'],
  ])('obstacle: %j', (request, reason) => {
    expect(obstacle(request)).toContain(reason);
  });

  it('bytes that were fetched, where the vendor does not fetch', () => {
    const request = file({ kind: 'Url', url: 'https://x/y' }, 'Image');
    const quirks = { imagesAsBytes: true } as const;
    expect(obstacle(request, { quirks })).toContain('the bytes');
    const media = { 'https://x/y': { mediaType: 'image/png', data: 'AAAA' } };
    expect(write(request, HAIKU45, { quirks, media }).body.messages).toMatchObject([
      { content: [{ source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }] },
    ]);
  });
});

describe('tools', () => {
  it('schemas go as they are; what the API wants is added', () => {
    const odd = '{"type":"object","x": 1.0}';
    const { text, body } = write({
      turns: hi,
      tools: [tool({ schema: odd }), tool({ name: 'g', schema: undefined })],
    });
    expect(text).toContain(`"input_schema":${odd}`);
    expect(body.tools).toMatchObject([{}, { input_schema: { type: 'object', properties: {} } }]);
  });

  it('strict where the model holds to it', () => {
    const strict = tool({ strict: true });
    const kept = write({ turns: hi, tools: [strict] }, HAIKU45);
    expect(kept.body.tools).toMatchObject([{ strict: true, input_schema: { additionalProperties: false } }]);
    expect(write({ turns: hi, tools: [strict] }, SONNET4).losses).toMatchObject([
      { parameter: 'tools[].function.strict' },
    ]);
  });

  it('that take text are offered as ones with a text in the input', () => {
    const custom = tool({
      type: 'Custom',
      schema: undefined,
      native: { vendor: 'openai', json: '{"type":"custom"}' },
    });
    const turns = [
      user('x'),
      turn('assistant', { ...call('a', 'free "text"'), custom: true } as Block),
      turn('user', result('a', 'r')),
    ];
    const { body, losses } = write({ turns, tools: [custom] });
    expect(body.tools).toMatchObject([{ input_schema: { properties: { input: { type: 'string' } } } }]);
    expect(body.messages).toMatchObject([{}, { content: [{ input: { input: 'free "text"' } }] }, {}]);
    expect(losses).toMatchObject([{ parameter: 'tools[].custom', how: 'Changed' }]);
  });

  it('of other vendors are an obstacle, its own go as they are', () => {
    const server = (vendor: 'openai' | 'anthropic', json: string) =>
      tool({ type: 'Server', native: { vendor, json } });
    expect(obstacle({ tools: [server('openai', '{}')] })).toContain('runs at openai only');
    const search = '{"type":"web_search_20260318","name":"web_search","max_uses": 2}';
    expect(write({ turns: hi, tools: [server('anthropic', search)] }).text).toContain(search);
  });

  it.each([
    [{ toolChoice: { type: 'Auto' } }, undefined],
    [{ toolChoice: { type: 'None' }, parallelToolCalls: false }, { type: 'none' }],
    [{ toolChoice: { type: 'Required' } }, { type: 'any' }],
    [
      { toolChoice: { type: 'Tool', name: 'search' }, parallelToolCalls: false },
      { type: 'tool', name: 'search', disable_parallel_tool_use: true },
    ],
    [{ parallelToolCalls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [{ parallelToolCalls: true }, undefined],
  ] as const)('choice %j', (choice, expected) => {
    expect(write({ turns: hi, tools: [tool()], ...choice }).body.tool_choice).toEqual(expected);
  });

  it('a call that is demanded wins over thinking', () => {
    const reasoning = { mode: 'On', effort: 'high', budgetTokens: undefined, show: undefined } as const;
    const forced = { turns: hi, tools: [tool()], toolChoice: { type: 'Required' }, reasoning } as const;
    for (const model of [HAIKU45, OPUS46, OPUS5]) {
      const { body, losses } = write({ ...forced, tools: [tool()] }, model);
      expect(body.tool_choice).toEqual({ type: 'any' });
      expect(losses).toMatchObject([{ parameter: 'reasoning_effort', how: 'Dropped' }]);
    }
    const always = write({ ...forced, tools: [tool()] }, FABLE);
    expect(always.body.tool_choice).toEqual({ type: 'auto' });
    expect(always.losses).toMatchObject([{ parameter: 'tool_choice', how: 'Changed' }]);
  });
});

describe('answers by a schema', () => {
  const schema = '{"type":"object","properties":{"n":{"type":"integer","minimum":1}},"required":["n"]}';
  const output = { type: 'JSONSchema', name: 'a', description: undefined, schema, strict: true } as const;

  it("in the API's own form where the model has it, as far as it holds", () => {
    const { body, losses } = write({ turns: hi, output });
    expect(body.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { n: { type: 'integer', description: '(minimum: 1)' } },
          required: ['n'],
          additionalProperties: false,
        },
      },
    });
    expect(losses).toMatchObject([{ parameter: 'response_format.json_schema.schema', how: 'Changed' }]);
  });

  it('a schema the API takes goes as it is', () => {
    const strict =
      '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}';
    const { text, losses } = write({ turns: hi, output: { ...output, schema: strict } });
    expect(text).toContain(`"schema":${strict}`);
    expect(losses).toEqual([]);
  });

  it('as a tool that must be called where it has not', () => {
    const alone = write({ turns: hi, output }, SONNET4);
    expect(alone.body).toMatchObject({ tools: [{ name: 'outrider_answer' }], tool_choice: { type: 'tool' } });
    const beside = write({ turns: hi, output, tools: [tool()] }, SONNET4);
    expect(beside.body).toMatchObject({ tools: [{ name: 'search' }, {}], tool_choice: { type: 'any' } });
    const demanded = write({ turns: hi, output, tools: [tool()], toolChoice: { type: 'Required' } }, SONNET4);
    expect(demanded.body.tools).toHaveLength(1);
    const refused = write({ turns: hi, output }, HAIKU45, { quirks: { refuses: ['output_config.format'] } });
    expect(refused.body).toMatchObject({ tools: [{ name: 'outrider_answer' }] });
  });

  it('any JSON object is asked for in words', () => {
    const { body, losses } = write({ turns: hi, output: { type: 'JSONObject' } });
    expect(body.system).toMatchObject([{ text: expect.stringContaining('JSON object') }]);
    expect(losses).toMatchObject([{ parameter: 'response_format', how: 'Changed' }]);
  });
});

describe('reasoning', () => {
  const reasoning = (
    effort: string | undefined,
    budgetTokens?: number,
    mode: 'On' | 'Off' | 'Adaptive' = 'On',
  ) => ({
    turns: hi,
    reasoning: { mode, effort, budgetTokens, show: undefined },
  });
  it.each([
    [HAIKU45, reasoning('low'), { type: 'enabled', budget_tokens: 2048 }, undefined],
    [HAIKU45, reasoning(undefined, 3000), { type: 'enabled', budget_tokens: 3000 }, undefined],
    [HAIKU45, reasoning(undefined, 50_000), { type: 'enabled', budget_tokens: 3840 }, undefined],
    [HAIKU45, reasoning('none', undefined, 'Off'), { type: 'disabled' }, undefined],
    [
      'claude-opus-4-5-20251101',
      reasoning('low'),
      { type: 'enabled', budget_tokens: 2048 },
      { effort: 'low' },
    ],
    [OPUS46, reasoning('max'), { type: 'adaptive' }, { effort: 'max' }],
    [OPUS46, reasoning('xhigh'), { type: 'adaptive' }, { effort: 'high' }],
    [OPUS48, reasoning('xhigh'), { type: 'adaptive' }, { effort: 'xhigh' }],
    [OPUS48, reasoning('minimal'), { type: 'adaptive' }, { effort: 'low' }],
    [OPUS5, reasoning('none', undefined, 'Off'), { type: 'disabled' }, undefined],
    [FABLE, reasoning('none', undefined, 'Off'), undefined, undefined],
    [OLD, reasoning('high'), undefined, undefined],
  ])('%s %j', (model, request, thinking, config) => {
    const { body } = write(request, model);
    expect(body.thinking).toEqual(thinking);
    expect(body.output_config).toEqual(config);
  });

  it('needs room below the cap', () => {
    const { body, losses } = write({ ...reasoning('high'), maxOutputTokens: 1000 });
    expect(body.thinking).toBeUndefined();
    expect(losses).toMatchObject([{ parameter: 'reasoning_effort', how: 'Dropped' }]);
  });

  it('what the caller wants to see is said', () => {
    const request = {
      turns: hi,
      reasoning: { mode: 'On', effort: undefined, budgetTokens: undefined, show: true },
    } as const;
    expect(write({ ...request }, OPUS48).body.thinking).toEqual({ type: 'adaptive', display: 'summarized' });
  });
});

describe('parameters', () => {
  it("the cap: the request's, the model's, or an obstacle", () => {
    expect(write({ turns: hi, maxOutputTokens: 5 }).body.max_tokens).toBe(5);
    expect(
      write({ turns: hi, maxOutputTokens: undefined }, HAIKU45, { maxOutputTokens: 64_000 }).body.max_tokens,
    ).toBe(64_000);
    expect(obstacle({ maxOutputTokens: undefined })).toContain('max_tokens');
  });

  it.each([
    [{ temperature: 1.7 }, HAIKU45, { temperature: 1 }, ['temperature']],
    [{ temperature: 0.3, topP: 0.5 }, HAIKU45, { temperature: 0.3 }, ['top_p']],
    [{ temperature: 0.3, topP: 1 }, HAIKU45, { temperature: 0.3 }, []],
    [{ temperature: 0.3, topP: 0.5, topK: 4 }, OLD, { temperature: 0.3, top_p: 0.5, top_k: 4 }, []],
    [{ temperature: 0.3, topP: 0.5, topK: 4 }, OPUS48, {}, ['temperature', 'top_p', 'top_k']],
    [{ temperature: 1, topP: 1 }, OPUS48, {}, []],
    [{ temperature: 0.3, topP: 0.5 }, 'kimi-k3', { temperature: 0.3, top_p: 0.5 }, []],
  ])('%j on %s', (request, model, expected, lost) => {
    const { body, losses } = write({ turns: hi, ...request }, model);
    const { temperature, top_p, top_k } = body;
    expect({ temperature, top_p, top_k }).toEqual({
      temperature: undefined,
      top_p: undefined,
      top_k: undefined,
      ...expected,
    });
    expect(losses.map(({ parameter }) => parameter)).toEqual(lost);
  });

  it('all others are named where they are lost', () => {
    const { body, losses } = write({
      turns: [{ role: 'user', name: 'ann', blocks: [{ type: 'Text', text: 'x' }] }],
      seed: 1,
      presencePenalty: 1,
      frequencyPenalty: 1,
      logitBias: '{}',
      logprobs: { top: 2 },
      verbosity: 'low',
      metadata: '{"a":"b"}',
      unknown: [{ name: 'prediction', value: '{}' }],
      stop: ['\n\n', 'END'],
      user: 'u',
      serviceTier: 'flex',
    });
    expect(body).toMatchObject({ stop_sequences: ['END'], metadata: { user_id: 'u' } });
    expect(losses.map(({ parameter }) => parameter).sort()).toEqual([
      'frequency_penalty',
      'logit_bias',
      'logprobs',
      'messages[].name',
      'metadata',
      'prediction',
      'presence_penalty',
      'seed',
      'service_tier',
      'stop',
      'verbosity',
    ]);
    expect(obstacle({ choices: 2 })).toContain('(n)');
    expect(obstacle({ untranslatable: 'audio output is asked for' })).toBe('audio output is asked for');
  });

  it('clouds have the version in the body and the model in the path', () => {
    const quirks = { anthropicVersion: 'bedrock-2023-05-31', refuses: ['stream'] };
    const { body, losses } = write({ turns: hi, stream: true }, 'anthropic.claude-haiku-4-5-20251001-v1:0', {
      quirks,
    });
    expect(Object.keys(body)).toEqual(['anthropic_version', 'max_tokens', 'messages']);
    expect(losses).toEqual([]);
  });
});

it('whatever a conversation looks like, the vendor takes what is written', () => {
  const text = fc.constantFrom('a', '', ' ', 'é\n', '1. ');
  const block = fc.oneof(
    text.map((value): Block => ({ type: 'Text', text: value })),
    fc.constant<Block>({
      type: 'Thinking',
      text: 'hm',
      signature: { vendor: 'anthropic', value: sign('hm') },
    }),
    fc.constant<Block>({ type: 'Thinking', text: 'hm', signature: { vendor: 'google', value: 'x' } }),
    fc.constant<Block>({ type: 'RedactedThinking', data: 'x', vendor: 'openai' }),
    fc.constant<Block>({ type: 'Refusal', text: 'No.' }),
  );
  const plain = fc.record({
    role: fc.constantFrom<Turn['role']>('user', 'assistant', 'system'),
    blocks: fc.array(
      text.map((value): Block => ({ type: 'Text', text: value })),
      { maxLength: 3 },
    ),
  });
  const round = fc
    .tuple(
      fc.array(block, { maxLength: 2 }),
      fc.array(fc.constantFrom('id', 'é', 'x.1'), { minLength: 1, maxLength: 3 }),
      plain,
    )
    .map(([said, ids, then]): Turn[] => {
      const own = [...new Set(ids)];
      return [
        { role: 'assistant', blocks: [...said, ...own.map((id) => call(id))] },
        ...own.map((id): Turn => ({ role: 'user', blocks: [result(id, 'r')] })),
        then,
      ];
    });
  const conversation = fc
    .array(
      fc.oneof(
        plain.map((one) => [one]),
        round,
      ),
      { minLength: 1, maxLength: 5 },
    )
    .map((turns) => turns.flat());
  const effort = fc.constantFrom(undefined, 'none', 'low', 'high', 'max');
  const choice = fc.constantFrom<ChatRequest['toolChoice']>(
    undefined,
    { type: 'None' },
    { type: 'Required' },
    { type: 'Tool', name: 'search' },
  );
  const schema = '{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}';
  const output = fc.constantFrom<ChatRequest['output']>(
    undefined,
    { type: 'JSONObject' },
    { type: 'JSONSchema', name: 'a', description: undefined, schema, strict: undefined },
  );
  fc.assert(
    fc.property(
      fc.record({
        turns: conversation,
        effort,
        choice,
        output,
        temperature: fc.constantFrom(undefined, 0, 2),
        tools: fc.boolean(),
      }),
      fc.constantFrom(...MODELS, 'kimi-k3'),
      ({ turns, effort: level, choice: toolChoice, output: form, temperature, tools }, model) => {
        const request: Partial<ChatRequest> = {
          turns: [user('Hi'), ...turns],
          maxOutputTokens: 4096,
          temperature,
          output: form,
          tools: tools ? [tool({ strict: true })] : [],
          toolChoice: tools ? toolChoice : undefined,
          reasoning:
            level === undefined
              ? undefined
              : {
                  mode: level === 'none' ? 'Off' : 'On',
                  effort: level,
                  budgetTokens: undefined,
                  show: undefined,
                },
        };
        fc.pre(obstacleOf(VENDOR, request, { model }) === undefined);
        expect(write(request, model).body.model).toBe(model);
      },
    ),
    { numRuns: 500 },
  );
});
