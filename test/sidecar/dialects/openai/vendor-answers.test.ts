import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallSequencer } from '../../../../sidecar/dialects/canonical/call-sequencer.ts';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { OPENAI_CHAT_CALLER, OPENAI_CHAT_VENDOR } from '../../../../sidecar/dialects/openai/formats.ts';
import { crossStream } from '../support/crossing.ts';
import { joined, sse, tell } from '../support/vendor.ts';
import { readChatStream } from '../validators/openai-chat.ts';

const SIDE = { wire: OPENAI_CHAT, vendor: OPENAI_CHAT_VENDOR };
const chunk = (delta: object, finish: string | null = null, rest: object = {}) => ({
  id: 'x1',
  model: 'm1',
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...rest,
});
const tools = (...calls: object[]) => chunk({ tool_calls: calls });
const fn = (name: string | undefined, args: unknown, rest: object = {}) => ({
  ...rest,
  function: { ...(name === undefined ? {} : { name }), arguments: args },
});

/** What a caller of chat completions ends up with; the stream written for it is checked. */
function got(...events: object[]) {
  const bytes = Buffer.concat([sse(...events), Buffer.from('data: [DONE]\n\n')]);
  const told = tell(OPENAI_CHAT, OPENAI_CHAT_VENDOR, bytes);
  expect(told.error).toBeUndefined();
  return readChatStream(crossStream(OPENAI_CHAT_CALLER, SIDE, bytes)).choices[0];
}

describe('tool calls of imitators', () => {
  it.each<[string, object[], [string, string][]]>([
    [
      'name and arguments in one chunk',
      [tools(fn('f', '{"a":1}', { index: 0, id: 'a' }))],
      [['f', '{"a":1}']],
    ],
    [
      'several in one chunk',
      [tools(fn('f', '{}', { index: 0, id: 'a' }), fn('g', '{"b":2}', { index: 1, id: 'b' }))],
      [
        ['f', '{}'],
        ['g', '{"b":2}'],
      ],
    ],
    [
      'the same index for all',
      [tools(fn('f', '{}', { index: 0, id: 'a' })), tools(fn('g', '{}', { index: 0, id: 'b' }))],
      [
        ['f', '{}'],
        ['g', '{}'],
      ],
    ],
    [
      'no index',
      [tools(fn('f', '{"a"', { id: 'a' })), tools(fn(undefined, ':1}')), tools(fn('g', '{}', { id: 'b' }))],
      [
        ['f', '{"a":1}'],
        ['g', '{}'],
      ],
    ],
    [
      'neither index nor id',
      [tools(fn('f', '{}')), tools(fn('g', '{'), fn(undefined, '}'))],
      [
        ['f', '{}'],
        ['g', '{}'],
      ],
    ],
    [
      'arguments before the id and the name',
      [tools(fn(undefined, '{"a":', { index: 0 })), tools(fn('f', '1}', { index: 0, id: 'a' }))],
      [['f', '{"a":1}']],
    ],
    [
      'the name in every chunk',
      [tools(fn('f', '{"a":', { index: 0, id: 'a' })), tools(fn('f', '1}', { index: 0 }))],
      [['f', '{"a":1}']],
    ],
    [
      'side by side',
      [
        tools(fn('f', '{"a":', { index: 0, id: 'a' })),
        tools(fn('g', '{"b":', { index: 1, id: 'b' })),
        tools(fn(undefined, '1}', { index: 0 })),
        tools(fn(undefined, '2}', { index: 1 })),
      ],
      [
        ['f', '{"a":1}'],
        ['g', '{"b":2}'],
      ],
    ],
    ['an object as arguments', [tools(fn('f', { n: 1.5 }, { index: 0, id: 'a' }))], [['f', '{"n":1.5}']]],
    ['no arguments at all', [tools({ index: 0, id: 'a', function: { name: 'f' } })], [['f', '{}']]],
    [
      'null in place of nothing',
      [
        chunk({ content: null, tool_calls: null, refusal: null }),
        tools({ index: 0, id: 'a', function: { name: 'f', arguments: null } }),
      ],
      [['f', '{}']],
    ],
    [
      'a legacy function',
      [
        chunk({ function_call: { name: 'f', arguments: '{"a"' } }),
        chunk({ function_call: { arguments: ':1}' } }),
      ],
      [['f', '{"a":1}']],
    ],
  ])('with %s', (_, events, expected) => {
    const choice = got(...events, chunk({}, 'stop'));
    expect(choice?.calls.map(({ name, arguments: args }) => [name, args])).toEqual(expected);
    expect(choice?.finish).toBe('tool_calls');
    expect(new Set(choice?.calls.map(({ id }) => id)).size).toBe(expected.length);
  });

  it('keep arguments as they were written, even where they are an object', () => {
    const data =
      '{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"n":12345678901234567890, "m":1.0}}}]},"finish_reason":"tool_calls"}]}';
    const told = tell(OPENAI_CHAT, OPENAI_CHAT_VENDOR, Buffer.from(`data: ${data}\n\n`));
    expect(told.events).toContainEqual(
      expect.objectContaining({ type: 'Delta', text: '{"n":12345678901234567890, "m":1.0}' }),
    );
  });

  it('without a name and an id are none', () => {
    expect(
      got(tools({ index: 0, function: { arguments: '' } }), chunk({ content: 'x' }), chunk({}, 'stop')),
    ).toMatchObject({ content: 'x', finish: 'stop' });
  });
});

