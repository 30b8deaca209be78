import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../../errors/table.ts';
import type { EventReading } from '../../../../sidecar/dialects/dialect.ts';
import { endpointAt, resolvePath } from '../../../../sidecar/dialects/registry.ts';
import { OPENAI_RESPONSES } from '../../../../sidecar/dialects/responses/dialects.ts';

const envelope = (body: object) => OPENAI_RESPONSES.readRequest(Buffer.from(JSON.stringify(body)));

describe('a request', () => {
  it('is told by its path; what lies below it is passed through', () => {
    expect(endpointAt('/v1/responses')).toMatchObject({
      kind: 'Endpoint',
      endpoint: { dialect: OPENAI_RESPONSES, needs: 'Chat' },
    });
    for (const path of [
      '/v1/responses/resp_1',
      '/v1/responses/resp_1/input_items',
      '/v1/responses/compact',
    ]) {
      expect(resolvePath(path, [])).toMatchObject({ kind: 'Raw' });
    }
  });

  it('gives the facts rules ask for', () => {
    const read = envelope({
      model: 'm',
      instructions: 'Be brief.',
      input: [
        { role: 'user', content: 'Hello' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'W\u00f6rld' },
            { type: 'input_image', image_url: 'data:image/png;base64,QUJDRA==' },
          ],
        },
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'gAAAA' },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'done' },
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'ok', annotations: [{ type: 'file_citation', file_id: 'file-1' }] },
          ],
        },
      ],
      tools: [{ type: 'function', name: 'f', parameters: {} }],
      text: { format: { type: 'json_schema', name: 'a', schema: {} } },
      max_output_tokens: 9,
      stream: true,
      store: false,
    });
    expect(read).toMatchObject({
      model: 'm',
      stream: true,
      tools: true,
      serverTools: false,
      vision: true,
      jsonSchema: true,
      maxOutputTokens: 9,
      stateful: false,
      stores: false,
      roles: { user: 2, assistant: 2, tool: 1 },
      attachments: { images: 1 },
    });
    expect(read.userText.map(({ start, end }) => read.body.toString('utf8', start, end))).toEqual([
      'Hello',
      'W\u00f6rld',
    ]);
    expect(envelope({ model: 'm', input: 'Hi' })).toMatchObject({ roles: { user: 1 }, userText: [{}] });
  });

  it.each([
    ['an earlier answer', { previous_response_id: 'resp_1' }],
    ['a conversation', { conversation: 'conv_1' }],
    ['a conversation as an object', { conversation: { id: 'conv_1' } }],
    ['the background', { background: true }],
    ['a stored prompt', { prompt: { id: 'pmpt_1' } }],
    ['an item by its id', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['an item by its id alone', { input: [{ id: 'msg_1', type: null }] }],
    ['a file', { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] }],
    ['a vector store', { tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }],
    ['a container', { tools: [{ type: 'code_interpreter', container: 'cntr_1' }] }],
  ])('that refers to %s is stateful', (_, rest) => {
    expect(envelope({ model: 'm', input: 'x', store: false, ...rest })).toMatchObject({ stateful: true });
  });

  it.each([
    [
      { previous_response_id: null, conversation: null, background: false, prompt: null, store: false },
      false,
    ],
    [{ store: null }, true],
    [{ store: true }, true],
    [{}, true],
  ])('with %j is kept by the vendor: %s', (rest, stores) => {
    expect(envelope({ model: 'm', input: 'x', ...rest })).toMatchObject({ stateful: false, stores });
  });

  it('with tools that the vendor runs says so', () => {
    expect(envelope({ model: 'm', input: 'x', tools: [{ type: 'web_search' }] })).toMatchObject({
      serverTools: true,
      stateful: false,
    });
    expect(
      envelope({ model: 'm', input: 'x', tools: [{ type: 'local_shell' }, { type: 'custom', name: 'f' }] }),
    ).toMatchObject({ serverTools: false });
  });

  it.each([
    ['input', { model: 'm' }],
    ['input[0]', { model: 'm', input: ['x'] }],
    ['tools', { model: 'm', input: 'x', tools: {} }],
    ['store', { model: 'm', input: 'x', store: 'yes' }],
  ])('of the wrong form names %s', (member, body) => {
    expect(() => envelope(body)).toThrow(`${member} is`);
  });
});

