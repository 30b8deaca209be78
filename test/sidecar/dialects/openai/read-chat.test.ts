import { describe, expect, it } from 'vitest';
import type { ChatRequest } from '../../../../sidecar/dialects/canonical/request.ts';
import { OPENAI_CHAT_CALLER } from '../../../../sidecar/dialects/openai/formats.ts';

const read = (body: object | string): ChatRequest =>
  OPENAI_CHAT_CALLER.readChat(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const readMessages = (...messages: object[]) => read({ model: 'm', messages }).turns;

describe('messages', () => {
  it('become turns: roles, names and text', () => {
    expect(
      readMessages(
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'system',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'user', content: 'Hi', name: 'ann' },
        { role: 'assistant', content: null, refusal: 'No.' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'x' },
            { type: 'refusal', refusal: 'y' },
          ],
        },
      ),
    ).toEqual([
      { role: 'system', blocks: [{ type: 'Text', text: 'Be brief.' }] },
      {
        role: 'system',
        blocks: [
          { type: 'Text', text: 'a' },
          { type: 'Text', text: 'b' },
        ],
      },
      { role: 'user', name: 'ann', blocks: [{ type: 'Text', text: 'Hi' }] },
      { role: 'assistant', blocks: [{ type: 'Refusal', text: 'No.' }] },
      {
        role: 'assistant',
        blocks: [
          { type: 'Text', text: 'x' },
          { type: 'Refusal', text: 'y' },
        ],
      },
    ]);
  });

  it('keep images, audio and files', () => {
    const [turn] = readMessages({
      role: 'user',
      content: [
        {
          type: 'image_url',
          image_url: { url: 'data:image/PNG;charset=utf-8;base64,QU JD\n', detail: 'low' },
        },
        { type: 'image_url', image_url: 'https://example.com/a.jpg' },
        { type: 'input_audio', input_audio: { data: 'QUJD', format: 'mp3' } },
        { type: 'file', file: { file_data: 'data:application/pdf;base64,QUJD', filename: 'a.pdf' } },
        { type: 'file', file: { file_id: 'file-1' } },
        { type: 'file', file: { file_data: 'aGk=', filename: 'a.txt' } },
      ],
    });
    expect(turn?.blocks).toEqual([
      { type: 'Image', source: { kind: 'Base64', mediaType: 'image/png', data: 'QUJD' }, detail: 'low' },
      { type: 'Image', source: { kind: 'Url', url: 'https://example.com/a.jpg' } },
      { type: 'Audio', data: 'QUJD', format: 'mp3' },
      { type: 'File', source: { kind: 'Base64', mediaType: 'application/pdf', data: 'QUJD' }, name: 'a.pdf' },
      { type: 'File', source: { kind: 'FileId', id: 'file-1', vendor: 'openai' } },
      { type: 'File', source: { kind: 'Text', mediaType: 'text/plain', text: 'hi' }, name: 'a.txt' },
    ]);
  });

  it('gather results of parallel calls in one turn, with the names of their tools', () => {
    const call = (id: string, name: string, args: unknown) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    });
    const turns = readMessages(
      {
        role: 'assistant',
        content: '',
        tool_calls: [call('a', 'f', ''), call('b', 'g', '{"x":1.0'), call('c', 'h', { y: 2 })],
      },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: '2' }] },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'user', content: 'and?' },
    );
    expect(turns).toMatchObject([
      {
        role: 'assistant',
        blocks: [
          { type: 'Text', text: '' },
          { type: 'ToolCall', id: 'a', name: 'f', arguments: '' },
          { type: 'ToolCall', id: 'b', name: 'g', arguments: '{"x":1.0' },
          { type: 'ToolCall', id: 'c', name: 'h', arguments: '{"y":2}' },
        ],
      },
      {
        role: 'user',
        blocks: [
          { type: 'ToolResult', callId: 'b', name: 'g', blocks: [{ text: '2' }] },
          { type: 'ToolResult', callId: 'a', name: 'f', blocks: [{ text: '1' }] },
        ],
      },
      { role: 'user', blocks: [{ type: 'Text', text: 'and?' }] },
    ]);
  });

  it('take functions of the old form', () => {
    const request = read({
      model: 'm',
      functions: [{ name: 'f', parameters: { type: 'object' } }],
      function_call: { name: 'f' },
      messages: [
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: '1' },
      ],
    });
    const [call, result] = request.turns.map(({ blocks }) => blocks[0]);
    expect(request).toMatchObject({ legacyFunctions: true, toolChoice: { type: 'Tool', name: 'f' } });
    expect(call).toMatchObject({ type: 'ToolCall', name: 'f' });
    expect(result).toMatchObject({ type: 'ToolResult', name: 'f', callId: (call as { id: string }).id });
  });

  it('give back thinking as the vendor signed it, and plain thinking otherwise', () => {
    const [signed, plain, google] = readMessages(
      {
        role: 'assistant',
        content: 'x',
        reasoning_content: 'hm',
        extra_content: {
          anthropic: {
            thinking_blocks: [
              { type: 'thinking', thinking: 'hm', signature: 'sig' },
              { type: 'thinking', thinking: '', signature: 'alone' },
              { type: 'redacted_thinking', data: 'enc' },
            ],
          },
        },
      },
      { role: 'assistant', content: 'x', reasoning_content: 'hm' },
      {
        role: 'assistant',
        content: 'x',
        extra_content: { google: { thought_signature: 'g1' } },
        tool_calls: [
          {
            id: 'a',
            type: 'function',
            function: { name: 'f', arguments: '{}' },
            extra_content: { google: { thought_signature: 'g2' } },
          },
        ],
      },
    );
    expect(signed?.blocks).toEqual([
      { type: 'Thinking', text: 'hm', signature: { vendor: 'anthropic', value: 'sig' } },
      { type: 'Thinking', text: '', signature: { vendor: 'anthropic', value: 'alone' } },
      { type: 'RedactedThinking', data: 'enc', vendor: 'anthropic' },
      { type: 'Text', text: 'x' },
    ]);
    expect(plain?.blocks).toEqual([
      { type: 'Thinking', text: 'hm' },
      { type: 'Text', text: 'x' },
    ]);
    expect(google?.blocks).toEqual([
      { type: 'Text', text: 'x' },
      { type: 'Thinking', text: '', signature: { vendor: 'google', value: 'g1' } },
      { type: 'ToolCall', id: 'a', name: 'f', arguments: '{}', signature: { vendor: 'google', value: 'g2' } },
    ]);
  });
});

