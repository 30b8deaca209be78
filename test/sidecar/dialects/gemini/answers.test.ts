import { describe, expect, it } from 'vitest';
import { GEMINI } from '../../../../sidecar/dialects/gemini/formats.ts';
import { chunk, complete, usageMetadata } from './answering.ts';

describe('whole answers', () => {
  it('say what a stream says', () => {
    const { choices, id, model, usage } = complete(
      chunk(
        [
          { text: 'thinking', thought: true },
          { text: 'Hello', thoughtSignature: 'T' },
          { functionCall: { id: 'x', name: 'f', args: { a: [1] } }, thoughtSignature: 'S' },
        ],
        { finishReason: 'STOP', citationMetadata: { citationSources: [{ startIndex: 1, uri: 'u' }] } },
        { usageMetadata },
      ),
    );
    expect({ id, model }).toEqual({ id: 'mAitaLmkHPPlz7IPvtfUqQ4', model: 'gemini-2.5-flash' });
    expect(choices).toEqual([
      {
        blocks: [
          { type: 'Thinking', text: 'thinking' },
          { type: 'Text', text: 'Hello' },
          { type: 'Thinking', text: '', signature: { vendor: 'google', value: 'T' } },
          {
            type: 'ToolCall',
            id: 'x',
            name: 'f',
            arguments: '{"a":[1]}',
            signature: { vendor: 'google', value: 'S' },
          },
        ],
        finish: { reason: 'ToolCalls', raw: 'STOP' },
      },
    ]);
    expect(usage).toMatchObject({ input: 70, cacheRead: 40, output: 5, reasoning: 95 });
  });

  it('carry citations and logprobs', () => {
    const { choices } = complete(
      chunk([{ text: 'Hi' }], {
        finishReason: 'STOP',
        groundingMetadata: { webSearchQueries: ['q'] },
        logprobsResult: {
          chosenCandidates: [{ token: 'Hi', tokenId: 1, logProbability: -0.5 }],
          topCandidates: [
            {
              candidates: [
                { token: 'Hi', logProbability: -0.5 },
                { token: 'é', logProbability: -2 },
              ],
            },
          ],
        },
      }),
    );
    expect(choices[0]?.blocks).toEqual([
      { type: 'Text', text: 'Hi', citations: '[{"webSearchQueries":["q"]}]' },
    ]);
    expect(JSON.parse(choices[0]?.logprobs ?? '')).toEqual({
      content: [
        {
          token: 'Hi',
          logprob: -0.5,
          bytes: [72, 105],
          top_logprobs: [
            { token: 'Hi', logprob: -0.5, bytes: [72, 105] },
            { token: 'é', logprob: -2, bytes: [195, 169] },
          ],
        },
      ],
      refusal: null,
    });
  });

  it.each([
    ['STOP', 'Stop'],
    ['MAX_TOKENS', 'Length'],
    ['SAFETY', 'ContentFilter'],
    ['BLOCKLIST', 'ContentFilter'],
    ['PROHIBITED_CONTENT', 'ContentFilter'],
    ['SPII', 'ContentFilter'],
    ['RECITATION', 'ContentFilter'],
    ['IMAGE_SAFETY', 'ContentFilter'],
    ['MALFORMED_FUNCTION_CALL', 'Other'],
    ['LANGUAGE', 'Other'],
    ['OTHER', 'Other'],
    ['SOMETHING_NEW', 'Other'],
  ])('%s is %s', (finishReason, reason) => {
    expect(complete(chunk([{ text: 'a' }], { finishReason })).choices[0]?.finish).toEqual({
      reason,
      raw: finishReason,
    });
    const call = complete(chunk([{ functionCall: { name: 'f' } }], { finishReason })).choices[0]?.finish;
    expect(call).toEqual({ reason: reason === 'Stop' ? 'ToolCalls' : reason, raw: finishReason });
  });

  it('are read for errors, usage and size', () => {
    const read = (value: unknown) =>
      GEMINI.readComplete(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
    expect(read(chunk([{ text: 'héllo' }], { finishReason: 'STOP' }, { usageMetadata }))).toEqual({
      error: undefined,
      usage: usageMetadata,
      model: 'gemini-2.5-flash',
      responseId: 'mAitaLmkHPPlz7IPvtfUqQ4',
      finishReasons: ['STOP'],
      outputBytes: 6,
    });
    expect(read('<html>').error?.code).toBe('invalid_body');
    expect(read({ candidates: [] }).error?.code).toBe('invalid_body');
    expect(read(chunk([{ text: 'a' }])).error?.code).toBe('invalid_body');
    expect(read({ promptFeedback: { blockReason: 'OTHER' } })).toMatchObject({
      error: undefined,
      finishReasons: ['OTHER'],
    });
  });
});

describe('usage', () => {
  const { readUsage } = GEMINI;
  const none = { cacheRead: 0, audioInput: 0, output: 0, reasoning: 0, audioOutput: 0 };
  it.each([
    [
      'thoughts beside candidates',
      { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: 95, totalTokenCount: 110 },
      { ...none, input: 10, output: 5, reasoning: 95 },
    ],
    [
      'a cached part of the prompt',
      { promptTokenCount: 100, cachedContentTokenCount: 80, candidatesTokenCount: 1 },
      { ...none, input: 20, cacheRead: 80, output: 1 },
    ],
    [
      'results of its own tools',
      { promptTokenCount: 10, toolUsePromptTokenCount: 30, candidatesTokenCount: 2 },
      { ...none, input: 40, output: 2 },
    ],
    [
      'modalities',
      {
        promptTokenCount: 100,
        cachedContentTokenCount: 20,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 50 },
          { modality: 'AUDIO', tokenCount: 50 },
        ],
        cacheTokensDetails: [{ modality: 'AUDIO', tokenCount: 10 }],
        candidatesTokenCount: 1300,
        candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1290 }],
      },
      { ...none, input: 40, cacheRead: 10, audioCacheRead: 10, audioInput: 40, output: 1300 },
    ],
    ['a prompt alone', { promptTokenCount: 4, totalTokenCount: 4 }, { ...none, input: 4 }],
    [
      'parts beyond their total',
      { promptTokenCount: 5, cachedContentTokenCount: 9, candidatesTokenCount: 0 },
      { ...none, input: 0, cacheRead: 5 },
    ],
    ['nothing', {}, undefined],
    ['no object', 'x', undefined],
  ])('%s', (_, raw, usage) => {
    expect(readUsage(raw)).toEqual(usage);
  });
});

