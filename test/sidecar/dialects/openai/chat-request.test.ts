import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../../errors/table.ts';
import type { Envelope } from '../../../../sidecar/dialects/envelope.ts';
import { readChatRequest } from '../../../../sidecar/dialects/openai/chat-request.ts';

const read = (value: unknown) => readChatRequest(Buffer.from(JSON.stringify(value)));

function refusal(body: string): OutriderError {
  try {
    readChatRequest(Buffer.from(body));
  } catch (error) {
    if (error instanceof OutriderError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const user = [{ role: 'user', content: 'hi' }];

function userTexts(envelope: Envelope): unknown[] {
  return envelope.userText.map(({ start, end }) =>
    JSON.parse(envelope.body.toString('utf8', start - 1, end + 1)),
  );
}

describe('readChatRequest', () => {
  it('reads the members that routing asks for', () => {
    const envelope = read({
      model: 'gpt-5-mini',
      stream: true,
      stream_options: { include_usage: false, other: 1 },
      max_tokens: 5,
      max_completion_tokens: 77,
      n: 3,
      store: true,
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      response_format: { type: 'json_schema', json_schema: { name: 's', schema: {} } },
      messages: user,
    });
    expect(envelope).toMatchObject({
      model: 'gpt-5-mini',
      stream: true,
      includeUsage: false,
      maxOutputTokens: 77,
      choices: 3,
      stateful: true,
      tools: true,
      serverTools: false,
      jsonSchema: true,
      vision: false,
    });
    expect([...envelope.members.keys()]).toEqual([
      'model',
      'stream',
      'stream_options',
      'max_tokens',
      'max_completion_tokens',
      'n',
      'store',
      'tools',
      'response_format',
      'messages',
    ]);
  });

  it('takes null for an absent member, and -1 for no cap', () => {
    expect(
      read({ messages: user, stream: null, n: null, max_tokens: -1, stream_options: null, tools: null }),
    ).toMatchObject({
      stream: false,
      choices: 1,
      maxOutputTokens: undefined,
      includeUsage: undefined,
      tools: false,
    });
  });

  it.each([
    [{ max_completion_tokens: 9, max_tokens: 4 }, 9],
    [{ max_tokens: 4, max_completion_tokens: 9 }, 9],
    [{ max_tokens: 4, max_completion_tokens: null }, 4],
    [{ max_completion_tokens: null, max_tokens: 4 }, 4],
  ])('finds the cap in %j', (caps, expected) => {
    expect(read({ ...caps, messages: user }).maxOutputTokens).toBe(expected);
  });

  it('counts roles and text, and finds what the user wrote', () => {
    const envelope = read({
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          content: [
            { text: 'hé\n', type: 'text' },
            { type: 'text', text: 'two' },
          ],
          role: 'user',
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: 'result' },
        { role: '__proto__', content: 'odd' },
        { role: 'user', content: 'last' },
      ],
    });
    expect(envelope.roles).toEqual({ system: 1, user: 2, assistant: 1, tool: 1, other: 1 });
    expect(userTexts(envelope)).toEqual(['hé\n', 'two', 'last']);
    expect(envelope.text.escaped).toBe(2);
    expect(envelope.text.nonAscii).toBe(2);
  });

  it('tells attachments from text, wherever the type stands', () => {
    const base64 = 'QUJD'.repeat(1000);
    const envelope = read({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { image_url: { url: `data:image/png;base64,${base64}`, detail: 'low' }, type: 'image_url' },
            { type: 'image_url', image_url: { url: 'https://x.example/a.png' } },
            { type: 'input_audio', input_audio: { data: base64, format: 'wav' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: base64 } },
          ],
        },
      ],
    });
    expect(envelope.vision).toBe(true);
    expect(envelope.attachments).toEqual({
      images: 2,
      audio: 1,
      files: 1,
      bytes: 3 * base64.length + 'data:image/png;base64,'.length,
    });
    expect(envelope.text).toEqual({ ascii: 'what is this?'.length, nonAscii: 0, escaped: 0 });
  });

  it('knows tools the vendor runs', () => {
    expect(read({ messages: user, tools: [{ type: 'web_search' }] })).toMatchObject({ serverTools: true });
    expect(read({ messages: user, web_search_options: {} })).toMatchObject({ serverTools: true });
    expect(read({ messages: user, tools: [{ type: 'custom' }], functions: [{ name: 'f' }] })).toMatchObject({
      serverTools: false,
      tools: true,
    });
  });

  it.each([
    ['{"model":"a","messages":[],"model":"b"}', 'duplicate_member', 'model'],
    [
      '{"messages":[],"stream_options":{"include_usage":true,"include_usage":false}}',
      'duplicate_member',
      'stream_options.include_usage',
    ],
    ['{"messages":[{"role":"user","role":"system","content":""}]}', 'duplicate_member', 'messages[0].role'],
    ['{"messages":[{"role":"user","content":"a","content":"b"}]}', 'duplicate_member', 'messages[0].content'],
    [
      '{"messages":[{"role":"user","content":"a","conten\\u0074":"b"}]}',
      'duplicate_member',
      'messages[0].content',
    ],
    ['{"messages":[],"tools":[{"type":"function","type":"web_search"}]}', 'duplicate_member', 'tools[].type'],
    ['{"mod\\u0065l":"a","messages":[]}', 'escaped_member', '1'],
    ['{"model":5,"messages":[]}', 'invalid_member', 'model is 5; it must be a string'],
    ['{"model":"","messages":[]}', 'invalid_member', 'model is ""'],
    ['{"stream":"yes","messages":[]}', 'invalid_member', 'stream is "yes"; it must be true or false'],
    ['{"n":0,"messages":[]}', 'invalid_member', 'n is 0; it must be at least 1'],
    ['{"n":1.5,"messages":[]}', 'invalid_member', 'n is 1.5; it must be an integer'],
    ['{"messages":"hi"}', 'invalid_member', 'messages is "hi"'],
    ['{"messages":["hi"]}', 'invalid_member', 'messages[0] is "hi"'],
    ['{"stream_options":[],"messages":[]}', 'invalid_member', 'stream_options is []'],
    ['{"model":"a"}', 'missing_member', 'messages is required'],
    ['[]', 'invalid_json', 'a JSON object'],
  ])('refuses %s', (body, code, text) => {
    const error = refusal(body);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(error.status).toBe(400);
  });

  it('keeps duplicates of members it does not read for the patches to judge', () => {
    const envelope = readChatRequest(Buffer.from('{"messages":[],"seed":1,"seed":2}'));
    expect(envelope.duplicates.map((range) => range.name)).toEqual(['seed']);
  });

  it('agrees with JSON.parse on every member, or refuses', () => {
    const content = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constant(null),
      fc.array(
        fc.oneof(
          fc.record({ type: fc.constant('text'), text: fc.string({ unit: 'grapheme' }) }),
          fc.record({ type: fc.constant('image_url'), image_url: fc.record({ url: fc.webUrl() }) }),
        ),
        { maxLength: 3 },
      ),
    );
    const request = fc.record(
      {
        model: fc.string({ minLength: 1 }),
        stream: fc.option(fc.boolean()),
        n: fc.integer({ min: 1, max: 9 }),
        max_tokens: fc.nat(),
        stream_options: fc.option(fc.record({ include_usage: fc.boolean() }, { requiredKeys: [] })),
        temperature: fc.double({ noNaN: true, noDefaultInfinity: true }),
        metadata: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })),
        messages: fc.array(
          fc.record({ role: fc.constantFrom('user', 'system', 'assistant', 'tool'), content }),
          { maxLength: 5 },
        ),
      },
      { requiredKeys: ['messages'] },
    );
    const mutation = fc.option(
      fc.record({ at: fc.nat(), put: fc.constantFrom('', '"', ',', '}', '\\', '1', '{}', '"model":"x",') }),
    );
    fc.assert(
      fc.property(request, mutation, fc.boolean(), (value, change, pretty) => {
        let text = JSON.stringify(value, undefined, pretty ? 2 : undefined);
        if (change) {
          const at = change.at % text.length;
          text = text.slice(0, at) + change.put + text.slice(at + (change.put === '' ? 1 : 0));
        }
        let envelope: Envelope;
        try {
          envelope = readChatRequest(Buffer.from(text));
        } catch (error) {
          if (error instanceof OutriderError) return;
          throw error;
        }
        const parsed = JSON.parse(Buffer.from(text).toString()) as typeof value;
        expect(envelope.model).toBe(parsed.model);
        expect(envelope.stream).toBe(parsed.stream ?? false);
        expect(envelope.choices).toBe(parsed.n ?? 1);
        expect(envelope.maxOutputTokens).toBe(parsed.max_tokens);
        expect(envelope.includeUsage).toBe(parsed.stream_options?.include_usage);
        expect([...envelope.members.keys()].sort()).toEqual(Object.keys(parsed).sort());
        for (const range of envelope.members.values()) {
          const raw = envelope.body.toString('utf8', range.valueStart, range.end);
          // A duplicate of a member nobody reads is kept apart; the last one is what JSON.parse sees.
          const last = envelope.duplicates.findLast((other) => other.name === range.name);
          const seen = last ? envelope.body.toString('utf8', last.valueStart, last.end) : raw;
          expect(JSON.parse(seen)).toEqual(parsed[range.name as keyof typeof parsed]);
        }
        const turns = parsed.messages.filter((message) => message.role === 'user').length;
        expect(envelope.roles.user ?? 0).toBe(turns);
        expect(userTexts(envelope)).toEqual(expectedUserText(parsed.messages));
      }),
      { numRuns: 1500 },
    );
  });
});

function expectedUserText(messages: { role: string; content: unknown }[]): string[] {
  return messages
    .filter((message) => message.role === 'user')
    .flatMap((message) =>
      typeof message.content === 'string' ? [message.content] : partTexts(message.content),
    )
    .filter((text) => text !== '');
}

function partTexts(content: unknown): string[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) => {
    if (typeof part === 'string') return [part];
    const text = (part as { text?: unknown } | null)?.text;
    return typeof text === 'string' ? [text] : [];
  });
}