describe('a stream', () => {
  const read = (event: object): EventReading => {
    const data = Buffer.from(JSON.stringify(event));
    return OPENAI_RESPONSES.openStream().read(
      Buffer.concat([Buffer.from('data: '), data, Buffer.from('\n\n')]),
      data,
    );
  };

  it.each([
    ['text', { type: 'response.output_text.delta', delta: 'h\u00e9' }, 3],
    ['a refusal', { type: 'response.refusal.delta', delta: 'no' }, 2],
    ['arguments', { type: 'response.function_call_arguments.delta', delta: '{}' }, 2],
    ['reasoning', { type: 'response.reasoning_summary_text.delta', delta: 'hm' }, 2],
    ['a tool call', { type: 'response.output_item.added', item: { type: 'function_call' } }, 0],
  ])('commits with %s', (_, event, outputBytes) => {
    expect(read(event)).toMatchObject({ commits: true, content: true, finished: false, outputBytes });
  });

  it.each([
    ['response.created', { response: { id: 'resp_1', status: 'in_progress', error: null } }],
    ['response.in_progress', { response: { id: 'resp_1' } }],
    ['response.output_item.added', { item: { type: 'message' } }],
    ['response.content_part.added', { part: { type: 'output_text', text: '' } }],
    ['response.output_text.done', { text: 'x' }],
  ])('does not with %s', (type, rest) => {
    expect(read({ type, ...rest })).toMatchObject({ commits: false, content: false, error: undefined });
  });

  it('ends with the response, its usage and why it ended', () => {
    const usage = {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: 17,
    };
    const reader = OPENAI_RESPONSES.openStream();
    const take = (event: object) => reader.read(Buffer.from(''), Buffer.from(JSON.stringify(event)));
    take({ type: 'response.created', response: { id: 'resp_1', model: 'm1' } });
    const last = take({
      type: 'response.completed',
      response: { id: 'resp_1', status: 'completed', error: null, usage },
    });
    expect(last).toMatchObject({ commits: true, terminal: true, finished: true, usage });
    expect(reader).toMatchObject({ responseId: 'resp_1', model: 'm1', finishReasons: ['completed'] });
    expect(OPENAI_RESPONSES.readUsage(usage)).toMatchObject({
      input: 6,
      cacheRead: 4,
      output: 4,
      reasoning: 3,
    });
    const cut = read({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    });
    expect(cut).toMatchObject({ finished: true, terminal: true, finishReasons: ['max_output_tokens'] });
  });

  it.each([
    [
      'error',
      { type: 'error', code: 'rate_limit_exceeded', message: 'slow down', param: null, sequence_number: 3 },
      'rate_limit_exceeded',
    ],
    [
      'error with an object',
      { type: 'error', error: { type: 'server_error', code: 'server_error', message: 'oops' } },
      'server_error',
    ],
    [
      'response.failed',
      {
        type: 'response.failed',
        response: {
          status: 'failed',
          error: { code: 'server_error', message: 'oops' },
          usage: { input_tokens: 1, output_tokens: 0 },
        },
      },
      'server_error',
    ],
    ['response.cancelled', { type: 'response.cancelled', response: { status: 'cancelled' } }, 'cancelled'],
    ['no JSON', 'oops', 'invalid_event'],
  ])('that fails with %s is a failure', (_, event, code) => {
    const data = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
    expect(OPENAI_RESPONSES.openStream().read(data, data)).toMatchObject({
      commits: false,
      finished: false,
      error: { code },
    });
  });

  it('that breaks is ended with an error of its own', () => {
    const error = new OutriderError('upstream_stream_broken', { target: 'main', reason: 'it ended early' });
    const [name, data] = OPENAI_RESPONSES.renderStreamError(error).toString().trimEnd().split('\n');
    expect(name).toBe('event: error');
    expect(JSON.parse((data ?? '').slice('data: '.length))).toMatchObject({
      type: 'error',
      code: 'upstream_stream_broken',
    });
  });
});

describe('a whole answer', () => {
  const read = (body: unknown) =>
    OPENAI_RESPONSES.readComplete(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

  it('is read for what it delivers', () => {
    const output = [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] },
      { type: 'message', content: [{ type: 'output_text', text: 'abc', annotations: [] }] },
      { type: 'function_call', name: 'f', arguments: '{}' },
    ];
    expect(
      read({
        id: 'resp_1',
        object: 'response',
        model: 'm1',
        status: 'completed',
        error: null,
        output,
        usage: { input_tokens: 1 },
      }),
    ).toEqual({
      error: undefined,
      usage: { input_tokens: 1 },
      model: 'm1',
      responseId: 'resp_1',
      finishReasons: ['completed'],
      outputBytes: 7,
    });
    expect(read({ object: 'response', status: 'queued', output: [] })).toMatchObject({
      error: undefined,
      finishReasons: ['queued'],
    });
  });

  it.each([
    [
      'failed',
      { object: 'response', status: 'failed', error: { code: 'server_error', message: 'oops' }, output: [] },
      'server_error',
    ],
    ['failed without a word', { object: 'response', status: 'failed', error: null, output: [] }, 'failed'],
    ['cancelled', { object: 'response', status: 'cancelled', output: [] }, 'cancelled'],
    ['an error', { error: { code: 'invalid_prompt', message: 'oops' } }, 'invalid_prompt'],
    ['something else', { hello: 1 }, 'invalid_body'],
    ['no JSON', '<html>', 'invalid_body'],
  ])('that is %s is a failure', (_, body, code) => {
    expect(read(body).error).toMatchObject({ code });
  });
});
