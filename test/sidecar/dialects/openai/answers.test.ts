import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../../errors/table.ts';
import { OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_RAW } from '../../../../sidecar/dialects/openai/dialects.ts';
import { readUsage } from '../../../../sidecar/dialects/openai/usage.ts';

const complete = (value: unknown) =>
  OPENAI_CHAT.readComplete(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

describe('readComplete', () => {
  it('reads a chat answer', () => {
    expect(
      complete({
        id: 'c1',
        model: 'gpt-5-mini-2026',
        choices: [
          { index: 0, message: { role: 'assistant', content: 'h\u00e9llo' }, finish_reason: 'stop' },
          { index: 1, message: { role: 'assistant', content: null }, finish_reason: 'length' },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      }),
    ).toEqual({
      error: undefined,
      usage: { prompt_tokens: 1, completion_tokens: 2 },
      model: 'gpt-5-mini-2026',
      responseId: 'c1',
      finishReasons: ['stop', 'length'],
      outputBytes: 6,
    });
  });

  it.each([
    ['an error in a 200', { error: { message: 'boom', code: 'x' } }, 'x'],
    ['garbage', '{"choices":', 'invalid_body'],
    ['a web page', '<html></html>', 'invalid_body'],
    ['no choices', { choices: [] }, 'invalid_body'],
    ['a failure as finish_reason', { choices: [{ message: {}, finish_reason: 'error' }] }, 'error'],
  ])('finds %s', (_, body, code) => {
    expect(complete(body).error?.code).toBe(code);
  });

  it('reads embeddings', () => {
    const body = {
      object: 'list',
      data: [{ embedding: [0.1, -2e-5] }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    };
    const reading = OPENAI_EMBEDDINGS.readComplete(Buffer.from(JSON.stringify(body)));
    expect(reading).toMatchObject({ error: undefined, usage: { prompt_tokens: 3 } });
    expect(OPENAI_EMBEDDINGS.readComplete(Buffer.from('{"object":"list"}')).error?.code).toBe('invalid_body');
  });
});

describe('readError', () => {
  it.each([
    [
      '{"error":{"message":"m","type":"t","code":"c"}}',
      { code: 'c', type: 't', message: 'm', status: undefined },
    ],
    ['{"detail":[{"loc":["body"],"msg":"bad"}]}', expect.objectContaining({ message: 'bad' })],
    ['{"errors":[{"message":"first","code":7}]}', expect.objectContaining({ message: 'first', code: '7' })],
    ['{"error_code":17,"error_msg":"quota"}', expect.objectContaining({ message: 'quota', code: '17' })],
    ['<html>502</html>', undefined],
    ['', undefined],
    ['{"ok":true}', undefined],
  ])('%s', (body, expected) => {
    const error = OPENAI_RAW.readError(Buffer.from(body));
    expect(error).toEqual(expected);
  });
});

describe('renderError', () => {
  const render = (error: OutriderError) => {
    const { status, headers, body } = OPENAI_CHAT.renderError(error);
    return { status, headers: Object.fromEntries(headers), body: JSON.parse(body.toString()) as unknown };
  };

  it('has the shape of the API and names the member at fault', () => {
    expect(
      render(new OutriderError('invalid_member', { member: 'n', value: 0, expected: 'at least 1' })),
    ).toEqual({
      status: 400,
      headers: { 'content-type': 'application/json', 'x-should-retry': 'false' },
      body: {
        error: {
          message: 'n is 0; it must be at least 1',
          type: 'invalid_request_error',
          param: 'n',
          code: 'invalid_member',
        },
      },
    });
  });

  it('asks for a retry only when a known deadline ends soon', () => {
    expect(render(new OutriderError('memory_full', { limit: 1 }, 1500)).headers).toEqual({
      'content-type': 'application/json',
      'retry-after': '2',
      'retry-after-ms': '1500',
      'x-should-retry': 'true',
    });
    // When it can help is said, whether or not a client should wait for it.
    expect(render(new OutriderError('budget_exhausted', {}, 1500)).headers).toMatchObject({
      'retry-after': '2',
      'x-should-retry': 'false',
    });
    expect(render(new OutriderError('config_unavailable', {}, 120_000)).headers).toMatchObject({
      'retry-after': '120',
      'x-should-retry': 'false',
    });
    expect(render(new OutriderError('upstream_failed', {})).headers).toMatchObject({
      'x-should-retry': 'false',
    });
  });

  it('ends a stream with one well-formed event', () => {
    const event = OPENAI_CHAT.renderStreamError(
      new OutriderError('upstream_stream_broken', { target: 'a\nb' }),
    );
    const text = event.toString();
    expect(text).toMatch(/^data: \{.*\}\n\n$/);
    expect(JSON.parse(text.slice(6))).toMatchObject({
      error: { code: 'upstream_stream_broken', type: 'server_error' },
    });
  });
});

describe('readUsage', () => {
  it.each([
    [
      'cached, audio and reasoning parts',
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 40, audio_tokens: 10 },
        completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 5, accepted_prediction_tokens: 1 },
      },
      { input: 50, cacheRead: 40, audioInput: 10, output: 15, reasoning: 30, audioOutput: 5 },
    ],
    [
      'no details',
      { prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: null },
      { input: 3, output: 4 },
    ],
    ['embeddings', { prompt_tokens: 8, total_tokens: 8 }, { input: 8, output: 0 }],
    ['a total and one part', { total_tokens: 10, completion_tokens: 4 }, { input: 6, output: 4 }],
    [
      'names of the Responses API',
      { input_tokens: 5, output_tokens: 6, input_tokens_details: { cached_tokens: 2 } },
      { input: 3, cacheRead: 2, output: 6 },
    ],
    [
      'cache hits by another name',
      { prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 7, prompt_cache_miss_tokens: 3 },
      { input: 3, cacheRead: 7 },
    ],
    [
      'more cached than there is',
      { prompt_tokens: 5, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 9 } },
      { input: 0, cacheRead: 5 },
    ],
    [
      'more reasoning than there is',
      { prompt_tokens: 1, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 9 } },
      { output: 0, reasoning: 5 },
    ],
    [
      'reasoning beside the completion',
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 115,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      { output: 5, reasoning: 100 },
    ],
    ['nonsense', { prompt_tokens: -4, completion_tokens: 2.6, total_tokens: 'x' }, { input: 0, output: 3 }],
  ])('reads %s', (_, raw, expected) => {
    const usage = readUsage(raw);
    expect(usage).toMatchObject(expected);
    for (const part of Object.values(usage ?? {})) expect(part).toBeGreaterThanOrEqual(0);
  });

  it.each([[undefined], [null], [5], [[]], [{}], [{ prompt_tokens: 'x' }]])('%j is no usage', (raw) => {
    expect(readUsage(raw)).toBeUndefined();
  });
});
