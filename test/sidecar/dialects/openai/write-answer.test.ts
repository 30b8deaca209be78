import { describe, expect, it } from 'vitest';
import type { ChatEvent, Finish, OpenBlock } from '../../../../sidecar/dialects/canonical/response.ts';
import { OPENAI_CHAT_CALLER } from '../../../../sidecar/dialects/openai/formats.ts';
import { answerContext, bodyOf, responseOf, streamOf } from '../support/caller.ts';
import { readChatStream } from '../validators/openai-chat.ts';

const USAGE = {
  input: 3,
  cacheRead: 5000,
  cacheWrite5m: 12_304,
  audioInput: 0,
  output: 500,
  reasoning: 50,
  audioOutput: 0,
};
const START: ChatEvent = {
  type: 'Start',
  id: 'msg_1',
  model: 'some-model',
  usage: undefined,
  rawUsage: undefined,
};

/** One block after the other, each with its pieces. */
function events(blocks: [OpenBlock, ...(string | ChatEvent)[]][], finish: Finish): ChatEvent[] {
  const list: ChatEvent[] = [START];
  for (const [block, [open, ...pieces]] of blocks.entries()) {
    list.push({ type: 'BlockStart', choice: 0, block, open });
    for (const piece of pieces) {
      list.push(
        typeof piece === 'string'
          ? { type: 'Delta', choice: 0, block, text: piece }
          : { ...piece, ...('block' in piece ? { block } : {}) },
      );
    }
    list.push({ type: 'BlockStop', choice: 0, block });
  }
  list.push(
    { type: 'Finish', choice: 0, finish },
    { type: 'Usage', usage: USAGE, rawUsage: {}, serviceTier: 'default' },
    { type: 'End' },
  );
  return list;
}

const STOP: Finish = { reason: 'Stop', raw: 'end_turn' };
const TOOLS: Finish = { reason: 'ToolCalls', raw: 'tool_use' };
const call = (id: string, name: string): OpenBlock => ({ type: 'ToolCall', id, name });
const stream = (list: ChatEvent[], request = {}) =>
  streamOf(OPENAI_CHAT_CALLER, list, answerContext(request));
const first = (list: ChatEvent[]) => readChatStream(stream(list)).choices[0];

