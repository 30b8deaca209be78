import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import {
  ANTHROPIC_MESSAGES_CALLER,
  ANTHROPIC_MESSAGES_VENDOR,
} from '../../../../sidecar/dialects/anthropic/formats.ts';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import type { ChatRequest } from '../../../../sidecar/dialects/canonical/request.ts';
import type { ChatEvent } from '../../../../sidecar/dialects/canonical/response.ts';
import { openTranslation } from '../../../../sidecar/dialects/translation.ts';
import { answerContext } from '../support/caller.ts';
import { joined, type Told, tell } from '../support/vendor.ts';
import { readAnthropicStream } from '../validators/anthropic.ts';

const VENDOR = ANTHROPIC_MESSAGES_VENDOR;
type Json = Record<string, unknown>;

const wire = (...events: Json[]): Buffer =>
  Buffer.from(
    events.map((event) => `event: ${event['type'] as string}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
  );
const start = (usage: Json = { input_tokens: 3, output_tokens: 1 }): Json => ({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [],
    stop_reason: null,
    usage,
  },
});
const block = (index: number, content_block: Json, ...deltas: Json[]): Json[] => [
  { type: 'content_block_start', index, content_block },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];
const text = (...pieces: string[]): Json[] => pieces.map((piece) => ({ type: 'text_delta', text: piece }));
const input = (...pieces: string[]): Json[] =>
  pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece }));
const stop = (stop_reason = 'end_turn', rest: Json = {}): Json[] => [
  {
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: null, ...rest },
    usage: { output_tokens: 9 },
  },
  { type: 'message_stop' },
];
const read = (...events: Json[]): Told => tell(ANTHROPIC_MESSAGES, VENDOR, wire(start(), ...events));
const short = (events: readonly ChatEvent[]): string[] =>
  joined(events).flatMap((event) => {
    switch (event.type) {
      case 'BlockStart':
        return [`+${event.open.type}${'name' in event.open ? ` ${event.open.id} ${event.open.name}` : ''}`];
      case 'Delta':
        return [event.text];
      case 'Signature':
        return [`${event.signature.vendor}:${event.signature.value}`];
      case 'Citation':
        return [event.citation];
      case 'Finish':
        return [`.${event.finish.reason}`];
      default:
        return [];
    }
  });

/** Text, thinking of all kinds, and calls. */
const FULL = wire(
  start({ input_tokens: 8834, output_tokens: 1 }),
  { type: 'ping' },
  ...block(
    0,
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'thinking_delta', thinking: 'hm é' },
    { type: 'thinking_delta', thinking: ' \u{1f914}' },
    { type: 'signature_delta', signature: 'Eq+/=' },
  ),
  ...block(
    1,
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'signature_delta', signature: 'alone' },
  ),
  ...block(2, { type: 'redacted_thinking', data: 'D+/=' }),
  ...block(3, { type: 'text', text: '' }, ...text('Hel', 'lo \u{1f600}')),
  ...block(4, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }, ...input('', '{"q": 1', '.0}')),
  ...block(5, { type: 'tool_use', id: 'toolu_2', name: 'g', input: {} }, ...input('')),
  {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { input_tokens: 18, cache_read_input_tokens: 8831, output_tokens: 426 },
  },
  { type: 'message_stop' },
);
const FULL_TOLD = [
  '+Thinking',
  'hm é \u{1f914}',
  'anthropic:Eq+/=',
  '+Thinking',
  'anthropic:alone',
  '+RedactedThinking',
  '+Text',
  'Hello \u{1f600}',
  '+ToolCall toolu_1 f',
  '{"q": 1.0}',
  '+ToolCall toolu_2 g',
  '.ToolCalls',
];

describe('streams', () => {
  it('are told block by block', () => {
    const told = tell(ANTHROPIC_MESSAGES, VENDOR, FULL);
    expect(short(told.events)).toEqual(FULL_TOLD);
    expect(told.events).toContainEqual({
      type: 'Usage',
      usage: { input: 18, cacheRead: 8831, audioInput: 0, output: 426, reasoning: 0, audioOutput: 0 },
      rawUsage: { input_tokens: 18, cache_read_input_tokens: 8831, output_tokens: 426 },
      serviceTier: undefined,
    });
    expect(told.events[0]).toMatchObject({
      type: 'Start',
      id: 'msg_1',
      model: 'claude-x',
      usage: { input: 8834 },
    });
  });

  it('are the same wherever the bytes are cut', () => {
    const of = (cuts: number[]) =>
      JSON.stringify(joined(tell(ANTHROPIC_MESSAGES, VENDOR, FULL, cuts).events));
    const whole = of([]);
    for (let at = 1; at < FULL.length; at++) {
      expect(of([at])).toBe(whole);
    }
    fc.assert(
      fc.property(fc.array(fc.nat(FULL.length), { maxLength: 20 }), (cuts) => {
        expect(of(cuts)).toBe(whole);
      }),
      { numRuns: 50 },
    );
  });

  it('every order of blocks keeps every byte', () => {
    const kinds = fc.constantFrom('text', 'thinking', 'tool_use');
    const pieces = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(kinds, pieces), { maxLength: 8 }), (parts) => {
        const events = parts.flatMap(([kind, texts], index) => {
          if (kind === 'text') return block(index, { type: 'text', text: '' }, ...text(...texts));
          if (kind === 'tool_use') {
            return block(
              index,
              { type: 'tool_use', id: `t${index}`, name: 'f', input: {} },
              ...input(...texts),
            );
          }
          const deltas = texts.map((piece) => ({ type: 'thinking_delta', thinking: piece }));
          return block(index, { type: 'thinking', thinking: '', signature: '' }, ...deltas);
        });
        const expected = parts.flatMap(([kind, texts], index) => {
          const whole = texts.join('');
          if (kind === 'text' && whole === '') return [];
          const open =
            kind === 'text' ? '+Text' : kind === 'thinking' ? '+Thinking' : `+ToolCall t${index} f`;
          return whole === '' ? [open] : [open, whole];
        });
        expect(short(read(...events, ...stop()).events)).toEqual([...expected, '.Stop']);
      }),
      { numRuns: 200 },
    );
  });

  it('input given with the start of a call counts where no pieces follow, once', () => {
    const call = { type: 'tool_use', id: 't', name: 'f', input: { q: 1 } };
    expect(short(read(...block(0, call), ...stop('tool_use')).events)).toContain('{"q":1}');
    const both = short(read(...block(0, call, ...input('{"q":', '1}')), ...stop('tool_use')).events);
    expect(both.filter((told) => told.includes('q'))).toEqual(['{"q":1}']);
  });

  it('servers that leave out starts and ends of blocks are understood', () => {
    const delta = (piece: Json): Json => ({ type: 'content_block_delta', index: 0, delta: piece });
    const bare = wire(
      delta({ type: 'thinking_delta', thinking: 'hm' }),
      delta({ type: 'text_delta', text: 'Hi' }),
      {
        type: 'content_block_start',
        index: 1,
        content_block: { type: 'tool_use', id: 't', name: 'f', input: {} },
      },
      delta({ type: 'input_json_delta', partial_json: '{}' }),
      ...stop('tool_use'),
    );
    const { events } = tell(ANTHROPIC_MESSAGES, VENDOR, bare);
    expect(short(events)).toEqual(['+Thinking', 'hm', '+Text', 'Hi', '+ToolCall t f', '{}', '.ToolCalls']);
  });

  it('citations and blocks of its own tools are kept as written', () => {
    const citation = { type: 'page_location', cited_text: 'x', document_index: 0 };
    const told = read(
      ...block(0, { type: 'text', text: '' }, ...text('x'), { type: 'citations_delta', citation }),
      ...block(
        1,
        { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
        ...input('{"query"', ': "x"}'),
      ),
      ...block(2, {
        type: 'web_search_tool_result',
        tool_use_id: 's',
        content: [{ encrypted_content: 'E' }],
      }),
      ...stop('pause_turn'),
    );
    expect(short(told.events)).toEqual([
      '+Text',
      'x',
      JSON.stringify(citation),
      '+Native',
      '+Native',
      '.Pause',
    ]);
    expect(told.events.filter((event) => event.type === 'BlockStart').map(({ open }) => open)).toMatchObject([
      {},
      { json: '{"type":"server_tool_use","id":"s","name":"web_search","input":{"query": "x"}}' },
      { json: '{"type":"web_search_tool_result","tool_use_id":"s","content":[{"encrypted_content":"E"}]}' },
    ]);
  });

  it.each([
    ['end_turn', 'Stop'],
    ['max_tokens', 'Length'],
    ['refusal', 'Refusal'],
    ['pause_turn', 'Pause'],
    ['model_context_window_exceeded', 'ContextWindow'],
    ['eos_by_moon', 'Other'],
  ])('%s is %s', (raw, reason) => {
    const finish = { type: 'Finish', choice: 0, finish: { reason, raw } };
    expect(read(...block(0, { type: 'text', text: '' }, ...text('x')), ...stop(raw)).events).toContainEqual(
      finish,
    );
  });

  it('tell which stop sequence was met', () => {
    expect(read(...stop('stop_sequence', { stop_sequence: 'END' })).events).toContainEqual({
      type: 'Finish',
      choice: 0,
      finish: { reason: 'StopSequence', raw: 'stop_sequence', sequence: 'END' },
    });
  });

  it('that break off or bring an error do not end well', () => {
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'x' } };
    const failed = read(...block(0, { type: 'text', text: '' }, ...text('x')), overloaded);
    expect(failed).toMatchObject({ error: { status: 529 }, finished: false });
    expect(read(...block(0, { type: 'text', text: '' }, ...text('x')))).toMatchObject({
      finished: false,
      terminal: false,
    });
  });

  it('whatever comes as an event, what is told of it is in order', () => {
    const type = fc.constantFrom(
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'ping',
      'odd',
    );
    const kind = fc.constantFrom('text', 'thinking', 'tool_use', 'redacted_thinking', 'odd_result');
    const inner = fc.record(
      {
        type: fc.oneof(
          kind,
          fc.constantFrom('text_delta', 'thinking_delta', 'input_json_delta', 'signature_delta'),
        ),
        text: fc.oneof(fc.string(), fc.jsonValue()),
        thinking: fc.string(),
        partial_json: fc.string(),
        signature: fc.string(),
        id: fc.jsonValue(),
        name: fc.string(),
        input: fc.jsonValue(),
        citation: fc.jsonValue(),
        stop_reason: fc.oneof(fc.constantFrom('end_turn', 'tool_use'), fc.constant(null)),
      },
      { requiredKeys: [] },
    );
    const event = fc.record(
      {
        type,
        index: fc.nat(3),
        content_block: inner,
        delta: inner,
        usage: fc.jsonValue(),
        message: fc.jsonValue(),
      },
      { requiredKeys: ['type'] },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), (events) => {
        const told = tell(ANTHROPIC_MESSAGES, VENDOR, wire(...events));
        expect(told.events.every(({ type: name }) => typeof name === 'string')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('a block that is held while it comes is bounded', () => {
    const piece = 'x'.repeat(1024 * 1024);
    const search = { type: 'server_tool_use', id: 's', name: 'web_search', input: {} };
    const endless = block(0, search, ...input(piece, piece, piece, piece, piece));
    expect(() => read(...endless)).toThrow(expect.objectContaining({ code: 'upstream_stream_broken' }));
  });
});

describe('what a tool stood in for', () => {
  const asked = (request: Partial<ChatRequest>) => answerContext(request);
  const schema = {
    type: 'JSONSchema',
    name: 'a',
    description: undefined,
    schema: '{}',
    strict: undefined,
  } as const;
  const answer = [
    ...block(0, { type: 'tool_use', id: 't', name: 'outrider_answer', input: {} }, ...input('{"n"', ': 1}')),
    ...stop('tool_use'),
  ];

  function cross(request: Partial<ChatRequest>, ...events: Json[]) {
    const stream = openTranslation(ANTHROPIC_MESSAGES_CALLER, VENDOR, asked(request)).openStream();
    const reader = ANTHROPIC_MESSAGES.openStream();
    const out: Buffer[] = [];
    for (const event of [start(), ...events]) {
      const data = Buffer.from(JSON.stringify(event));
      const bytes = stream.event(data, reader.read(data, data));
      if (bytes) out.push(bytes);
    }
    out.push(stream.end() ?? Buffer.alloc(0));
    return readAnthropicStream(Buffer.concat(out));
  }

  it('an answer by a schema is text again', () => {
    const message = cross({ output: schema }, ...answer);
    expect(message.blocks).toMatchObject([{ type: 'text', text: '{"n": 1}' }]);
    expect(message.stopReason).toBe('end_turn');
  });

  it('only where it was asked for so', () => {
    expect(cross({}, ...answer).blocks).toMatchObject([{ type: 'tool_use' }]);
    const own = {
      type: 'Function',
      name: 'outrider_answer',
      description: undefined,
      schema: undefined,
      strict: undefined,
    } as const;
    expect(cross({ output: schema, tools: [own] }, ...answer).blocks).toMatchObject([{ type: 'tool_use' }]);
  });

  it('the text of a tool that takes text', () => {
    const custom = {
      type: 'Custom',
      name: 'shell',
      description: undefined,
      schema: undefined,
      strict: undefined,
    } as const;
    const call = block(
      0,
      { type: 'tool_use', id: 't', name: 'shell', input: {} },
      ...input('{"input": "ls \\"', '-l\\n"}'),
    );
    const events: ChatEvent[] = [];
    const source = VENDOR.openReader({ ...emptyRequest(), tools: [custom] });
    const reader = ANTHROPIC_MESSAGES.openStream();
    for (const event of [start(), ...call, ...stop('tool_use')]) {
      const data = Buffer.from(JSON.stringify(event));
      source.read(data, reader.read(data, data), (told) => events.push(told));
    }
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'BlockStart',
        open: { type: 'ToolCall', id: 't', name: 'shell', custom: true },
      }),
    );
    expect(short(events)).toContain('ls "-l\n');
  });
});

describe('whole answers', () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'S' },
      { type: 'redacted_thinking', data: 'D' },
      { type: 'text', text: 'Hi', citations: [{ type: 'char_location' }] },
      { type: 'tool_use', id: 't', name: 'f', input: {} },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 5, service_tier: 'standard' },
  };
  const complete = (value: unknown, request: Partial<ChatRequest> = {}) =>
    VENDOR.readComplete(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), {
      ...emptyRequest(),
      ...request,
    });

  it('say what streams say', () => {
    expect(complete(message)).toMatchObject({
      id: 'msg_1',
      model: 'claude-x',
      choices: [
        {
          blocks: [
            { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'S' } },
            { type: 'RedactedThinking', data: 'D', vendor: 'anthropic' },
            { type: 'Text', text: 'Hi', citations: '[{"type":"char_location"}]' },
            { type: 'ToolCall', id: 't', name: 'f', arguments: '' },
          ],
          finish: { reason: 'ToolCalls', raw: 'tool_use' },
        },
      ],
      usage: { input: 3, output: 5 },
      rawUsage: message.usage,
      serviceTier: 'default',
    });
  });

  it('keep arguments as they were written', () => {
    const written =
      '{"content":[{"type":"tool_use","id":"t","name":"f","input":{"b": 1.0,"a":12345678901234567890}}],"stop_reason":"tool_use"}';
    expect(complete(written).choices[0]?.blocks[0]).toMatchObject({
      arguments: '{"b": 1.0,"a":12345678901234567890}',
    });
  });

  it('come back through their own dialect as they were', () => {
    const context = answerContext();
    const bytes = openTranslation(ANTHROPIC_MESSAGES_CALLER, VENDOR, context).complete(
      Buffer.from(JSON.stringify(message)),
    );
    expect(JSON.parse(bytes.toString())).toMatchObject(message);
  });

  it('without content are none', () => {
    expect(() => complete({ type: 'message' })).toThrow(expect.objectContaining({ code: 'upstream_failed' }));
  });
});
