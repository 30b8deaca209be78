import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES_CALLER } from '../../../../sidecar/dialects/anthropic/formats.ts';
import { originalId, portableId } from '../../../../sidecar/dialects/canonical/portable-ids.ts';
import type { Block, ChatRequest } from '../../../../sidecar/dialects/canonical/request.ts';

const read = (value: unknown): ChatRequest =>
  ANTHROPIC_MESSAGES_CALLER.readChat(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const ask = (rest: object): ChatRequest => read({ model: 'm', max_tokens: 9, messages: [], ...rest });
const blocks = (...content: unknown[]): Block[] =>
  ask({ messages: [{ role: 'user', content }] }).turns[0]?.blocks ?? [];

describe('turns', () => {
  it('strings, blocks and instructions anywhere', () => {
    const { turns } = ask({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
        { role: 'system', content: 'Be brief.' },
      ],
      system: [{ type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    });
    expect(turns).toMatchObject([
      { role: 'system', blocks: [{ type: 'Text', text: 'Be kind.', cache: { ttl: '1h' } }] },
      { role: 'user', blocks: [{ type: 'Text', text: 'Hi' }] },
      { role: 'assistant', blocks: [{ type: 'Text', text: 'Hello' }] },
      { role: 'system', blocks: [{ type: 'Text', text: 'Be brief.' }] },
    ]);
  });

  it('images and documents from every source', () => {
    expect(
      blocks(
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'image', source: { type: 'url', url: 'https://x/y.png' } },
        { type: 'image', source: { type: 'file', file_id: 'file_1' } },
        {
          type: 'document',
          title: 'T',
          source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' },
        },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' } },
      ),
    ).toMatchObject([
      { type: 'Image', source: { kind: 'Base64', mediaType: 'image/png', data: 'AAAA' } },
      { type: 'Image', source: { kind: 'Url', url: 'https://x/y.png' } },
      { type: 'Image', source: { kind: 'FileId', id: 'file_1', vendor: 'anthropic' } },
      { type: 'File', name: 'T', source: { kind: 'Base64', mediaType: 'application/pdf' } },
      { type: 'File', source: { kind: 'Text', text: 'words' } },
    ]);
  });

  it('a document of blocks is its text, with its images behind it', () => {
    const image = { type: 'image', source: { type: 'url', url: 'https://x' } };
    const content = [{ type: 'text', text: 'a' }, image, { type: 'text', text: 'b' }];
    expect(blocks({ type: 'document', source: { type: 'content', content } })).toMatchObject([
      { type: 'File', source: { kind: 'Text', text: 'a\n\nb' } },
      { type: 'Image', source: { kind: 'Url' } },
    ]);
    const found = {
      type: 'search_result',
      source: 'https://s',
      title: 'S',
      content: [{ type: 'text', text: 'hit' }],
    };
    expect(blocks(found)).toMatchObject([{ type: 'File', name: 'S', source: { text: 'https://s\nhit' } }]);
  });

  it('calls and results, with arguments as written', () => {
    const body =
      '{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f",' +
      '"input":{"b": 1.0,"a":12345678901234567890}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1",' +
      '"is_error":true,"content":[{"type":"text","text":"no"},{"type":"image","source":{"type":"url","url":"https://x"}}]}]}]}';
    expect(read(body).turns).toMatchObject([
      {
        blocks: [{ type: 'ToolCall', id: 't1', name: 'f', arguments: '{"b": 1.0,"a":12345678901234567890}' }],
      },
      {
        blocks: [
          {
            type: 'ToolResult',
            callId: 't1',
            name: 'f',
            isError: true,
            blocks: [{ text: 'no' }, { type: 'Image' }],
          },
        ],
      },
    ]);
  });

  it('thinking with its signature, the signature alone, and what is hidden', () => {
    expect(
      blocks(
        { type: 'thinking', thinking: 'hm', signature: 'Eq' },
        { type: 'thinking', thinking: '', signature: 'Ex' },
        { type: 'thinking', thinking: 'unsigned', signature: '' },
        { type: 'redacted_thinking', data: 'D' },
      ),
    ).toEqual([
      { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'Eq' } },
      { type: 'Thinking', text: '', signature: { vendor: 'anthropic', value: 'Ex' } },
      { type: 'Thinking', text: 'unsigned', signature: undefined },
      { type: 'RedactedThinking', data: 'D', vendor: 'anthropic' },
    ]);
  });

  it('signatures of other vendors come back as theirs', () => {
    expect(
      blocks(
        { type: 'thinking', thinking: 'hm', signature: 'outrider:google:CiQ=' },
        { type: 'redacted_thinking', data: 'outrider:openai:gAAA' },
        { type: 'thinking', thinking: '', signature: 'outrider-call:google:Sig' },
        { type: 'tool_use', id: 't', name: 'f', input: {} },
      ),
    ).toMatchObject([
      { type: 'Thinking', signature: { vendor: 'google', value: 'CiQ=' } },
      { type: 'RedactedThinking', data: 'gAAA', vendor: 'openai' },
      { type: 'ToolCall', id: 't', signature: { vendor: 'google', value: 'Sig' } },
    ]);
  });

  it('blocks only Anthropic understands stay as they are', () => {
    const block = { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } };
    expect(blocks(block)).toEqual([{ type: 'Native', vendor: 'anthropic', json: JSON.stringify(block) }]);
  });

  it('a cache mark on the request is one on its last block', () => {
    const { turns } = ask({
      cache_control: { type: 'ephemeral' },
      messages: [{ role: 'user', content: 'Hi' }],
    });
    expect(turns[0]?.blocks[0]).toMatchObject({ cache: { ttl: '5m' } });
  });
});

