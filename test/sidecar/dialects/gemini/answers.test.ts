import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import { vendorCallId } from '../../../../sidecar/dialects/gemini/call-ids.ts';
import { GEMINI, GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { joined, sse, tell as tellFrom } from '../support/vendor.ts';

const tell = (bytes: Buffer, cuts?: readonly number[]) => tellFrom(GEMINI, GEMINI_VENDOR, bytes, cuts);
const complete = (value: unknown) =>
  GEMINI_VENDOR.readComplete(Buffer.from(JSON.stringify(value)), emptyRequest());
const chunk = (parts: unknown[], more: object = {}, top: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
  modelVersion: 'gemini-2.5-flash',
  responseId: 'mAitaLmkHPPlz7IPvtfUqQ4',
  ...top,
});
const usageMetadata = {
  promptTokenCount: 100,
  cachedContentTokenCount: 40,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 95,
  toolUsePromptTokenCount: 10,
  totalTokenCount: 210,
};

describe('transcripts', () => {
  const golden = new URL('golden/', import.meta.url);
  const names = readdirSync(golden).filter((name) => name.endsWith('.sse'));
  it.each(names)('%s', async (name) => {
    const bytes = readFileSync(new URL(name, golden));
    const told = tell(bytes);
    const text = `${told.events.map((event) => JSON.stringify(event)).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(new URL(name.replace('.sse', '.events'), golden).pathname);
    expect(told).toMatchObject({ error: undefined, finished: true });
  });

  it.each(names)('%s, cut anywhere', (name) => {
    const bytes = readFileSync(new URL(name, golden));
    const whole = JSON.stringify(tell(bytes).events);
    for (let at = 1; at < bytes.length; at++) expect(JSON.stringify(tell(bytes, [at]).events)).toBe(whole);
  });
});

describe('streams', () => {
  it('keeps text and call of one chunk, and gives calls blocks of their own', () => {
    const { events, commitsAt, finishReasons } = tell(
      sse(
        chunk([
          { text: 'Let me see.' },
          { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'S' },
        ]),
        chunk([
          { functionCall: { name: 'g', args: {} } },
          { functionCall: { name: 'g', id: 'own', args: {} } },
        ]),
        chunk([], { finishReason: 'STOP' }, { usageMetadata }),
      ),
    );
    expect(commitsAt).toBe(0);
    expect(finishReasons).toEqual(['STOP']);
    const starts = events.filter((event) => event.type === 'BlockStart');
    expect(starts.map(({ block, open }) => [block, open])).toEqual([
      [0, { type: 'Text' }],
      [
        1,
        {
          type: 'ToolCall',
          id: 'gcall_mAitaLmkHPPlz7IPvtfUqQ4_0',
          name: 'f',
          signature: { vendor: 'google', value: 'S' },
        },
      ],
      [2, { type: 'ToolCall', id: 'gcall_mAitaLmkHPPlz7IPvtfUqQ4_1', name: 'g', signature: undefined }],
      [3, { type: 'ToolCall', id: 'own', name: 'g', signature: undefined }],
    ]);
    expect(events.find((event) => event.type === 'Finish')).toMatchObject({
      finish: { reason: 'ToolCalls', raw: 'STOP' },
    });
  });

  it('hands on arguments as they were written', () => {
    const args = '{"n": 12345678901234567890, "f": 1.0, "e": "\\u00e9"}';
    const bytes = Buffer.from(
      `data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":${args}}}]},"finishReason":"STOP"}]}\n\n`,
    );
    expect(tell(bytes).events).toContainEqual({ type: 'Delta', choice: 0, block: 0, text: args });
  });

  it('hands text to tools that take text', () => {
    const tools = [
      {
        type: 'Custom' as const,
        name: 'shell',
        description: undefined,
        schema: undefined,
        strict: undefined,
      },
    ];
    const bytes = sse(
      chunk([{ functionCall: { id: 'x', name: 'shell', args: { input: 'ls -l' } } }], {
        finishReason: 'STOP',
      }),
    );
    expect(tellFrom(GEMINI, GEMINI_VENDOR, bytes, [], { tools }).events.slice(1, 3)).toMatchObject([
      { open: { type: 'ToolCall', id: 'x', name: 'shell', custom: true } },
      { type: 'Delta', text: 'ls -l' },
    ]);
  });

  it('waits for the end: early models name a reason in every event', () => {
    const told = tell(
      sse(chunk([{ text: 'a' }], { finishReason: 'STOP' }), chunk([{ text: 'b' }], { finishReason: 'STOP' })),
    );
    expect(joined(told.events).filter((event) => event.type === 'Delta')).toEqual([
      { type: 'Delta', choice: 0, block: 0, text: 'ab' },
    ]);
  });

  it('keeps candidates apart, and is finished with the last', () => {
    const one = (index: number, text: string, more: object = {}) => ({
      candidates: [{ index, content: { parts: [{ text }] }, ...more }],
    });
    const open = tell(sse(one(0, 'a'), one(1, 'x'), one(0, 'b', { finishReason: 'STOP' })));
    expect(open.finished).toBe(false);
    const told = tell(
      sse(
        one(0, 'a'),
        one(1, 'x'),
        one(0, 'b', { finishReason: 'STOP' }),
        one(1, 'y', { finishReason: 'MAX_TOKENS' }),
      ),
    );
    expect(told.finishReasons).toEqual(['STOP', 'MAX_TOKENS']);
    expect(told.events.filter((event) => event.type === 'Finish')).toMatchObject([
      { choice: 0, finish: { reason: 'Stop' } },
      { choice: 1, finish: { reason: 'Length' } },
    ]);
  });

  it('takes a blocked prompt for an answer that was filtered', () => {
    const told = tell(
      sse({
        promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
        usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 },
      }),
    );
    expect(told).toMatchObject({ finished: true, commitsAt: 0, finishReasons: ['PROHIBITED_CONTENT'] });
    expect(told.events).toContainEqual({
      type: 'Finish',
      choice: 0,
      finish: { reason: 'ContentFilter', raw: 'PROHIBITED_CONTENT' },
    });
    expect(complete({ promptFeedback: { blockReason: 'SAFETY' } }).choices).toEqual([
      { blocks: [], finish: { reason: 'ContentFilter', raw: 'SAFETY' } },
    ]);
  });

  it('commits to the first part or finish reason, and to nothing less', () => {
    expect(
      tell(
        sse(
          { candidates: [], usageMetadata: { promptTokenCount: 3 } },
          chunk([{ text: '' }]),
          chunk([{ text: 'a' }]),
        ),
      ).commitsAt,
    ).toBe(2);
    expect(tell(sse(chunk([], { finishReason: 'SAFETY' }))).commitsAt).toBe(0);
  });

  it('finds errors in the stream', () => {
    const error = { code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded.' };
    expect(tell(sse(chunk([{ text: 'a' }]), { error })).error).toEqual({
      status: 503,
      code: 'UNAVAILABLE',
      type: 'UNAVAILABLE',
      message: 'The model is overloaded.',
    });
    expect(tell(Buffer.from('data: {"candi\n\n')).error?.code).toBe('invalid_event');
    expect(tell(sse({ nothing: 1 })).error?.code).toBe('invalid_event');
  });

  it('gives ids that are the same each time, differ within an answer, and are known as ours', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('f', 'g'), fc.option(fc.string({ minLength: 1 }))), {
          maxLength: 8,
        }),
        fc.option(fc.string(), { nil: undefined }),
        (calls, responseId) => {
          const bytes = sse(
            ...calls.map(([name, x]) => ({
              responseId,
              candidates: [{ content: { parts: [{ functionCall: { name, args: { x } } }] } }],
            })),
            { responseId, candidates: [{ finishReason: 'STOP' }] },
          );
          const ids = (): string[] =>
            tell(bytes).events.flatMap((event) =>
              event.type === 'BlockStart' && event.open.type === 'ToolCall' ? [event.open.id] : [],
            );
          const first = ids();
          expect(first).toEqual(ids());
          expect(new Set(first).size).toBe(calls.length);
          for (const id of first) {
            expect(id).toMatch(/^[a-zA-Z0-9_-]{1,40}$/);
            expect(vendorCallId(id)).toBeUndefined();
          }
        },
      ),
      { numRuns: 60 },
    );
    for (const id of ['call_abc', 'own', 'gcall', 'abcd1234']) expect(vendorCallId(id)).toBe(id);
  });

  it('is whole in every order of blocks', () => {
    const kinds = {
      text: (n: number) => ({ text: `t${n}` }),
      thought: (n: number) => ({ text: `h${n}`, thought: true }),
      signed: (n: number) => ({ text: `s${n}`, thoughtSignature: `S${n}` }),
      bare: (n: number) => ({ text: '', thoughtSignature: `B${n}` }),
      call: (n: number) => ({ functionCall: { name: `f${n}`, args: { n } } }),
      code: (n: number) => ({ executableCode: { language: 'PYTHON', code: `c${n}` } }),
      image: (n: number) => ({ inlineData: { mimeType: 'image/png', data: `i${n}` } }),
    };
    const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
    fc.assert(
      fc.property(fc.array(fc.array(kind, { maxLength: 3 }), { maxLength: 6 }), (chunks) => {
        let n = 0;
        const parts = chunks.map((names) => names.map((name) => kinds[name](n++)));
        const told = tell(sse(...parts.map((list) => chunk(list)), chunk([], { finishReason: 'STOP' })));
        const flat = parts.flat() as { text?: string; thought?: boolean }[];
        const text = (type: string): string => {
          let open = '';
          return told.events
            .map((event) => {
              if (event.type === 'BlockStart') open = event.open.type;
              return event.type === 'Delta' && open === type ? event.text : '';
            })
            .join('');
        };
        expect(text('Text')).toBe(
          flat
            .filter((part) => !part.thought)
            .map((part) => part.text ?? '')
            .join(''),
        );
        expect(text('Thinking')).toBe(
          flat
            .filter((part) => part.thought)
            .map((part) => part.text ?? '')
            .join(''),
        );
        const count = (type: string): number =>
          told.events.filter((event) => event.type === 'BlockStart' && event.open.type === type).length;
        expect(count('ToolCall')).toBe(flat.filter((part) => 'functionCall' in part).length);
        expect(count('Native')).toBe(
          flat.filter((part) => 'executableCode' in part || 'inlineData' in part).length,
        );
        expect(told.events.filter((event) => event.type === 'Signature').length).toBe(
          flat.filter((part) => 'thoughtSignature' in part).length,
        );
      }),
      { numRuns: 200 },
    );
  });
});

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