describe('tools', () => {
  const tools = ['f', 'g'].map((name) => ({ type: 'function', function: { name } }));
  const choose = (tool_choice: unknown) => {
    const request = read({ model: 'm', messages: [], tools, tool_choice });
    return { choice: request.toolChoice, names: request.tools.map(({ name }) => name) };
  };

  it.each([
    ['none', { type: 'None' }],
    ['auto', { type: 'Auto' }],
    ['required', { type: 'Required' }],
    [
      { type: 'function', function: { name: 'g' } },
      { type: 'Tool', name: 'g' },
    ],
    [
      { type: 'custom', custom: { name: 'g' } },
      { type: 'Tool', name: 'g' },
    ],
  ])('choice %j', (choice, expected) => {
    expect(choose(choice)).toEqual({ choice: expected, names: ['f', 'g'] });
  });

  it('that may be called stay', () => {
    const allowed = { mode: 'required', tools: [{ type: 'function', function: { name: 'g' } }] };
    expect(choose({ type: 'allowed_tools', allowed_tools: allowed })).toEqual({
      choice: { type: 'Required' },
      names: ['g'],
    });
  });

  it('keep their schemas as written', () => {
    const schema = '{"type":"object", "properties":{"n":{"maximum":12345678901234567890,"minimum":1.0}}}';
    const text = `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":${schema},"strict":true}}]}`;
    expect(read(text).tools).toMatchObject([
      { type: 'Function', name: 'f', description: 'd', schema, strict: true },
    ]);
  });

  it('of the vendor and of free text are told apart', () => {
    const custom = { type: 'custom', custom: { name: 'sql', description: 'd', format: { type: 'text' } } };
    const request = read({ model: 'm', messages: [], tools: [custom], web_search_options: {} });
    expect(request.tools).toMatchObject([
      { type: 'Custom', name: 'sql', native: { vendor: 'openai', json: JSON.stringify(custom) } },
      { type: 'Server', name: 'web_search' },
    ]);
  });
});

