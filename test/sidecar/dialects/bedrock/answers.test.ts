import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  eventMessage,
  eventStreamMessage,
  exceptionMessage,
} from '../../../../dev/providers/event-stream.ts';
import { BEDROCK_CONVERSE, BEDROCK_CONVERSE_VENDOR } from '../../../../sidecar/dialects/bedrock/formats.ts';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import type { ChatRequest } from '../../../../sidecar/dialects/canonical/request.ts';
import { joined, tell as tellFrom } from '../support/vendor.ts';

type Message = [string, object];
const bytes = (...messages: Message[]): Buffer =>
  Buffer.concat(messages.map(([type, payload]) => eventMessage(type, payload)));
const tell = (stream: Buffer, cuts?: readonly number[], asked: Partial<ChatRequest> = {}) =>
  tellFrom(BEDROCK_CONVERSE, BEDROCK_CONVERSE_VENDOR, stream, cuts, asked);
const complete = (value: unknown, asked: Partial<ChatRequest> = {}) =>
  BEDROCK_CONVERSE_VENDOR.readComplete(
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    {
      ...emptyRequest(),
      ...asked,
    },
  );

const START: Message = ['messageStart', { role: 'assistant', p: 'abcd' }];
const delta = (contentBlockIndex: number, inner: object): Message => [
  'contentBlockDelta',
  { contentBlockIndex, delta: inner },
];
const stop = (contentBlockIndex: number): Message => ['contentBlockStop', { contentBlockIndex }];
const use = (contentBlockIndex: number, toolUseId: string, name: string): Message => [
  'contentBlockStart',
  { contentBlockIndex, start: { toolUse: { toolUseId, name } } },
];
const done = (stopReason: string, more: object = {}): Message => ['messageStop', { stopReason, ...more }];
const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
const METADATA: Message = ['metadata', { usage, metrics: { latencyMs: 9 } }];

