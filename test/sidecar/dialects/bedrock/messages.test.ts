import { describe, expect, it } from 'vitest';
import type { Block, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import { assistant, user } from '../support/vendor.ts';
import { call, looped, OPUS46, result, SONNET37, SONNET45, thinking, tool, write } from './asking.ts';

describe('messages', () => {
  it('alternate, begin with the user, and hold the results of all calls in one turn', () => {
    const { body } = write({
      turns: [...looped(), user('and?'), assistant('ok'), assistant('then'), user('y')],
      tools: [tool()],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: [{ text: 'x' }] },
      {
        role: 'assistant',
        content: [
          { toolUse: { toolUseId: 'a', name: 'search', input: {} } },
          { toolUse: { toolUseId: 'b', name: 'search', input: {} } },
        ],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'a', content: [{ text: 'one' }] } },
          { toolResult: { toolUseId: 'b', content: [{ text: 'two' }] } },
          { text: 'and?' },
        ],
      },
      { role: 'assistant', content: [{ text: 'ok' }, { text: 'then' }] },
      { role: 'user', content: [{ text: 'y' }] },
    ]);
  });

  it('never hold blank text', () => {
    const { body } = write({
      turns: [
        user(' '),
        { role: 'assistant', blocks: [{ type: 'Text', text: '\n' }, call('a')] },
        { role: 'user', blocks: [result('a', '')] },
      ],
      tools: [tool()],
    });
    expect(JSON.stringify(body)).not.toMatch(/"text":"(\s|\\n)*"/);
    const trailing = write({ turns: [user('a'), assistant('{"x": \n')] });
    expect(trailing.text).toContain('{"text":"{\\"x\\":"}');
  });

  it('end with the user where the model takes no beginning of its answer', () => {
    const { body, losses } = write({ turns: [user('a'), assistant('b')] }, OPUS46);
    expect(body.messages).toHaveLength(3);
    expect(losses).toMatchObject([{ parameter: 'messages', how: 'Changed' }]);
    expect(write({ turns: [user('a'), assistant('b')] }, SONNET45).body.messages).toHaveLength(2);
  });

  it('carry ids, arguments and schemas as they were, ids in a form the vendor takes', () => {
    const schema = '{"type":"object","properties":{"z":{"minimum":1.50},"2":{}},"$schema":"s"}';
    const odd = 'call.with:odd characters and a length beyond forty';
    const { text, body } = write({
      tools: [tool(schema)],
      turns: [
        user('x'),
        { role: 'assistant', blocks: [call(odd, '{"n":12345678901234567890,"f":1.0}')] },
        { role: 'user', blocks: [result(odd, 'r', true)] },
      ],
    });
    expect(text).toContain(`"inputSchema":{"json":${schema}}`);
    expect(text).toContain('"input":{"n":12345678901234567890,"f":1.0}');
    const [, answer, next] = body.messages as {
      content: Record<string, { toolUseId: string; status?: string }>[];
    }[];
    expect(answer?.content[0]?.toolUse?.toolUseId).toBe(next?.content[0]?.toolResult?.toolUseId);
    expect(next?.content[0]?.toolResult?.status).toBe('error');
  });

  it('carry thinking back: signed, signature only, and redacted', () => {
    const first: Block[] = [
      { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'S' } },
      { type: 'Thinking', text: '', signature: { vendor: 'anthropic', value: 'T' } },
      { type: 'RedactedThinking', vendor: 'anthropic', data: 'QUJD' },
      { type: 'Thinking', text: 'unsigned' },
      { type: 'Thinking', text: 'g', signature: { vendor: 'google', value: 'U' } },
    ];
    const { body, losses } = write(
      {
        turns: looped(first),
        tools: [tool()],
        reasoning: thinking({ budgetTokens: 2000 }),
        maxOutputTokens: 8000,
      },
      SONNET37,
    );
    expect((body.messages as { content: unknown[] }[])[1]?.content.slice(0, 3)).toEqual([
      { reasoningContent: { reasoningText: { text: 'hm', signature: 'S' } } },
      { reasoningContent: { reasoningText: { text: '', signature: 'T' } } },
      { reasoningContent: { redactedContent: 'QUJD' } },
    ]);
    expect(body.additionalModelRequestFields).toEqual({ thinking: { type: 'enabled', budget_tokens: 2000 } });
    expect(losses.map(({ parameter }) => parameter)).toEqual(['messages[].thinking']);
  });

  it('do not ask for thinking where the turn to go on with has none', () => {
    const { body, losses } = write(
      { turns: looped(), tools: [tool()], reasoning: thinking({ effort: 'high' }) },
      SONNET37,
    );
    expect(body.additionalModelRequestFields).toBeUndefined();
    expect(losses).toMatchObject([{ parameter: 'reasoning_effort', how: 'Dropped' }]);
  });

  it('send media as bytes', () => {
    const { body } = write(
      {
        turns: [
          {
            role: 'user',
            blocks: [
              { type: 'Image', source: { kind: 'Url', url: 'https://x.test/a' } },
              {
                type: 'File',
                name: 'a/b  c.pdf',
                source: { kind: 'Base64', mediaType: 'application/pdf', data: 'QUJD' },
              },
              {
                type: 'File',
                name: 'a/b c.pdf',
                source: { kind: 'Text', mediaType: 'text/plain; charset=utf-8', text: 'hé' },
              },
            ],
          },
        ],
      },
      SONNET45,
      { media: { 'https://x.test/a': { mediaType: 'image/jpg', data: 'QUJD' } } },
    );
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { image: { format: 'jpeg', source: { bytes: 'QUJD' } } },
          { document: { format: 'pdf', name: 'a-b c-pdf', source: { bytes: 'QUJD' } } },
          {
            document: {
              format: 'txt',
              name: 'a-b c-pdf (2)',
              source: { bytes: Buffer.from('hé').toString('base64') },
            },
          },
          { text: '(see the document)' },
        ],
      },
    ]);
  });

  it('set cache points where the model has them, four at most', () => {
    const cache = { ttl: '1h' } as const;
    const marked = (n: number): Turn => ({ role: 'user', blocks: [{ type: 'Text', text: `t${n}`, cache }] });
    const turns: Turn[] = [
      { role: 'system', blocks: [{ type: 'Text', text: 's', cache: { ttl: '5m' } }] },
      marked(1),
      marked(2),
      marked(3),
      marked(4),
    ];
    const { body, losses } = write({ turns, tools: [tool(undefined, { cache })] });
    expect(body.system).toEqual([{ text: 's' }, { cachePoint: { type: 'default' } }]);
    expect(JSON.stringify(body).match(/cachePoint/g)).toHaveLength(4);
    expect(JSON.stringify(body.messages)).toContain('{"cachePoint":{"type":"default","ttl":"1h"}}');
    expect(losses).toMatchObject([{ parameter: 'cache_control', how: 'Dropped' }]);
    const other = write({ turns }, 'meta.llama3-3-70b-instruct-v1:0');
    expect(JSON.stringify(other.body)).not.toContain('cachePoint');
    expect(other.losses).toMatchObject([{ parameter: 'cache_control' }]);
  });
});
