import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vendorCallId } from '../../../../sidecar/dialects/gemini/call-ids.ts';
import { GEMINI, GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { joined, sse, tell as tellFrom } from '../support/vendor.ts';
import { chunk, complete, tell, usageMetadata } from './answering.ts';

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
