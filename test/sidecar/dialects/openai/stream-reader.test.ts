import { describe, expect, it } from 'vitest';
import type { EventReading, StreamReader } from '../../../../sidecar/dialects/dialect.ts';
import { OPENAI_CHAT, OPENAI_COMPLETIONS } from '../../../../sidecar/dialects/openai/dialects.ts';

function readOne(data: unknown, reader: StreamReader = OPENAI_CHAT.openStream(), prefix = ''): EventReading {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return reader.read(Buffer.from(`${prefix}data: ${text}\n\n`), Buffer.from(text));
}

const chunk = (delta: unknown, rest: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'gpt-5-mini-2026',
  choices: [{ index: 0, delta, finish_reason: null }],
  ...rest,
});

describe('committing events', () => {
  it.each([
    ['content', { content: 'Hi' }],
    ['a refusal', { refusal: 'No' }],
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['reasoning details', { reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }],
    ['content parts', { content: [{ type: 'text', text: 'Hi' }] }],
    ['audio', { audio: { id: 'a1' } }],
    ['a tool call id', { tool_calls: [{ index: 0, id: 'c1', function: { name: '', arguments: '' } }] }],
    ['a tool call name', { tool_calls: [{ index: 0, function: { name: 'f' } }] }],
    ['a legacy function call', { function_call: { name: 'f', arguments: '' } }],
  ])('%s commits', (_, delta) => {
    expect(readOne(chunk(delta))).toMatchObject({
      commits: true,
      content: true,
      finished: false,
      error: undefined,
    });
  });

  it.each([
    ['a role alone', chunk({ role: 'assistant' })],
    ['empty content', chunk({ role: 'assistant', content: '' })],
    ['null content', chunk({ content: null, refusal: null, reasoning_content: null })],
    ['an empty delta', chunk({})],
    ['no choices', chunk({}, { choices: [] })],
    ['a tool call without id and name', chunk({ tool_calls: [{ index: 0, function: { arguments: '' } }] })],
    ['null audio', chunk({ audio: null })],
    ['empty parts', chunk({ content: [{ type: 'text', text: '' }] })],
    ['an empty finish_reason', chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: '' }] })],
  ])('%s does not', (_, event) => {
    expect(readOne(event)).toMatchObject({
      commits: false,
      content: false,
      finished: false,
      error: undefined,
    });
  });

  it('a finish_reason without content commits: it is a valid answer', () => {
    const reading = readOne(chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
    expect(reading).toMatchObject({ commits: true, content: false, finished: true });
  });

  it('completions commit with text', () => {
    const reader = OPENAI_COMPLETIONS.openStream();
    expect(readOne({ choices: [{ index: 0, text: '', finish_reason: null }] }, reader).commits).toBe(false);
    expect(readOne({ choices: [{ index: 0, text: 'a', finish_reason: null }] }, reader).commits).toBe(true);
  });

  it('counts the bytes of what was delivered, arguments included', () => {
    expect(readOne(chunk({ content: 'h\u00e9' })).outputBytes).toBe(3);
    expect(readOne(chunk({ tool_calls: [{ function: { name: 'ab', arguments: '{}' } }] })).outputBytes).toBe(
      4,
    );
    expect(readOne(chunk({ audio: { data: 'QUJD', transcript: 'abc' } })).outputBytes).toBe(3);
  });
});

describe('the end of a stream', () => {
  it('is [DONE], with or without white space', () => {
    expect(readOne('[DONE]').terminal).toBe(true);
    expect(readOne(' [DONE] ').terminal).toBe(true);
    expect(readOne('"[DONE]"').terminal).toBe(false);
  });

  it('of several choices comes with the last of them', () => {
    const reader = OPENAI_CHAT.openStream();
    const finish = (index: number) => chunk({}, { choices: [{ index, delta: {}, finish_reason: 'stop' }] });
    readOne(chunk({}, { choices: [{ index: 1, delta: { content: 'a' } }] }), reader);
    expect(readOne(finish(0), reader).finished).toBe(false);
    expect(readOne(finish(0), reader).finished).toBe(false);
    expect(readOne(finish(1), reader).finished).toBe(true);
    expect(reader.finishReasons).toEqual(['stop', 'stop']);
    expect(reader).toMatchObject({ model: 'gpt-5-mini-2026', responseId: 'chatcmpl-1' });
  });
});

