import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import { COHERE_CHAT, COHERE_CHAT_VENDOR } from '../../../../sidecar/dialects/cohere/formats.ts';
import { joined, tell as tellFrom } from '../support/vendor.ts';

const tell = (bytes: Buffer, cuts?: readonly number[]) =>
  tellFrom(COHERE_CHAT, COHERE_CHAT_VENDOR, bytes, cuts);
const stream = (...events: { type: string }[]): Buffer =>
  Buffer.from(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''));
const on = (type: string, message: object, more: object = {}) => ({ type, ...more, delta: { message } });
const START = { type: 'message-start', id: 'c1', delta: { message: { role: 'assistant' } } };
const usage = {
  billed_units: { input_tokens: 5, output_tokens: 26 },
  tokens: { input_tokens: 71, output_tokens: 26 },
  cached_tokens: 2,
};
const end = (finish_reason: string, more: object = {}) => ({
  type: 'message-end',
  delta: { finish_reason, usage, ...more },
});

describe('transcripts', () => {
  const golden = new URL('golden/', import.meta.url);
  const names = readdirSync(golden).filter((name) => name.endsWith('.sse'));
  it.each(names)('%s', async (name) => {
    const told = tell(readFileSync(new URL(name, golden)));
    const text = `${told.events.map((event) => JSON.stringify(event)).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(new URL(name.replace('.sse', '.events'), golden).pathname);
    expect(told).toMatchObject({ error: undefined, finished: true, terminal: true });
  });
  it.each(names)('%s, cut anywhere', (name) => {
    const bytes = readFileSync(new URL(name, golden));
    const whole = JSON.stringify(tell(bytes).events);
    for (let at = 1; at < bytes.length; at++) expect(JSON.stringify(tell(bytes, [at]).events)).toBe(whole);
  });
});

describe('streams', () => {
  it('commit to what a caller would see', () => {
    const open = on('content-start', { content: { type: 'text', text: '' } }, { index: 0 });
    expect(tell(stream(START, open, on('content-delta', { content: { text: 'a' } }))).commitsAt).toBe(2);
    expect(tell(stream(START, end('COMPLETE'))).commitsAt).toBe(1);
  });

  it('fail with what stands for a failure', () => {
    expect(tell(stream(START, end('ERROR', { error: 'it broke' }))).error).toMatchObject({
      code: 'ERROR',
      message: 'it broke',
    });
    expect(tell(stream(START, end('TIMEOUT'))).error).toMatchObject({ status: 504, code: 'TIMEOUT' });
    expect(tell(Buffer.from('data: {"message":"too many requests"}\n\n')).error).toMatchObject({
      message: 'too many requests',
    });
    expect(tell(Buffer.from('data: {"mess\n\n')).error?.code).toBe('invalid_event');
    expect(tell(stream(START)).finished).toBe(false);
  });

  it('are whole in every order of blocks', () => {
    const kinds = {
      text: (i: number) => [
        on('content-start', { content: { type: 'text', text: '' } }, { index: i }),
        on('content-delta', { content: { text: `t${i}` } }),
        { type: 'content-end', index: i },
      ],
      thinking: (i: number) => [
        on('content-start', { content: { type: 'thinking', thinking: '' } }, { index: i }),
        on('content-delta', { content: { thinking: `h${i}` } }),
      ],
      call: (i: number) => [
        on(
          'tool-call-start',
          { tool_calls: { id: `id${i}`, type: 'function', function: { name: 'f', arguments: '' } } },
          { index: i },
        ),
        on('tool-call-delta', { tool_calls: { function: { arguments: `{"i":${i}}` } } }, { index: i }),
        { type: 'tool-call-end', index: i },
      ],
      bare: (i: number) => [
        on(
          'tool-call-start',
          { tool_calls: { id: `id${i}`, type: 'function', function: { name: 'g' } } },
          { index: i },
        ),
      ],
    };
    const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 8 }), (names) => {
        const told = tell(stream(START, ...names.flatMap((name, i) => kinds[name](i)), end('TOOL_CALL')));
        const expected = { text: 'Text', thinking: 'Thinking', call: 'ToolCall', bare: 'ToolCall' };
        expect(
          told.events.flatMap((event) => (event.type === 'BlockStart' ? [event.open.type] : [])),
        ).toEqual(names.map((name) => expected[name]));
        const texts = {
          text: (i: number) => `t${i}`,
          thinking: (i: number) => `h${i}`,
          call: (i: number) => `{"i":${i}}`,
          bare: () => '{}',
        };
        expect(joined(told.events).flatMap((event) => (event.type === 'Delta' ? [event.text] : []))).toEqual(
          names.map((name, i) => texts[name](i)),
        );
      }),
      { numRuns: 150 },
    );
  });
});

describe('whole answers', () => {
  it('say what a stream says', () => {
    const body = {
      id: 'c2',
      finish_reason: 'TOOL_CALL',
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm' },
          { type: 'text', text: 'Hi' },
        ],
        tool_plan: 'I will look.',
        citations: [{ start: 0, end: 1, text: 'I', sources: [] }],
        tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"a": 1.0}' } }],
      },
      usage,
      logprobs: [{ text: 'Hi', token_ids: [1, 2], logprobs: [-0.5, -1] }],
    };
    const answer = COHERE_CHAT_VENDOR.readComplete(Buffer.from(JSON.stringify(body)), emptyRequest());
    expect(answer).toMatchObject({
      id: 'c2',
      usage: { input: 3, cacheRead: 2, output: 26 },
      rawUsage: usage,
    });
    expect(answer.choices[0]?.blocks).toEqual([
      { type: 'Thinking', text: 'hm' },
      { type: 'Text', text: 'Hi' },
      { type: 'Text', text: 'I will look.', citations: '[{"start":0,"end":1,"text":"I","sources":[]}]' },
      { type: 'ToolCall', id: 't', name: 'f', arguments: '{"a": 1.0}' },
    ]);
    expect(JSON.parse(answer.choices[0]?.logprobs ?? '')).toMatchObject({
      content: [{ token: 'Hi', logprob: -1.5 }],
    });
    expect(COHERE_CHAT.readComplete(Buffer.from(JSON.stringify(body)))).toMatchObject({
      error: undefined,
      responseId: 'c2',
      finishReasons: ['TOOL_CALL'],
      outputBytes: 2 + 2 + 12 + 1 + 10,
    });
  });

  it.each([
    ['COMPLETE', 'Stop'],
    ['STOP_SEQUENCE', 'StopSequence'],
    ['MAX_TOKENS', 'Length'],
    ['TOOL_CALL', 'ToolCalls'],
    ['ERROR_TOXIC', 'ContentFilter'],
    ['NEW', 'Other'],
  ])('%s is %s', (finish_reason, reason) => {
    const body = Buffer.from(JSON.stringify({ message: { content: [] }, finish_reason }));
    expect(COHERE_CHAT_VENDOR.readComplete(body, emptyRequest()).choices[0]?.finish).toEqual({
      reason,
      raw: finish_reason,
    });
  });

  it.each([
    ['{', 'invalid_body'],
    ['{"message":"x"}', 'invalid_body'],
    ['{"message":{},"finish_reason":"ERROR"}', 'ERROR'],
  ])('%s is no answer', (body, code) => {
    expect(COHERE_CHAT.readComplete(Buffer.from(body)).error?.code).toBe(code);
  });

  it('reads errors and usage', () => {
    expect(COHERE_CHAT.readError(Buffer.from('{"id":"x","message":"invalid api token"}'))?.message).toBe(
      'invalid api token',
    );
    for (const other of ['<html>', '', '{}', 'null', '[]'])
      expect(COHERE_CHAT.readError(Buffer.from(other))).toBeUndefined();
    expect(COHERE_CHAT.readUsage({ tokens: { input_tokens: 7, output_tokens: 1 } })).toMatchObject({
      input: 7,
      output: 1,
    });
    expect(COHERE_CHAT.readUsage({ billed_units: { search_units: 1 } })).toMatchObject({
      input: 0,
      output: 0,
    });
    expect(COHERE_CHAT.readUsage({ billed_units: {} })).toBeUndefined();
  });
});