describe('a stream', () => {
  it('counts tools from 0, whatever blocks stand between them, and tells of usage when asked', () => {
    const list = events(
      [
        [{ type: 'Thinking' }, 'hm'],
        [{ type: 'Text' }, 'a', 'b'],
        [call('x', 'f'), '{"a"', ':1}'],
        [{ type: 'Text' }, 'c'],
        [call('y', 'g')],
      ],
      TOOLS,
    );
    const read = readChatStream(stream(list, { includeUsage: true }), true);
    expect(read.id).toBe('chatcmpl-msg_1');
    expect(read.choices[0]).toMatchObject({
      content: 'abc',
      reasoning: 'hm',
      finish: 'tool_calls',
      calls: [
        { id: 'x', name: 'f', arguments: '{"a":1}' },
        { id: 'y', name: 'g', arguments: '{}' },
      ],
    });
    expect(read.usage).toMatchObject({
      prompt_tokens: 17_307,
      completion_tokens: 550,
      prompt_tokens_details: { cached_tokens: 5000, cache_write_tokens: 12_304 },
      completion_tokens_details: { reasoning_tokens: 50 },
    });
    expect(readChatStream(stream(list)).usage).toBeUndefined();
  });

  it.each<[Finish['reason'], string, string, unknown]>([
    ['Stop', 'end_turn', 'stop', undefined],
    [
      'StopSequence',
      'stop_sequence',
      'stop',
      { outrider: { stop_reason: 'stop_sequence', stop_sequence: 'END' } },
    ],
    ['Length', 'max_tokens', 'length', undefined],
    [
      'ContextWindow',
      'model_context_window_exceeded',
      'length',
      { outrider: { stop_reason: 'model_context_window_exceeded' } },
    ],
    ['ContentFilter', 'SAFETY', 'content_filter', undefined],
    ['Refusal', 'refusal', 'content_filter', { outrider: { stop_reason: 'refusal' } }],
    ['Pause', 'pause_turn', 'length', { outrider: { stop_reason: 'pause_turn' } }],
    ['Other', 'MALFORMED_FUNCTION_CALL', 'length', { outrider: { stop_reason: 'MALFORMED_FUNCTION_CALL' } }],
  ])('that ends with %s', (reason, raw, finish, extra) => {
    const ended: Finish = reason === 'StopSequence' ? { reason, raw, sequence: 'END' } : { reason, raw };
    expect(first(events([[{ type: 'Text' }, 'x']], ended))).toMatchObject({ finish, finishExtra: extra });
    const body = bodyOf(
      OPENAI_CHAT_CALLER,
      responseOf({ blocks: [{ type: 'Text', text: 'x' }], finish: ended }),
    );
    expect(body).toMatchObject({
      choices: [{ finish_reason: finish, ...(extra === undefined ? {} : { extra_content: extra }) }],
    });
  });

  it('with a refusal ends as OpenAI ends it', () => {
    expect(
      first(events([[{ type: 'Refusal' }, 'I ', "can't."]], { reason: 'Refusal', raw: 'stop' })),
    ).toMatchObject({ refusal: "I can't.", finish: 'stop', finishExtra: undefined });
  });

  it('without any content is an answer', () => {
    expect(first(events([], STOP))).toMatchObject({ finish: 'stop', calls: [] });
  });

  it('hands over once what the client is to echo, and reads it back the same', () => {
    const sign = (vendor: 'anthropic' | 'google', value: string): ChatEvent => ({
      type: 'Signature',
      choice: 0,
      block: 0,
      signature: { vendor, value },
    });
    const choice = first(
      events(
        [
          [{ type: 'Thinking' }, 'h', 'm', sign('anthropic', 'sig')],
          [{ type: 'RedactedThinking', data: 'enc', vendor: 'anthropic' }],
          [{ type: 'Text' }, 'x', sign('google', 'g1')],
          [{ ...call('a', 'f'), signature: { vendor: 'google', value: 'g2' } } as OpenBlock, '{}'],
        ],
        TOOLS,
      ),
    );
    expect(choice?.extra).toEqual({
      anthropic: {
        thinking_blocks: [
          { type: 'thinking', thinking: 'hm', signature: 'sig' },
          { type: 'redacted_thinking', data: 'enc' },
        ],
      },
      google: { thought_signature: 'g1' },
    });
    const echoed = {
      role: 'assistant',
      content: choice?.content,
      reasoning_content: choice?.reasoning,
      extra_content: choice?.extra,
      tool_calls: choice?.calls.map(({ id, type, name, arguments: args, extra }) => ({
        id,
        type,
        function: { name, arguments: args },
        extra_content: extra,
      })),
    };
    const [turn] = OPENAI_CHAT_CALLER.readChat(Buffer.from(JSON.stringify({ messages: [echoed] }))).turns;
    expect(turn?.blocks).toEqual([
      { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'sig' } },
      { type: 'RedactedThinking', data: 'enc', vendor: 'anthropic' },
      { type: 'Text', text: 'x' },
      { type: 'Thinking', text: '', signature: { vendor: 'google', value: 'g1' } },
      { type: 'ToolCall', id: 'a', name: 'f', arguments: '{}', signature: { vendor: 'google', value: 'g2' } },
    ]);
  });

  it('answers functions of the old form in the old form', () => {
    const list = events([[call('x', 'f'), '{"a":1}']], TOOLS);
    const read = readChatStream(stream(list, { legacyFunctions: true }));
    expect(read.choices[0]).toMatchObject({
      functionCall: { name: 'f', arguments: '{"a":1}' },
      calls: [],
      finish: 'function_call',
    });
  });

  it('shows citations as annotations, and keeps what those leave out', () => {
    const web = { type: 'web_search_result_location', url: 'https://a.example', title: 'A', cited_text: 't' };
    const page = { type: 'page_location', document_index: 0 };
    const cite = (citation: object): ChatEvent => ({
      type: 'Citation',
      choice: 0,
      block: 0,
      citation: JSON.stringify(citation),
    });
    const expected = [
      {
        type: 'url_citation',
        url_citation: { start_index: 2, end_index: 5, title: 'A', url: 'https://a.example' },
      },
    ];
    const choice = first(
      events(
        [
          [{ type: 'Text' }, 'x '],
          [{ type: 'Text' }, 'abc', cite(web), cite(page)],
        ],
        STOP,
      ),
    );
    expect(choice).toMatchObject({ annotations: expected, extra: { outrider: { citations: [web, page] } } });
    const blocks = [
      { type: 'Text' as const, text: 'x ' },
      { type: 'Text' as const, text: 'abc', citations: JSON.stringify([web, page]) },
    ];
    expect(bodyOf(OPENAI_CHAT_CALLER, responseOf({ blocks }))).toMatchObject({
      choices: [
        { message: { annotations: expected, extra_content: { outrider: { citations: [web, page] } } } },
      ],
    });
  });

  it('of several choices keeps them apart', () => {
    const list: ChatEvent[] = [START];
    for (const choice of [0, 1]) list.push({ type: 'BlockStart', choice, block: 0, open: { type: 'Text' } });
    for (const choice of [1, 0, 1]) list.push({ type: 'Delta', choice, block: 0, text: String(choice) });
    for (const choice of [1, 0]) list.push({ type: 'Logprobs', choice, logprobs: '{"content":[]}' });
    for (const choice of [0, 1])
      list.push({ type: 'BlockStop', choice, block: 0 }, { type: 'Finish', choice, finish: STOP });
    expect(readChatStream(stream([...list, { type: 'End' }])).choices).toMatchObject([
      { content: '0', logprobs: [{}] },
      { content: '11' },
    ]);
  });
});