describe('tools', () => {
  it('of the app, with the schema as written', () => {
    const schema = '{"type":"object","properties":{"q":{"type":"string"}},"x": 1.0}';
    const body = `{"messages":[],"tools":[{"name":"f","description":"d","input_schema":${schema},"strict":true,"cache_control":{"type":"ephemeral"},"input_examples":[]}]}`;
    const { tools, unknown } = read(body);
    expect(tools).toEqual([
      { type: 'Function', name: 'f', description: 'd', schema, strict: true, cache: { ttl: '5m' } },
    ]);
    expect(unknown).toEqual([{ name: 'tools[].input_examples', value: '[]' }]);
  });

  it('of Anthropic, wherever they run', () => {
    const { tools } = ask({
      tools: [
        { type: 'bash_20250124', name: 'bash' },
        { type: 'web_search_20260318', name: 'web_search' },
      ],
      mcp_servers: [{ type: 'url', name: 'tracker', url: 'https://x' }],
    });
    expect(tools).toMatchObject([
      { type: 'Server', name: 'bash', native: { vendor: 'anthropic' } },
      { type: 'Server', name: 'web_search' },
      { type: 'Server', name: 'mcp_servers: tracker' },
    ]);
  });

  it.each([
    [{ type: 'auto' }, { type: 'Auto' }, undefined],
    [{ type: 'any', disable_parallel_tool_use: true }, { type: 'Required' }, false],
    [{ type: 'tool', name: 'f', disable_parallel_tool_use: false }, { type: 'Tool', name: 'f' }, undefined],
    [{ type: 'none' }, { type: 'None' }, undefined],
  ])('choice %j', (tool_choice, toolChoice, parallelToolCalls) => {
    expect(ask({ tool_choice })).toMatchObject({ toolChoice });
    expect(ask({ tool_choice }).parallelToolCalls).toBe(parallelToolCalls);
  });
});

describe('parameters', () => {
  it('all that have a meaning', () => {
    const schema = { type: 'object' };
    const request = ask({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      stop_sequences: ['END'],
      stream: true,
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
      output_config: { effort: 'low', format: { type: 'json_schema', schema } },
    });
    expect(request).toMatchObject({
      maxOutputTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      topK: 5,
      stop: ['END'],
      stream: true,
      includeUsage: true,
      user: 'u',
      serviceTier: 'default',
      output: { type: 'JSONSchema', schema: '{"type":"object"}', strict: true },
      reasoning: { mode: 'Adaptive', effort: 'low' },
      unknown: [],
    });
  });

  it.each([
    [
      { type: 'enabled', budget_tokens: 2048 },
      { mode: 'On', budgetTokens: 2048 },
    ],
    [
      { type: 'adaptive', display: 'summarized' },
      { mode: 'Adaptive', show: true },
    ],
    [
      { type: 'adaptive', display: 'omitted' },
      { mode: 'Adaptive', show: false },
    ],
    [{ type: 'disabled' }, { mode: 'Off' }],
  ])('thinking %j', (thinking, reasoning) => {
    expect(ask({ thinking }).reasoning).toMatchObject(reasoning);
  });

  it('what nobody knows is named, and what is kept at Anthropic cannot leave it', () => {
    expect(ask({ speed: 'fast', inference_geo: null }).unknown).toEqual([{ name: 'speed', value: '"fast"' }]);
    expect(ask({ container: 'c' }).untranslatable).toContain('container');
    expect(ask({ container: null }).untranslatable).toBeUndefined();
  });

  it.each([
    ['messages[0].role', { messages: [{ role: 'tool', content: '' }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [{ text: 'x' }] }] }],
    ['messages[0].content[0].text', { messages: [{ role: 'user', content: [{ type: 'text', text: 1 }] }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 1 }] }],
    ['thinking', { thinking: { type: 'deep' } }],
    ['tool_choice', { tool_choice: 'auto' }],
    ['stop_sequences', { stop_sequences: 'END' }],
    ['tools[0].input_schema', { tools: [{ name: 'f', input_schema: 'x' }] }],
    ['output_config.format', { output_config: { format: { type: 'json_object' } } }],
  ])('%s is refused by name', (member, rest) => {
    expect(() => ask(rest)).toThrow(
      expect.objectContaining({ code: 'invalid_member', params: expect.objectContaining({ member }) }),
    );
  });
});

it('ids of calls survive callers that take few characters', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ minLength: 1, unit: 'grapheme' }), fc.constant('toolu_enc_x')), (id) => {
      expect(portableId(id)).toMatch(/^[a-zA-Z0-9_-]+$/);
      expect(originalId(portableId(id))).toBe(id);
    }),
  );
  expect(portableId('call_abc-1')).toBe('call_abc-1');
  expect(originalId('toolu_enc_!')).toBe('toolu_enc_!');
});