describe('errors inside a 200 stream', () => {
  it.each([
    [
      'an error object',
      { error: { message: 'boom', type: 'server_error', code: 'x' } },
      { code: 'x', type: 'server_error', message: 'boom' },
    ],
    [
      'an error object beside choices',
      chunk({ content: '' }, { error: { code: 502, message: 'bad' } }),
      { code: '502', status: 502 },
    ],
    ['an error text', { error: 'overloaded' }, { message: 'overloaded' }],
    [
      'an error text with a status',
      { error: 'overloaded', status: 503 },
      { message: 'overloaded', status: 503 },
    ],
    [
      'object: error',
      { object: 'error', message: 'boom', type: 'InternalServerError', code: 500 },
      { status: 500, type: 'InternalServerError' },
    ],
    [
      'type: error',
      { type: 'error', error: { type: 'overloaded_error', message: 'busy' } },
      { type: 'overloaded_error' },
    ],
    [
      'a list',
      [{ error: { code: 429, message: 'slow', status: 'RESOURCE_EXHAUSTED' } }],
      { status: 429, type: 'RESOURCE_EXHAUSTED' },
    ],
    [
      'a base_resp',
      { choices: [], base_resp: { status_code: 1002, status_msg: 'limit' } },
      { code: '1002', message: 'limit' },
    ],
    ['a detail', { detail: 'no such model' }, { message: 'no such model' }],
    ['a message', { code: 50501, message: 'busy', data: null }, { code: '50501', message: 'busy' }],
    [
      'overloaded_error as finish_reason',
      chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'overloaded_error' }] }),
      { code: 'overloaded_error' },
    ],
    [
      'insufficient_system_resource',
      chunk({}, { choices: [{ finish_reason: 'insufficient_system_resource' }] }),
      { code: 'insufficient_system_resource' },
    ],
    ['garbage', '{"id":"chatcmpl-', { code: 'invalid_event' }],
    ['plain text', 'Internal Server Error', { code: 'invalid_event' }],
  ])('%s', (_, event, expected) => {
    const reading = readOne(event);
    expect(reading.error).toMatchObject(expected);
    expect(reading.commits).toBe(false);
    expect(reading.finished).toBe(false);
  });

  it('knows an event named error, whatever it carries', () => {
    expect(readOne({ reason: 'x' }, undefined, 'event: error\n').error).toMatchObject({ type: 'error' });
    expect(readOne(chunk({ content: 'a' }), undefined, 'event: message\n').error).toBeUndefined();
  });

  it.each([
    ['error: null', chunk({ content: 'a' }, { error: null })],
    ['an empty error', chunk({ content: 'a' }, { error: {} })],
    ['a base_resp that says all is well', chunk({ content: 'a' }, { base_resp: { status_code: 0 } })],
    ['content_filter', chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'content_filter' }] })],
    ['text about errors', chunk({ content: '"error": {"message": "x"}' })],
  ])('%s is none', (_, event) => {
    expect(readOne(event).error).toBeUndefined();
  });
});

describe('usage in a stream', () => {
  const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };

  it.each([
    ['in a last chunk of its own', chunk({}, { choices: [], usage }), true],
    [
      'in the finish chunk',
      chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }),
      false,
    ],
    [
      'inside the choice',
      chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] }),
      false,
    ],
    ['in x_groq', chunk({}, { x_groq: { id: 'r', usage } }), false],
    ['with content', chunk({ content: 'a' }, { usage }), false],
  ])('%s', (_, event, usageOnly) => {
    const reading = readOne(event);
    expect(reading.usage).toEqual(usage);
    expect(reading.usageOnly).toBe(usageOnly);
  });

  it('null is no usage, and a chunk without choices and usage is not usage only', () => {
    expect(readOne(chunk({ content: 'a' }, { usage: null }))).toMatchObject({
      usage: undefined,
      usageOnly: false,
    });
    expect(readOne({ choices: [], prompt_filter_results: [] })).toMatchObject({
      usageOnly: false,
      error: undefined,
    });
  });
});

describe('withoutUsage', () => {
  function stripped(data: string, before = '', after = '\n\n'): string | undefined {
    const reader = OPENAI_CHAT.openStream();
    const event = Buffer.from(`${before}data: ${data}${after}`);
    const payload = event.subarray(before.length + 6, event.length - after.length);
    return reader.withoutUsage(event, payload, reader.read(event, payload))?.toString();
  }

  it.each([
    ['at the end', '{"choices":[{"delta":{}}],"usage":null}', '{"choices":[{"delta":{}}]}'],
    ['in the middle', '{"choices":[], "usage" : null , "x":1}', '{"choices":[] , "x":1}'],
    ['in front', '{"usage":null, "choices":[]}', '{"choices":[]}'],
    ['alone', '{"usage":null}', '{}'],
    ['only at the top', '{"choices":[{"usage":null}]}', '{"choices":[{"usage":null}]}'],
    [
      'not in text',
      '{"choices":[{"delta":{"content":",\\"usage\\":null"}}]}',
      '{"choices":[{"delta":{"content":",\\"usage\\":null"}}]}',
    ],
    [
      'not an object',
      '{"choices":[{"delta":{}}],"usage":{"total_tokens":1}}',
      '{"choices":[{"delta":{}}],"usage":{"total_tokens":1}}',
    ],
  ])('takes usage null out %s', (_, data, expected) => {
    expect(stripped(data)).toBe(`data: ${expected}\n\n`);
  });

  it('keeps other fields and line ends', () => {
    expect(stripped('{"choices":[],"usage":null}', 'id: 4\r\n', '\r\n\r\n')).toBe(
      'id: 4\r\ndata: {"choices":[]}\r\n\r\n',
    );
  });

  it('drops the event that carries only usage', () => {
    expect(stripped('{"choices":[],"usage":{"total_tokens":1}}')).toBeUndefined();
  });

  it('handles a payload that came in several lines', () => {
    const reader = OPENAI_CHAT.openStream();
    const event = Buffer.from('data: {"choices":[],\ndata: "usage":null}\n\n');
    const data = Buffer.from('{"choices":[],\n"usage":null}');
    const out = reader.withoutUsage(event, data, reader.read(event, data));
    expect(out?.toString()).toBe('data: {"choices":[]}\n\n');
  });
});