describe('a whole answer', () => {
  it('has everything in its place', () => {
    const body = bodyOf(
      OPENAI_CHAT_CALLER,
      responseOf(
        {
          blocks: [
            { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'sig' } },
            { type: 'Text', text: 'a' },
            { type: 'ToolCall', id: 'x', name: 'f', arguments: '' },
            { type: 'ToolCall', id: 'y', name: 'sql', arguments: 'select', custom: true },
          ],
          finish: TOOLS,
          logprobs: '{"content":[],"refusal":null}',
        },
        { id: undefined, model: undefined, usage: USAGE, serviceTier: 'priority' },
      ),
    );
    expect(body).toMatchObject({
      id: 'chatcmpl-r1',
      object: 'chat.completion',
      created: 1_780_000_000,
      model: 'asked-model',
      service_tier: 'priority',
      usage: { prompt_tokens: 17_307, total_tokens: 17_857 },
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          logprobs: { content: [] },
          message: {
            role: 'assistant',
            content: 'a',
            refusal: null,
            reasoning_content: 'hm',
            tool_calls: [
              { id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } },
              { id: 'y', type: 'custom', custom: { name: 'sql', input: 'select' } },
            ],
            extra_content: {
              anthropic: { thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 'sig' }] },
            },
          },
        },
      ],
    });
  });
});

describe("a vendor's error", () => {
  it.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [404, 'not_found_error'],
    [429, 'rate_limit_error'],
    [529, 'server_error'],
  ])('of status %i is one of OpenAI', (status, type) => {
    const error = {
      status,
      code: undefined,
      type: 'overloaded_error',
      message: 'max_tokens: must be at least 1',
    };
    expect(JSON.parse(OPENAI_CHAT_CALLER.renderUpstreamError(error, status).toString())).toEqual({
      error: { message: error.message, type, param: null, code: 'overloaded_error' },
    });
  });
});