describe('transcripts', () => {
  const golden = new URL('golden/', import.meta.url);
  const names = readdirSync(golden).filter((name) => name.endsWith('.messages'));
  const read = (name: string): Buffer =>
    bytes(
      ...readFileSync(new URL(name, golden), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line): Message => {
          const space = line.indexOf(' ');
          return [line.slice(0, space), JSON.parse(line.slice(space + 1)) as object];
        }),
    );
  it.each(names)('%s', async (name) => {
    const told = tell(read(name));
    const text = `${told.events.map((event) => JSON.stringify(event)).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(new URL(name.replace('.messages', '.events'), golden).pathname);
    expect(told).toMatchObject({ error: undefined, finished: true, terminal: true });
  });
  it.each(names)('%s, cut anywhere', (name) => {
    const stream = read(name);
    const whole = JSON.stringify(tell(stream).events);
    for (let at = 1; at < stream.length; at++) expect(JSON.stringify(tell(stream, [at]).events)).toBe(whole);
  });
});

describe('streams', () => {
  it('commit to the first part or stop reason', () => {
    expect(tell(bytes(START, delta(0, { text: '' }), delta(0, { text: 'a' }))).commitsAt).toBe(2);
    expect(tell(bytes(START, use(0, 'a', 'f'))).commitsAt).toBe(1);
    expect(tell(bytes(START, done('end_turn'))).commitsAt).toBe(1);
  });

  it('give a call without arguments an empty object of them', () => {
    const { events } = tell(
      bytes(
        START,
        use(0, 't1', 'f'),
        delta(0, { toolUse: { input: '' } }),
        stop(0),
        use(1, 't2', 'g'),
        stop(1),
        done('tool_use'),
        METADATA,
      ),
    );
    expect(events.filter((event) => event.type === 'Delta').map(({ block, text }) => [block, text])).toEqual([
      [0, '{}'],
      [1, '{}'],
    ]);
  });

  it('end well without metadata, and not without a stop reason', () => {
    expect(tell(bytes(START, delta(0, { text: 'a' }), stop(0), done('end_turn'))).finished).toBe(true);
    expect(tell(bytes(START, delta(0, { text: 'a' }), stop(0))).finished).toBe(false);
  });

  it('tell which sequence was met', () => {
    const met = done('stop_sequence', { additionalModelResponseFields: { stop_sequence: 'END' } });
    expect(tell(bytes(START, delta(0, { text: 'a' }), met)).events).toContainEqual({
      type: 'Finish',
      choice: 0,
      finish: { reason: 'StopSequence', raw: 'stop_sequence', sequence: 'END' },
    });
  });

  it.each([
    ['throttlingException', 429],
    ['modelStreamErrorException', 424],
    ['internalServerException', 500],
    ['validationException', 400],
    ['serviceUnavailableException', 503],
  ])('%s', (kind, status) => {
    const { error } = tell(
      Buffer.concat([bytes(START, delta(0, { text: 'a' })), exceptionMessage(kind, 'said')]),
    );
    expect(error).toEqual({ status, code: kind, type: 'exception', message: 'said' });
  });

  it('are broken by what is not well formed', () => {
    const error = eventStreamMessage(
      { ':message-type': 'error', ':error-code': 'InternalFailure', ':error-message': 'm' },
      '',
    );
    expect(tell(error).error).toMatchObject({ code: 'InternalFailure', message: 'm' });
    expect(tell(eventStreamMessage({ ':message-type': 'event', ':event-type': 'x' }, '{')).error?.code).toBe(
      'invalid_event',
    );
    const damaged = bytes(START, delta(0, { text: 'a' }));
    damaged[20] = (damaged[20] as number) ^ 1;
    expect(tell(damaged)).toMatchObject({ tail: 'TooLong', finished: false, events: [] });
  });

  it('answer by a schema through a tool as text', () => {
    const output = {
      type: 'JSONSchema',
      name: 'n',
      description: undefined,
      schema: '{}',
      strict: true,
    } as const;
    const { events } = tell(
      bytes(
        START,
        use(0, 't', 'outrider_answer'),
        delta(0, { toolUse: { input: '{"a"' } }),
        delta(0, { toolUse: { input: ':1}' } }),
        stop(0),
        done('tool_use'),
        METADATA,
      ),
      [],
      { output },
    );
    expect(joined(events).slice(1, -2)).toEqual([
      { type: 'BlockStart', choice: 0, block: 0, open: { type: 'Text' } },
      { type: 'Delta', choice: 0, block: 0, text: '{"a":1}' },
      { type: 'BlockStop', choice: 0, block: 0 },
      { type: 'Finish', choice: 0, finish: { reason: 'Stop', raw: 'tool_use' } },
    ]);
    const whole = {
      output: {
        message: {
          role: 'assistant',
          content: [{ toolUse: { toolUseId: 't', name: 'outrider_answer', input: { a: 1 } } }],
        },
      },
      stopReason: 'tool_use',
      usage,
    };
    expect(complete(whole, { output }).choices).toEqual([
      { blocks: [{ type: 'Text', text: '{"a":1}' }], finish: { reason: 'Stop', raw: 'tool_use' } },
    ]);
  });

  it('hand text to tools that take text', () => {
    const tools: ChatRequest['tools'] = [
      { type: 'Custom', name: 'shell', description: undefined, schema: undefined, strict: undefined },
    ];
    const { events } = tell(
      bytes(
        START,
        use(0, 't', 'shell'),
        delta(0, { toolUse: { input: '{"input":"ls' } }),
        delta(0, { toolUse: { input: ' -l"}' } }),
        stop(0),
        done('tool_use'),
      ),
      [],
      { tools },
    );
    expect(events.slice(1, 3)).toEqual([
      {
        type: 'BlockStart',
        choice: 0,
        block: 0,
        open: { type: 'ToolCall', id: 't', name: 'shell', custom: true },
      },
      { type: 'Delta', choice: 0, block: 0, text: 'ls -l' },
    ]);
  });

  it('are whole in every order of blocks, stopped or not', () => {
    const kinds = {
      text: (i: number): Message[] => [delta(i, { text: `t${i}` }), delta(i, { text: 'é' })],
      thinking: (i: number): Message[] => [
        delta(i, { reasoningContent: { text: `h${i}` } }),
        delta(i, { reasoningContent: { signature: `S${i}` } }),
      ],
      sealed: (i: number): Message[] => [delta(i, { reasoningContent: { signature: `T${i}` } })],
      redacted: (i: number): Message[] => [delta(i, { reasoningContent: { redactedContent: 'QUJD' } })],
      call: (i: number): Message[] => [
        use(i, `id${i}`, 'f'),
        delta(i, { toolUse: { input: '{"i"' } }),
        delta(i, { toolUse: { input: `:${i}}` } }),
      ],
      image: (i: number): Message[] => [
        ['contentBlockStart', { contentBlockIndex: i, start: { image: { format: 'png' } } }],
      ],
    };
    const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, fc.boolean()), { maxLength: 8 }),
        fc.array(fc.nat(4000), { maxLength: 5 }),
        (blocks, cuts) => {
          const messages = blocks.flatMap(([name, stopped], i) => [
            ...kinds[name](i),
            ...(stopped ? [stop(i)] : []),
          ]);
          const stream = bytes(START, ...messages, done('tool_use'), METADATA);
          const told = tell(
            stream,
            cuts.map((cut) => Math.min(cut, stream.length)),
          );
          expect(told.error).toBeUndefined();
          const names = told.events.flatMap((event) =>
            event.type === 'BlockStart' ? [event.open.type] : [],
          );
          const expected = {
            text: 'Text',
            thinking: 'Thinking',
            sealed: 'Thinking',
            redacted: 'RedactedThinking',
            call: 'ToolCall',
            image: 'Native',
          };
          expect(names).toEqual(blocks.map(([name]) => expected[name]));
          const deltas = joined(told.events).flatMap((event) => (event.type === 'Delta' ? [event.text] : []));
          const texts = {
            text: (i: number) => [`t${i}é`],
            thinking: (i: number) => [`h${i}`],
            call: (i: number) => [`{"i":${i}}`],
            sealed: () => [],
            redacted: () => [],
            image: () => [],
          };
          expect(deltas).toEqual(blocks.flatMap(([name], i) => texts[name](i)));
          expect(told.outputBytes).toBe(Buffer.byteLength(deltas.join('')));
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('whole answers', () => {
  it('keep arguments, thinking and citations', () => {
    const body = `{"output":{"message":{"role":"assistant","content":[
      {"reasoningContent":{"reasoningText":{"text":"","signature":"S"}}},
      {"reasoningContent":{"redactedContent":"QUJD"}},
      {"text":"Hi"},
      {"citationsContent":{"content":[{"text":"cited"}],"citations":[{"title":"t"}]}},
      {"toolUse":{"toolUseId":"t1","name":"f","input":{"n": 12345678901234567890, "f": 1.0}}}]}},
      "stopReason":"tool_use","usage":${JSON.stringify(usage)},"serviceTier":{"type":"flex"}}`;
    const answer = complete(body);
    expect(answer.choices[0]).toEqual({
      blocks: [
        { type: 'Thinking', text: '', signature: { vendor: 'anthropic', value: 'S' } },
        { type: 'RedactedThinking', vendor: 'anthropic', data: 'QUJD' },
        { type: 'Text', text: 'Hi' },
        { type: 'Text', text: 'cited', citations: '[{"title":"t"}]' },
        { type: 'ToolCall', id: 't1', name: 'f', arguments: '{"n": 12345678901234567890, "f": 1.0}' },
      ],
      finish: { reason: 'ToolCalls', raw: 'tool_use' },
    });
    expect(answer).toMatchObject({ usage: { input: 10, output: 5 }, serviceTier: 'flex', rawUsage: usage });
    expect(BEDROCK_CONVERSE.readComplete(Buffer.from(body))).toMatchObject({
      error: undefined,
      finishReasons: ['tool_use'],
      usage,
    });
  });

  it.each([
    ['end_turn', 'Stop'],
    ['stop_sequence', 'StopSequence'],
    ['max_tokens', 'Length'],
    ['tool_use', 'ToolCalls'],
    ['guardrail_intervened', 'ContentFilter'],
    ['content_filtered', 'ContentFilter'],
    ['model_context_window_exceeded', 'ContextWindow'],
    ['malformed_tool_use', 'Other'],
  ])('%s is %s', (stopReason, reason) => {
    const answer = complete({ output: { message: { content: [] } }, stopReason });
    expect(answer.choices[0]?.finish).toEqual({ reason, raw: stopReason });
  });

  it.each(['{', '[]', '{"output":{}}', '{"message":"x"}'])('%s is no answer', (body) => {
    expect(BEDROCK_CONVERSE.readComplete(Buffer.from(body)).error?.code).toBe('invalid_body');
  });
});

describe('usage and errors', () => {
  it('counts what the cache gave and took beside the input, by the time it is kept', () => {
    const raw = {
      inputTokens: 3,
      outputTokens: 550,
      cacheReadInputTokens: 100,
      cacheWriteInputTokens: 12_304,
      cacheDetails: [
        { ttl: '1h', inputTokens: 304 },
        { ttl: '5m', inputTokens: 12_000 },
      ],
    };
    const none = { audioInput: 0, reasoning: 0, audioOutput: 0 };
    expect(BEDROCK_CONVERSE.readUsage(raw)).toEqual({
      ...none,
      input: 3,
      cacheRead: 100,
      output: 550,
      cacheWrite5m: 12_000,
      cacheWrite1h: 304,
    });
    expect(BEDROCK_CONVERSE.readUsage({ ...raw, cacheDetails: undefined })).toMatchObject({
      cacheWrite5m: 12_304,
    });
    expect(BEDROCK_CONVERSE.readUsage({})).toBeUndefined();
  });

  it.each([
    ['{"message":"Too many requests"}', { code: undefined, message: 'Too many requests' }],
    [
      '{"Message":"no","__type":"com.amazon.coral.service#ThrottlingException:http://x"}',
      { code: 'ThrottlingException', message: 'no' },
    ],
  ])('%s', (body, expected) => {
    expect(BEDROCK_CONVERSE.readError(Buffer.from(body))).toMatchObject(expected);
  });

  it('knows what is no error of the API', () => {
    for (const body of ['<html>', '', '{}', '[]', 'null', '{"a":1}'])
      expect(BEDROCK_CONVERSE.readError(Buffer.from(body))).toBeUndefined();
  });
});