describe('parameters', () => {
  it('are read, each by its name', () => {
    const request = read({
      model: 'm',
      messages: [],
      max_tokens: 5,
      max_completion_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 42,
      stop: 'END',
      logit_bias: { 50256: -100 },
      logprobs: true,
      top_logprobs: 3,
      n: 2,
      reasoning_effort: 'low',
      verbosity: 'high',
      user: 'u',
      safety_identifier: 's',
      service_tier: 'flex',
      metadata: { a: 'b' },
      parallel_tool_calls: false,
      stream: true,
      stream_options: { include_usage: true },
      store: false,
      modalities: ['text'],
      prompt_cache_key: 'k',
      prediction: { type: 'content', content: 'x' },
      made_up: null,
    });
    expect(request).toMatchObject({
      maxOutputTokens: 7,
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      presencePenalty: 1,
      frequencyPenalty: -1,
      seed: 42,
      stop: ['END'],
      logitBias: '{"50256":-100}',
      logprobs: { top: 3 },
      choices: 2,
      reasoning: { mode: 'On', effort: 'low' },
      verbosity: 'high',
      user: 'u',
      serviceTier: 'flex',
      metadata: '{"a":"b"}',
      parallelToolCalls: false,
      stream: true,
      includeUsage: true,
    });
    expect(request.unknown).toEqual([
      { name: 'prompt_cache_key', value: '"k"' },
      { name: 'prediction', value: '{"type":"content","content":"x"}' },
      { name: 'safety_identifier', value: '"s"' },
    ]);
  });

  it.each([
    [{ type: 'text' }, { type: 'Text' }],
    [{ type: 'json_object' }, { type: 'JSONObject' }],
    [
      { type: 'json_schema', json_schema: { name: 'n', schema: { a: 1 }, strict: true } },
      { type: 'JSONSchema', name: 'n', schema: '{"a":1}', strict: true },
    ],
  ])('response_format %j', (format, expected) => {
    expect(read({ model: 'm', messages: [], response_format: format }).output).toMatchObject(expected);
  });

  it('an effort of none turns reasoning off', () => {
    expect(read({ model: 'm', messages: [], reasoning_effort: 'none' }).reasoning).toMatchObject({
      mode: 'Off',
    });
  });

  it.each([
    ['temperature', { temperature: 'hot' }],
    ['seed', { seed: 1.5 }],
    ['stop[1]', { stop: ['a', 2] }],
    ['tool_choice', { tool_choice: 'maybe' }],
    ['messages[0].role', { messages: [{ role: 'robot', content: 'x' }] }],
    [
      'messages[0].content[0].image_url',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'ftp://x' } }] }] },
    ],
    ['messages[0]', { messages: [{ role: 'tool', content: 'x' }] }],
    ['response_format', { response_format: {} }],
  ])('%s of the wrong kind is named', (member, rest) => {
    expect(() => read({ model: 'm', messages: [], ...rest })).toThrow(`${member} is`);
  });

  it.each([
    ['audio output', { modalities: ['text', 'audio'], audio: { voice: 'a', format: 'mp3' } }],
    [
      'a part nobody else has',
      { messages: [{ role: 'user', content: [{ type: 'video_url', video_url: {} }] }] },
    ],
    ['earlier audio', { messages: [{ role: 'assistant', audio: { id: 'a' } }] }],
  ])('%s cannot be translated', (_, rest) => {
    expect(read({ model: 'm', messages: [], ...rest }).untranslatable).toBeTypeOf('string');
  });
});
