import { describe, expect, it } from 'vitest';
import type { Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { assistant, user } from '../support/vendor.ts';
import { call, FLASH3, FLASH25, result, tool, write } from './asking.ts';

describe('contents', () => {
  it('merges turns of one role and gives instructions their own place', () => {
    const { body, losses } = write({
      turns: [
        { role: 'system', blocks: [{ type: 'Text', text: 'Be brief.' }] },
        user('a'),
        user('b'),
        assistant('c'),
        assistant(''),
        { role: 'system', blocks: [{ type: 'Text', text: 'Now be long.' }] },
        user('d'),
      ],
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
        { role: 'model', parts: [{ text: 'c' }] },
        { role: 'user', parts: [{ text: 'Now be long.' }, { text: 'd' }] },
      ],
    });
    expect(losses).toMatchObject([{ parameter: 'messages[].role', how: 'Changed' }]);
  });

  it('lets the user speak first', () => {
    const { body, losses } = write({ turns: [assistant('Hello!'), user('Hi')] });
    expect(body.contents).toMatchObject([{ role: 'user' }, { role: 'model' }, { role: 'user' }]);
    expect(losses).toMatchObject([{ parameter: 'messages', how: 'Changed' }]);
    const only = write({ turns: [{ role: 'system', blocks: [{ type: 'Text', text: 'Go.' }] }] });
    expect(only.body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Go.' }] }] });
  });

  it('puts all results into one turn, in the order of the calls, text behind them', () => {
    const { body } = write(
      {
        turns: [
          user('x'),
          {
            role: 'assistant',
            blocks: [{ type: 'Text', text: 'Looking.' }, call('a1', '{"q":1.0}', 'sig'), call('b2', '')],
          },
          { role: 'user', blocks: [{ type: 'Text', text: 'and?' }, result('b2', 'two')] },
          { role: 'user', blocks: [result('a1', ' {"n":12345678901234567890} ')] },
        ],
      },
      FLASH3,
    );
    expect(body.contents).toMatchObject([
      { role: 'user' },
      {
        role: 'model',
        parts: [
          { text: 'Looking.' },
          { functionCall: { id: 'a1', name: 'search' }, thoughtSignature: 'sig' },
          { functionCall: { id: 'b2', name: 'search', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a1', name: 'search' } },
          { functionResponse: { id: 'b2', name: 'search', response: { output: 'two' } } },
          { text: 'and?' },
        ],
      },
    ]);
  });

  it('keeps arguments, schemas and JSON results as they were written', () => {
    const schema =
      '{"type":"object","properties":{"z":{"type":"number","minimum":1.50},"2":{"enum":[1e3]},"a":{}}}';
    const { text } = write({
      tools: [tool(schema)],
      output: undefined,
      turns: [
        user('x'),
        { role: 'assistant', blocks: [call('a', '{"n":12345678901234567890,"f":1.0}')] },
        { role: 'user', blocks: [result('a', '{"z":1.10,"a":9007199254740993}')] },
      ],
    });
    expect(text).toContain(`"parametersJsonSchema":${schema}`);
    expect(text).toContain('"args":{"n":12345678901234567890,"f":1.0}');
    expect(text).toContain('"response":{"z":1.10,"a":9007199254740993}');
  });

  it('survives arguments that are no object', () => {
    for (const [args, sent] of [
      ['', {}],
      ['  ', {}],
      ['{"a":', { arguments: '{"a":' }],
      ['[1]', { arguments: '[1]' }],
      ['"x"', { arguments: '"x"' }],
    ] as const) {
      const { body } = write({
        turns: [
          user('x'),
          { role: 'assistant', blocks: [call('a', args)] },
          { role: 'user', blocks: [result('a', '')] },
        ],
      });
      const contents = body.contents as { parts: { functionCall: { args: unknown } }[] }[];
      expect(contents[1]?.parts[0]?.functionCall.args).toEqual(sent);
    }
  });

  it('says errors as errors', () => {
    const { body } = write({
      turns: [
        user('x'),
        { role: 'assistant', blocks: [call('a', '{}')] },
        { role: 'user', blocks: [result('a', 'no', true)] },
      ],
    });
    expect(JSON.stringify(body)).toContain('"response":{"error":"no"}');
  });

  it('has the check of signatures skipped where a client lost one, first call of each step, and says so', () => {
    const turns: Turn[] = [
      user('x'),
      { role: 'assistant', blocks: [call('a', '{}'), call('b', '{}')] },
      { role: 'user', blocks: [result('a', '1'), result('b', '2')] },
      { role: 'assistant', blocks: [call('c', '{}', 'real')] },
      { role: 'user', blocks: [result('c', '3')] },
    ];
    const { body, losses } = write({ turns }, FLASH3);
    const signatures = (body.contents as { parts: { thoughtSignature?: string }[] }[]).flatMap(({ parts }) =>
      parts.map(({ thoughtSignature }) => thoughtSignature),
    );
    expect(signatures).toEqual([
      undefined,
      'skip_thought_signature_validator',
      undefined,
      undefined,
      undefined,
      'real',
      undefined,
    ]);
    expect(losses).toMatchObject([
      { parameter: 'messages[].tool_calls[].extra_content.google.thought_signature', how: 'Changed' },
    ]);
    expect(write({ turns }, FLASH25).losses).toEqual([]);
    expect(write({ turns }, FLASH25).text).not.toContain('skip_thought');
  });

  it('puts signed thoughts back and lets go of foreign ones', () => {
    const { body, losses } = write({
      turns: [
        user('x'),
        {
          role: 'assistant',
          blocks: [
            { type: 'Thinking', text: 'hm', signature: { vendor: 'google', value: 'S1' } },
            { type: 'Thinking', text: 'claude', signature: { vendor: 'anthropic', value: 'no' } },
            { type: 'RedactedThinking', data: 'xx', vendor: 'anthropic' },
            { type: 'Text', text: 'y' },
            { type: 'Thinking', text: '', signature: { vendor: 'google', value: 'S2' } },
            { type: 'Native', vendor: 'google', json: '{"executableCode":{"language":"PYTHON","code":"1"}}' },
            { type: 'Native', vendor: 'openai', json: '{}' },
          ],
        },
        user('z'),
      ],
    });
    expect((body.contents as unknown[])[1]).toEqual({
      role: 'model',
      parts: [
        { text: 'hm', thought: true, thoughtSignature: 'S1' },
        { text: 'y' },
        { text: '', thoughtSignature: 'S2' },
        { executableCode: { language: 'PYTHON', code: '1' } },
      ],
    });
    expect(losses.map(({ parameter }) => parameter)).toEqual(['messages[].thinking', 'messages[].content[]']);
  });

  it('sends media inline or by reference, always with a type', () => {
    const { body } = write(
      {
        turns: [
          {
            role: 'user',
            blocks: [
              { type: 'Image', source: { kind: 'Base64', mediaType: 'image/png', data: 'AAAA' } },
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/a.webp?v=1' } },
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/b' } },
              { type: 'File', source: { kind: 'Text', mediaType: 'text/plain', text: 'plain' } },
              { type: 'File', source: { kind: 'FileId', vendor: 'google', id: 'https://g/files/1' } },
              { type: 'Audio', data: 'BBBB', format: 'wav' },
            ],
          },
        ],
      },
      FLASH25,
      { media: { 'https://x.test/b': { mediaType: 'image/gif', data: 'CCCC' } } },
    );
    expect(body.contents).toEqual([
      {
        role: 'user',
        parts: [
          { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
          { fileData: { mimeType: 'image/webp', fileUri: 'https://x.test/a.webp?v=1' } },
          { inlineData: { mimeType: 'image/gif', data: 'CCCC' } },
          { text: 'plain' },
          { fileData: { mimeType: 'application/pdf', fileUri: 'https://g/files/1' } },
          { inlineData: { mimeType: 'audio/wav', data: 'BBBB' } },
        ],
      },
    ]);
  });

  it('keeps images of results in the result where the model takes them, else behind it', () => {
    const turns: Turn[] = [
      user('x'),
      { role: 'assistant', blocks: [call('a', '{}', 's')] },
      {
        role: 'user',
        blocks: [
          {
            type: 'ToolResult',
            callId: 'a',
            name: 'search',
            isError: false,
            blocks: [
              { type: 'Text', text: 'see' },
              { type: 'Image', source: { kind: 'Base64', mediaType: 'image/png', data: 'AA==' } },
            ],
          },
        ],
      },
    ];
    const image = { inlineData: { mimeType: 'image/png', data: 'AA==' } };
    const functionResponse = { id: 'a', name: 'search', response: { output: 'see' } };
    expect((write({ turns }, FLASH3).body.contents as unknown[])[2]).toEqual({
      role: 'user',
      parts: [{ functionResponse: { ...functionResponse, parts: [image] } }],
    });
    const older = write({ turns }, FLASH25);
    expect((older.body.contents as unknown[])[2]).toEqual({
      role: 'user',
      parts: [{ functionResponse }, image],
    });
    expect(older.losses).toMatchObject([{ parameter: 'messages[].content', how: 'Changed' }]);
  });

  it('sends no ids where the vendor takes none', () => {
    const turns: Turn[] = [
      user('x'),
      { role: 'assistant', blocks: [call('call_1', '{}')] },
      { role: 'user', blocks: [result('call_1', '1')] },
    ];
    expect(write({ turns }, FLASH25, { quirks: { omitCallIds: true } }).text).not.toContain('call_1');
  });
});