describe('content of imitators', () => {
  it('tells thinking under two names once', () => {
    expect(
      got(chunk({ reasoning: 'hm', reasoning_content: 'hm' }), chunk({ content: 'x' }, 'stop')),
    ).toMatchObject({ reasoning: 'hm', content: 'x' });
    expect(
      got(
        chunk({ reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }),
        chunk({ content: 'x' }, 'stop'),
      ),
    ).toMatchObject({ reasoning: 'hm' });
  });

  it('takes parts, with thinking in parts of its own', () => {
    const parts = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'x' },
    ];
    expect(got(chunk({ content: parts }), chunk({ content: 'y' }, 'stop'))).toMatchObject({
      reasoning: 'hm',
      content: 'xy',
    });
  });

  it('ends with what came behind the finish_reason too', () => {
    expect(got(chunk({ content: 'x' }, 'stop'), chunk({ content: 'y' }))).toMatchObject({
      content: 'xy',
      finish: 'stop',
    });
  });

  it('keeps refusals, log probabilities and annotations', () => {
    const annotation = {
      type: 'url_citation',
      url_citation: { url: 'https://a', title: 'A', start_index: 0, end_index: 1 },
    };
    const bytes = sse(chunk({ content: 'x', annotations: [annotation] }), {
      choices: [
        {
          index: 0,
          delta: {},
          logprobs: { content: [{ token: 'x', logprob: -0.5 }] },
          finish_reason: 'stop',
        },
      ],
    });
    const choice = readChatStream(crossStream(OPENAI_CHAT_CALLER, SIDE, bytes)).choices[0];
    expect(choice).toMatchObject({
      annotations: [annotation],
      logprobs: [{ content: [{ token: 'x', logprob: -0.5 }] }],
    });
    expect(got(chunk({ refusal: 'no' }), chunk({}, 'stop'))).toMatchObject({ refusal: 'no', finish: 'stop' });
  });

  it.each([
    [
      'every chunk',
      [
        chunk({ content: 'x' }, null, { usage: { prompt_tokens: 3, completion_tokens: 1 } }),
        chunk({}, 'stop', { usage: { prompt_tokens: 3, completion_tokens: 2 } }),
      ],
    ],
    [
      'the finish chunk',
      [chunk({ content: 'x' }), chunk({}, 'stop', { usage: { prompt_tokens: 3, completion_tokens: 2 } })],
    ],
    [
      'a last chunk',
      [
        chunk({ content: 'x' }),
        chunk({}, 'stop'),
        { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
      ],
    ],
  ])('takes usage from %s', (_, events) => {
    const { events: told } = tell(OPENAI_CHAT, OPENAI_CHAT_VENDOR, sse(...events));
    expect(told.filter(({ type }) => type === 'Usage')).toMatchObject([{ usage: { input: 3, output: 2 } }]);
  });

  it.each([
    ['length', 'Length'],
    ['eos', 'Stop'],
    ['model_length', 'ContextWindow'],
    ['content_filter', 'ContentFilter'],
    ['tool_use', 'ToolCalls'],
    ['banana', 'Other'],
  ])('knows the finish_reason %s', (raw, reason) => {
    const { events } = tell(OPENAI_CHAT, OPENAI_CHAT_VENDOR, sse(chunk({ content: 'x' }, raw)));
    expect(events).toContainEqual({ type: 'Finish', choice: 0, finish: { reason, raw } });
  });
});

