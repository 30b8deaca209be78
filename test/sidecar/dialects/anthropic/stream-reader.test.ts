import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import type { EventReading, StreamReader } from '../../../../sidecar/dialects/dialect.ts';

const open = () => ANTHROPIC_MESSAGES.openStream();
function readOne(value: unknown, reader: StreamReader = open()): EventReading {
  const data = typeof value === 'string' ? value : JSON.stringify(value);
  const type = (value as { type?: string }).type ?? 'x';
  return reader.read(Buffer.from(`event: ${type}\ndata: ${data}\n\n`), Buffer.from(data));
}
const message = (usage: object) => ({
  type: 'message_start',
  message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-4-8', content: [], usage },
});
const start = (content_block: object) => ({ type: 'content_block_start', index: 0, content_block });
const delta = (delta: object) => ({ type: 'content_block_delta', index: 0, delta });

describe('committing events', () => {
  it.each([
    ['a call of a tool', start({ type: 'tool_use', id: 't', name: 'f', input: {} })],
    ['thinking', start({ type: 'thinking', thinking: '', signature: '' })],
    ['hidden thinking', start({ type: 'redacted_thinking', data: 'x' })],
    ['a tool of the vendor', start({ type: 'server_tool_use', id: 's', name: 'web_search', input: {} })],
    ['text', delta({ type: 'text_delta', text: 'Hi' })],
    ['thinking text', delta({ type: 'thinking_delta', thinking: 'hm' })],
    ['arguments', delta({ type: 'input_json_delta', partial_json: '{' })],
    ['a signature', delta({ type: 'signature_delta', signature: 's' })],
    ['text that is there from the start', start({ type: 'text', text: 'Hi' })],
  ])('%s', (_, event) => {
    expect(readOne(event)).toMatchObject({ commits: true, content: true, finished: false, error: undefined });
  });

  it.each([
    ['the start of the message', message({ input_tokens: 1, output_tokens: 1 })],
    ['a ping', { type: 'ping' }],
    ['the start of a text', start({ type: 'text', text: '' })],
    ['the end of a block', { type: 'content_block_stop', index: 0 }],
    [
      'usage without a stop reason',
      { type: 'message_delta', delta: { stop_reason: null }, usage: { output_tokens: 1 } },
    ],
    ['an event nobody knows', { type: 'weather', delta: { text: 'x' } }],
  ])('%s does not', (_, event) => {
    expect(readOne(event)).toMatchObject({
      commits: false,
      content: false,
      finished: false,
      error: undefined,
    });
  });

  it('a stop reason without content is a valid answer', () => {
    const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } };
    expect(readOne(end)).toMatchObject({ commits: true, content: false, finished: true, terminal: false });
    expect(readOne({ type: 'message_stop' }).terminal).toBe(true);
  });

  it('counts the bytes of text and arguments, not of seals', () => {
    expect(readOne(delta({ type: 'text_delta', text: 'h\u00e9' })).outputBytes).toBe(3);
    expect(readOne(delta({ type: 'input_json_delta', partial_json: 'abc' })).outputBytes).toBe(3);
    expect(readOne(delta({ type: 'signature_delta', signature: 'abc' })).outputBytes).toBe(0);
  });
});

describe('usage', () => {
  it('is what all events say together: snapshots, field by field', () => {
    const reader = open();
    readOne(message({ input_tokens: 8834, output_tokens: 1, cache_read_input_tokens: null }), reader);
    const end = {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: 18, cache_read_input_tokens: 8831, output_tokens: 426 },
    };
    const usage = ANTHROPIC_MESSAGES.readUsage(readOne(end, reader).usage);
    expect(usage).toMatchObject({ input: 18, cacheRead: 8831, output: 426 });
    expect((usage?.input ?? 0) + (usage?.cacheRead ?? 0)).toBe(8849);
  });

  it('keeps what the last event leaves out', () => {
    const reader = open();
    const cache_creation = { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 50 };
    readOne(
      message({ input_tokens: 4, cache_creation_input_tokens: 150, cache_creation, output_tokens: 2 }),
      reader,
    );
    const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 23 } };
    expect(ANTHROPIC_MESSAGES.readUsage(readOne(end, reader).usage)).toEqual({
      input: 4,
      cacheRead: 0,
      cacheWrite5m: 100,
      cacheWrite1h: 50,
      audioInput: 0,
      output: 23,
      reasoning: 0,
      audioOutput: 0,
    });
    expect(reader).toMatchObject({
      model: 'claude-opus-4-8',
      responseId: 'msg_1',
      finishReasons: ['end_turn'],
    });
  });
});

describe('errors inside a 200', () => {
  it.each([
    [
      'overloaded',
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      529,
      'overloaded_error',
    ],
    [
      'a limit',
      { type: 'error', error: { type: 'rate_limit_error', message: 'slow' }, request_id: 'r' },
      429,
      'rate_limit_error',
    ],
    ['without the outer type', { error: { type: 'api_error', message: 'x' } }, 500, 'api_error'],
    [
      'a word nobody knows',
      { type: 'error', error: { type: 'bad_mood', message: 'x' } },
      undefined,
      'bad_mood',
    ],
    ['nothing but the type', { type: 'error' }, undefined, undefined],
  ])('%s', (_, event, status, type) => {
    expect(readOne(event)).toMatchObject({ error: { status, type }, commits: false });
  });

  it('a stop reason that names a failure', () => {
    const end = { type: 'message_delta', delta: { stop_reason: 'overloaded_error' }, usage: {} };
    expect(readOne(end)).toMatchObject({ error: { code: 'overloaded_error' }, finished: false });
  });

  it('an event that is not JSON', () => {
    expect(readOne('{"type":"content_block').error?.code).toBe('invalid_event');
    expect(readOne('[1]').error?.code).toBe('invalid_event');
  });

  it('the end marker of another API ends the stream', () => {
    expect(readOne('[DONE]')).toMatchObject({ terminal: true, error: undefined });
  });
});