describe('errors', () => {
  const read = (value: unknown) =>
    GEMINI.readError(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  const error = {
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'You exceeded your current quota',
    details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.074824224s' }],
  };
  it.each([
    ['an object', { error }],
    ['an array', [{ error }]],
  ])('%s', (_, body) => {
    expect(read(body)).toEqual({
      status: 429,
      code: 'RESOURCE_EXHAUSTED',
      type: 'RESOURCE_EXHAUSTED',
      message: 'You exceeded your current quota',
      retryAfterMs: 34_075,
    });
  });

  it('gives the reason where there is one', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }];
    expect(
      read({ error: { code: 400, status: 'INVALID_ARGUMENT', message: 'API key not valid.', details } }),
    ).toMatchObject({
      status: 400,
      code: 'API_KEY_INVALID',
      type: 'INVALID_ARGUMENT',
    });
    const message = 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).';
    expect(read({ error: { code: 400, status: 'INVALID_ARGUMENT', message } })?.code).toBe(
      'context_length_exceeded',
    );
    expect(read({ error: 'invalid_grant', error_description: 'expired' })).toMatchObject({
      code: 'invalid_grant',
      message: 'expired',
    });
    for (const other of ['<html>', '', '[]', '{}', 'null']) expect(read(other)).toBeUndefined();
  });
});
