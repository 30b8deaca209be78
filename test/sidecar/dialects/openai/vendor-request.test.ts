import { describe, expect, it } from 'vitest';
import { checkChatRequest } from '../../../../dev/providers/openai-check.ts';
import type { Block, ChatRequest, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { OPENAI_CHAT_VENDOR } from '../../../../sidecar/dialects/openai/formats.ts';
import { type Asking, assistant, obstacleOf, user, write as writeFor } from '../support/vendor.ts';

/** Whatever is written must pass OpenAI's own checks, unless the vendor is a different one. */
function write(request: Partial<ChatRequest>, more: Partial<Asking> = {}) {
  const asking = { model: 'gpt', ...more };
  expect(obstacleOf(OPENAI_CHAT_VENDOR, request, asking)).toBeUndefined();
  const written = writeFor(OPENAI_CHAT_VENDOR, { turns: [user('x')], ...request }, asking);
  expect(more.quirks ? undefined : checkChatRequest(written.body)).toBeUndefined();
  return written;
}

const turn = (role: Turn['role'], ...blocks: Block[]): Turn => ({ role, blocks });
const text = (value: string): Block => ({ type: 'Text', text: value });
const call = (id: string, args = '{}'): Block => ({ type: 'ToolCall', id, name: 'f', arguments: args });
const result = (
  callId: string,
  blocks: Extract<Block, { type: 'ToolResult' }>['blocks'],
  isError = false,
): Block => ({ type: 'ToolResult', callId, name: 'f', blocks, isError });
const image = (url: string): Extract<Block, { type: 'Image' }> => ({
  type: 'Image',
  source: { kind: 'Url', url },
});
const tool = {
  type: 'Function' as const,
  name: 'f',
  description: undefined,
  schema: '{"type":"object"}',
  strict: undefined,
};

describe('messages', () => {
  it('give results first, each in a message of its own, and show their images behind them', () => {
    const { body, losses } = write({
      turns: [
        user('go'),
        turn('assistant', text(''), call('a', ''), call('b', '{"x": 1.0}')),
        turn(
          'user',
          result('a', [
            { type: 'Text', text: '1' },
            { type: 'Text', text: '2' },
          ]),
          result('b', [{ type: 'Text', text: 'no' }, image('https://a/i.png')], true),
          text('and?'),
        ),
      ],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: 'go' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
          { id: 'b', type: 'function', function: { name: 'f', arguments: '{"x": 1.0}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: '1\n2' },
      { role: 'tool', tool_call_id: 'b', content: 'Error:\nno' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Result of tool call b:' },
          { type: 'image_url', image_url: { url: 'https://a/i.png' } },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
    expect(losses).toMatchObject([{ parameter: 'messages[].content[].tool_result', how: 'Changed' }]);
  });

  it('drop thinking that another vendor signed, and say so', () => {
    const thinking: Block = { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 's' } };
    const { body, losses } = write({
      turns: [
        user('x'),
        turn('assistant', thinking, { type: 'RedactedThinking', data: 'd', vendor: 'anthropic' }, text('y')),
        user('z'),
      ],
    });
    expect(body.messages).toMatchObject([{}, { role: 'assistant', content: 'y' }, {}]);
    expect(losses.map(({ parameter }) => parameter)).toEqual([
      'messages[].thinking',
      'messages[].reasoning_content',
    ]);
  });

  it('fit ids of other vendors, the same in calls and results', () => {
    const id = `toolu_${'x'.repeat(60)}`;
    const turns = [
      user('x'),
      turn('assistant', call(id)),
      turn('user', result(id, [{ type: 'Text', text: '1' }])),
    ];
    const idsOf = (body: Record<string, unknown>) => {
      const [, asked, answered] = body.messages as { tool_calls: { id: string }[]; tool_call_id: string }[];
      return [asked?.tool_calls[0]?.id, answered?.tool_call_id];
    };
    const [long, again] = idsOf(write({ turns }).body);
    expect(long).toMatch(/^call_[0-9a-f]{32}$/);
    expect(again).toBe(long);
    const [nine, same] = idsOf(write({ turns }, { quirks: { toolIds: 'Nine' } }).body);
    expect(nine).toMatch(/^[a-zA-Z0-9]{9}$/);
    expect(same).toBe(nine);
  });

  it('tell that a last word of the assistant is no beginning of the answer', () => {
    expect(write({ turns: [user('x'), assistant('{')] }).losses).toMatchObject([
      { parameter: 'messages', how: 'Changed' },
    ]);
  });

  it('carry documents and audio', () => {
    const { body } = write(
      {
        turns: [
          turn(
            'user',
            { type: 'File', source: { kind: 'Base64', mediaType: 'application/pdf', data: 'QUJD' } },
            { type: 'File', source: { kind: 'Text', mediaType: 'text/plain', text: 'hi' }, name: 'a.txt' },
            { type: 'Audio', data: 'QUJD', format: 'wav' },
            { type: 'File', source: { kind: 'Url', url: 'https://a/b.pdf' } },
          ),
        ],
      },
      { media: { 'https://a/b.pdf': { mediaType: 'application/pdf', data: 'REVG' } } },
    );
    expect(body.messages).toMatchObject([
      {
        content: [
          { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,QUJD' } },
          { type: 'text', text: 'a.txt\n\nhi' },
          { type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } },
          { type: 'file', file: { file_data: 'data:application/pdf;base64,REVG' } },
        ],
      },
    ]);
  });
});

describe('quirks', () => {
  it('name the cap, the role of instructions and the field of thinking', () => {
    const turns = [
      turn('system', text('Be brief.')),
      user('x'),
      turn('assistant', { type: 'Thinking', text: 'hm' }, text('y')),
      user('z'),
    ];
    const { body, losses } = write(
      { turns, maxOutputTokens: 5 },
      { quirks: { outputCap: 'max_tokens', systemRole: 'developer', reasoning: 'reasoning_content' } },
    );
    expect(body).toMatchObject({
      max_tokens: 5,
      messages: [{ role: 'developer' }, {}, { role: 'assistant', reasoning_content: 'hm', content: 'y' }, {}],
    });
    expect(losses).toEqual([]);
    expect(write({ turns: [user('x')], maxOutputTokens: 5 }).body).toMatchObject({
      max_completion_tokens: 5,
    });
  });

  it('leave out what the vendor refuses, and say so', () => {
    const { body, losses } = write(
      { seed: 1, user: 'u', stream: true },
      { quirks: { refuses: ['seed', 'user', 'stream_options'] } },
    );
    expect(body).not.toHaveProperty('seed');
    expect(body).not.toHaveProperty('stream_options');
    expect(losses.map(({ parameter }) => parameter)).toEqual(['seed', 'user']);
  });

  it('make turns alternate', () => {
    const turns = [
      turn('system', text('s')),
      user('a'),
      user('b'),
      assistant('c'),
      turn('system', text('t')),
      user('d'),
    ];
    const { body, losses } = write({ turns }, { quirks: { alternate: true } });
    expect((body.messages as { role: string }[]).map(({ role }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'user',
    ]);
    expect(losses).toMatchObject([{ parameter: 'messages[].role' }]);
  });
});

describe('parameters', () => {
  it('are said in OpenAI words, and what it has no words for is named', () => {
    const { body, losses } = write({
      tools: [tool],
      toolChoice: { type: 'Required' },
      parallelToolCalls: false,
      output: {
        type: 'JSONSchema',
        name: 'n',
        description: undefined,
        schema: '{"b":1.0,"a":2}',
        strict: true,
      },
      temperature: 0.5,
      topK: 3,
      stop: ['END'],
      logprobs: { top: 2 },
      choices: 2,
      reasoning: { mode: 'On', effort: undefined, budgetTokens: 8000, show: true },
      serviceTier: 'standard_only',
      metadata: '{"a":"b"}',
      stream: true,
      unknown: [
        { name: 'prompt_cache_key', value: '"k"' },
        { name: 'thinking_mode', value: '1' },
      ],
    });
    expect(body).toMatchObject({
      tool_choice: 'required',
      parallel_tool_calls: false,
      temperature: 0.5,
      stop: ['END'],
      logprobs: true,
      top_logprobs: 2,
      n: 2,
      reasoning_effort: 'medium',
      metadata: { a: 'b' },
      stream_options: { include_usage: true },
      prompt_cache_key: 'k',
    });
    expect(losses.map(({ parameter, how }) => [parameter, how])).toEqual([
      ['top_k', 'Dropped'],
      ['thinking_mode', 'Dropped'],
      ['reasoning.budget_tokens', 'Changed'],
      ['service_tier', 'Dropped'],
    ]);
  });

  it('keep JSON text as it was written', () => {
    const schema = '{"z": 12345678901234567890, "a":1.0}';
    const { text: written } = write({ tools: [{ ...tool, schema }], metadata: '{"b":"1","a":"2"}' });
    expect(written).toContain(`"parameters":${schema}`);
    expect(written).toContain('"metadata":{"b":"1","a":"2"}');
  });

  it.each<[string, Partial<ChatRequest>, Asking['quirks']?]>([
    ['is run by another vendor', { tools: [{ ...tool, type: 'Server', name: 'web_search' }] }],
    ['has no result', { turns: [user('x'), turn('assistant', call('a')), user('y')] }],
    ['behind no such call', { turns: [turn('user', result('a', []))] }],
    [
      'not by URL',
      { turns: [turn('user', { type: 'File', source: { kind: 'Url', url: 'https://a/b.pdf' } })] },
    ],
    [
      'lies with another vendor',
      { turns: [turn('user', { type: 'File', source: { kind: 'FileId', id: 'f', vendor: 'anthropic' } })] },
    ],
    ['takes no tools', { tools: [tool] }, { refuses: ['tools'] }],
    ['one answer only', { choices: 2 }, { refuses: ['n'] }],
    ['audio', { untranslatable: 'audio output is asked for' }],
  ])('that stand against it: %s', (reason, request, quirks) => {
    expect(
      obstacleOf(OPENAI_CHAT_VENDOR, request, { model: 'gpt', ...(quirks ? { quirks } : {}) }),
    ).toContain(reason);
  });
});