describe('a whole answer', () => {
  it('is read with the same eyes', () => {
    const body = {
      id: 'x1',
      model: 'm1',
      service_tier: 'flex',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'a',
            reasoning: 'hm',
            tool_calls: [{ function: { name: 'f', arguments: { n: 1 } } }],
          },
          finish_reason: 'stop',
        },
        {
          index: 1,
          message: { role: 'assistant', content: null, refusal: 'no' },
          finish_reason: 'stop',
          logprobs: { content: [] },
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 4 } },
    };
    const response = OPENAI_CHAT_VENDOR.readComplete(Buffer.from(JSON.stringify(body)), emptyRequest());
    expect(response).toMatchObject({
      id: 'x1',
      model: 'm1',
      serviceTier: 'flex',
      usage: { input: 6, cacheRead: 4, output: 7 },
      choices: [
        {
          blocks: [
            { type: 'Thinking', text: 'hm' },
            { type: 'Text', text: 'a' },
            {
              type: 'ToolCall',
              name: 'f',
              arguments: '{"n":1}',
              id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string,
            },
          ],
          finish: { reason: 'ToolCalls', raw: 'stop' },
        },
        {
          blocks: [{ type: 'Refusal', text: 'no' }],
          finish: { reason: 'Refusal' },
          logprobs: '{"content":[]}',
        },
      ],
    });
  });
});

describe('any stream', () => {
  const piece = fc.oneof(
    fc.record({ content: fc.string({ unit: 'grapheme', maxLength: 6 }) }),
    fc.record({ reasoning_content: fc.string({ unit: 'grapheme', maxLength: 6 }) }),
    fc.record({ refusal: fc.string({ maxLength: 4 }) }),
    fc.record({
      tool_calls: fc.array(
        fc.record(
          {
            index: fc.nat(3),
            id: fc.constantFrom('a', 'b', 'c'),
            function: fc.record(
              { name: fc.constantFrom('f', 'g'), arguments: fc.constantFrom('{', '}', '"', '{"a":1}', '') },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: ['function'] },
        ),
        { maxLength: 3 },
      ),
    }),
  );

  it('becomes a valid one, the same wherever it is cut, with all of its text', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.nat(2000), { maxLength: 20 }),
        (deltas, cuts) => {
          const bytes = sse(...deltas.map((delta) => chunk(delta)), chunk({}, 'stop'));
          const whole = tell(OPENAI_CHAT, OPENAI_CHAT_VENDOR, bytes);
          const cut = tell(
            OPENAI_CHAT,
            OPENAI_CHAT_VENDOR,
            bytes,
            cuts.map((at) => at % bytes.length),
          );
          expect(cut.events).toEqual(whole.events);
          const choice = readChatStream(crossStream(OPENAI_CHAT_CALLER, SIDE, bytes)).choices[0];
          const text = deltas.map((delta) => ('content' in delta ? delta.content : '')).join('');
          expect(choice?.content ?? '').toBe(text);
          const sent = deltas.flatMap((delta) => ('tool_calls' in delta ? delta.tool_calls : []));
          expect((choice?.calls.length ?? 0) > 0).toBe(
            sent.some(
              (call) =>
                call.id !== undefined || Boolean(call.function.name) || Boolean(call.function.arguments),
            ),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('comes out whole when calls are interleaved, whatever the order', () => {
    const args = fc.json({ maxDepth: 2 }).filter((text) => text.startsWith('{'));
    const calls = fc.array(args, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(calls, fc.infiniteStream(fc.nat(99)), (texts, picks) => {
        const left = texts.map((text, index) => ({ index, pieces: text.match(/[\s\S]{1,3}/gu) ?? [] }));
        const events: object[] = texts.map((_, index) =>
          tools(fn(`f${index}`, '', { index, id: `c${index}` })),
        );
        for (let open = left; open.length > 0; open = open.filter(({ pieces }) => pieces.length > 0)) {
          const call = open[(picks.next().value as number) % open.length] as (typeof open)[number];
          const text = call.pieces.shift();
          if (text !== undefined) events.push(tools(fn(undefined, text, { index: call.index })));
        }
        expect(got(...events, chunk({}, 'tool_calls'))?.calls.map((call) => call.arguments)).toEqual(texts);
      }),
      { numRuns: 100 },
    );
  });

  it('that would have too much held is an error, not memory', () => {
    const sequencer = new CallSequencer(0, '');
    const emit = (): void => {};
    sequencer.call('a', { name: 'f', arguments: '{' }, emit);
    const text = 'x'.repeat(64 * 1024);
    expect(() => {
      for (let i = 0; i < 100; i++) sequencer.text('Text', text, emit);
    }).toThrow('too much comes before a tool call is complete');
  });

  it('joins to the same text for a caller of any pace', () => {
    const bytes = sse(chunk({ content: 'a' }), chunk({ content: 'b' }), chunk({}, 'stop'));
    expect(joined(tell(OPENAI_CHAT, OPENAI_CHAT_VENDOR, bytes).events)).toContainEqual({
      type: 'Delta',
      choice: 0,
      block: 0,
      text: 'ab',
    });
  });
});
