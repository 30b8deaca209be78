import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ANTHROPIC_COUNT_TOKENS,
  ANTHROPIC_MESSAGES,
} from '../../../../sidecar/dialects/anthropic/dialects.ts';
import type { Envelope } from '../../../../sidecar/dialects/envelope.ts';

const read = (value: unknown): Envelope =>
  ANTHROPIC_MESSAGES.readRequest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const request = (rest: object = {}) => ({
  model: 'claude-haiku-4-5',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'Hello' }],
  ...rest,
});
const content = (...blocks: object[]) => read(request({ messages: [{ role: 'user', content: blocks }] }));
const words = ({ body, userText }: Envelope) =>
  userText.map(({ start, end }) => body.toString('utf8', start, end));

describe('what a request says', () => {
  it('model, cap, stream, roles and text', () => {
    const envelope = read(
      request({
        stream: true,
        system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
        messages: [
          { role: 'user', content: 'Hello' },
          { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'one' },
              { type: 'text', text: 'two' },
            ],
          },
        ],
      }),
    );
    expect(envelope).toMatchObject({
      model: 'claude-haiku-4-5',
      stream: true,
      maxOutputTokens: 64,
      roles: { user: 2, assistant: 1 },
      tools: false,
      vision: false,
      stateful: false,
    });
    expect(words(envelope)).toEqual(['Hello', 'one', 'two']);
    expect(envelope.text.ascii).toBe('Be brief.HelloHionetwo'.length);
  });

  it('a turn of tool results is not the user speaking', () => {
    const envelope = read(
      request({
        messages: [
          { role: 'user', content: 'Weather?' },
          { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'w', input: { q: 'x' } }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'rain' }] },
        ],
      }),
    );
    expect(envelope.roles).toEqual({ user: 1, assistant: 1, tool: 1 });
    expect(words(envelope)).toEqual(['Weather?']);
    expect(envelope.text.ascii).toBe('Weather?wqxrain'.length);
  });

  it('images and documents are attachments, and their bytes no text', () => {
    const envelope = content(
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
      { source: { data: 'BBBBBBBB', media_type: 'application/pdf', type: 'base64' }, type: 'document' },
      {
        type: 'tool_result',
        tool_use_id: 't',
        content: [{ type: 'image', source: { type: 'url', url: 'https://x' } }],
      },
    );
    expect(envelope.attachments).toEqual({ images: 2, audio: 0, files: 1, bytes: 12 });
    expect(envelope.vision).toBe(true);
    expect(envelope.text).toEqual({ ascii: 0, nonAscii: 0, escaped: 0 });
  });

  it('a document given as text is text', () => {
    const plain = { type: 'text', media_type: 'text/plain', data: 'words' };
    expect(content({ type: 'document', title: 't', source: plain }).text.ascii).toBe(6);
    const blocks = { type: 'content', content: [{ type: 'text', text: 'words' }] };
    const envelope = content({ type: 'document', source: blocks });
    expect(envelope.text.ascii).toBe(5);
    expect(words(envelope)).toEqual([]);
  });

  it('seals and ciphers are no text, thinking is', () => {
    const envelope = content(
      { type: 'thinking', thinking: 'hm', signature: 'x'.repeat(500) },
      { type: 'redacted_thinking', data: 'x'.repeat(500) },
    );
    expect(envelope.text.ascii).toBe(2);
  });

  it.each([
    ['of the app', { name: 'f', input_schema: { type: 'object' } }, false],
    ['of the app, named so', { type: 'custom', name: 'f', input_schema: {} }, false],
    ['that the app runs', { type: 'bash_20250124', name: 'bash' }, false],
    ['that the vendor runs', { type: 'web_search_20260318', name: 'web_search' }, true],
    ['nobody knows', { type: 'crystal_ball_20300101', name: 'b' }, true],
  ])('tools %s', (_, tool, serverTools) => {
    expect(read(request({ tools: [tool] }))).toMatchObject({ tools: true, serverTools });
  });

  it.each([
    [
      'a file id',
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }] }] },
    ],
    [
      'a container upload',
      { messages: [{ role: 'user', content: [{ type: 'container_upload', file_id: 'f' }] }] },
    ],
    ['a container', { container: 'container_1' }],
    ['a thread', { thread: { type: 'create' } }],
  ])('%s binds a request to the vendor that has it', (_, rest) => {
    expect(read(request(rest)).stateful).toBe(true);
  });

  it('MCP servers run at the vendor; an empty list of them does not', () => {
    expect(read(request({ mcp_servers: [{ type: 'url' }] })).serverTools).toBe(true);
    expect(read(request({ mcp_servers: [], container: null })).serverTools).toBe(false);
  });

  it('a schema for the answer', () => {
    const format = { type: 'json_schema', schema: { type: 'object' } };
    expect(read(request({ output_config: { effort: 'low', format } })).jsonSchema).toBe(true);
    expect(read(request({ output_config: { effort: 'low' } })).jsonSchema).toBe(false);
  });
});

describe('refusals', () => {
  it.each([
    ['no max_tokens', { model: 'm', messages: [] }, 'missing_member', 'max_tokens'],
    ['no messages', { model: 'm', max_tokens: 1 }, 'missing_member', 'messages'],
    ['max_tokens that is no number', request({ max_tokens: '1' }), 'invalid_member', 'max_tokens'],
    ['max_tokens below zero', request({ max_tokens: -1 }), 'invalid_member', 'max_tokens'],
    ['messages that are no list', request({ messages: {} }), 'invalid_member', 'messages'],
    ['tools that are no list', request({ tools: {} }), 'invalid_member', 'tools'],
    ['a message that is no object', request({ messages: ['x'] }), 'invalid_member', 'messages[0]'],
  ])('%s', (_, body, code, member) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({ code, params: expect.objectContaining({ member }) }),
    );
  });

  it.each([
    ['model', '{"model":"a","model":"b","max_tokens":1,"messages":[]}'],
    [
      'messages[0].role',
      '{"model":"a","max_tokens":1,"messages":[{"role":"user","role":"system","content":""}]}',
    ],
    [
      'messages[0].content',
      '{"model":"a","max_tokens":1,"messages":[{"role":"user","content":"","content":"x"}]}',
    ],
    [
      'messages[0].content[].type',
      '{"model":"a","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"x","type":"image"}]}]}',
    ],
    [
      'tools[].type',
      '{"model":"a","max_tokens":1,"messages":[],"tools":[{"type":"custom","type":"web_search_1"}]}',
    ],
  ])('%s twice', (member, body) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({ code: 'duplicate_member', params: { member } }),
    );
  });
});

it('counting needs no cap and is an operation of its own', () => {
  const { max_tokens: _, ...body } = request({ system: 'Be brief.' });
  const envelope = ANTHROPIC_COUNT_TOKENS.readRequest(Buffer.from(JSON.stringify(body)));
  expect(envelope).toMatchObject({ model: 'claude-haiku-4-5', stream: false, maxOutputTokens: undefined });
  expect(ANTHROPIC_COUNT_TOKENS.operation).toBe('count_tokens');
});

it('any JSON is read or refused, never misread: the model is what JSON.parse says', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.string({ minLength: 1 }), (content, tool, model) => {
      const body = {
        model,
        max_tokens: 1,
        messages: [{ role: 'user', content }],
        tools: [tool],
        extra: content,
      };
      const envelope = read(body);
      expect(envelope.model).toBe(model);
      for (const { start, end } of envelope.userText) {
        expect(() => JSON.parse(envelope.body.toString('utf8', start - 1, end + 1))).not.toThrow();
      }
    }),
    { numRuns: 300 },
  );
});
