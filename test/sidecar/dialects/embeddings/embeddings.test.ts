import { describe, expect, it } from 'vitest';
import { Losses } from '../../../../sidecar/dialects/canonical/losses.ts';
import { COHERE_EMBED, COHERE_EMBED_VENDOR } from '../../../../sidecar/dialects/embeddings/cohere-vendor.ts';
import { translateEmbedding } from '../../../../sidecar/dialects/embeddings/embed-format.ts';
import { OPENAI_EMBED_CALLER } from '../../../../sidecar/dialects/embeddings/openai-caller.ts';
import { EMBED_VENDORS, VENDOR_WIRES } from '../../../../sidecar/dialects/formats.ts';

function translate(request: object) {
  const losses = new Losses();
  const read = OPENAI_EMBED_CALLER.readRequest(Buffer.from(JSON.stringify(request)));
  const { body, translation } = translateEmbedding(OPENAI_EMBED_CALLER, COHERE_EMBED_VENDOR, read, {
    model: 'embed-v4.0',
    losses,
  });
  return { body: JSON.parse(body.toString()) as unknown, translation, losses: losses.list };
}

describe('requests', () => {
  it('say all they can and name the rest', () => {
    const { body, losses } = translate({
      model: 'm',
      input: 'hé',
      dimensions: 512,
      input_type: 'query',
      truncate: 'END',
      user: 'u',
      extra: 1,
    });
    expect(body).toEqual({
      model: 'embed-v4.0',
      texts: ['hé'],
      input_type: 'search_query',
      embedding_types: ['float'],
      output_dimension: 512,
      truncate: 'END',
    });
    expect(losses.map(({ parameter, how }) => [parameter, how])).toEqual([
      ['user', 'Dropped'],
      ['extra', 'Dropped'],
    ]);
    expect(translate({ model: 'm', input: ['a'] }).losses).toMatchObject([
      { parameter: 'input_type', how: 'Changed' },
    ]);
  });

  it.each([
    [[1, 2, 3], /token ids/],
    [[[1], [2]], /token ids/],
    [[], /nothing to embed/],
    [Array.from({ length: 97 }, () => 'a'), /97 texts/],
  ])('%j cannot be said', (input, reason) => {
    expect(() => translate({ model: 'm', input })).toThrow(reason);
  });
});

describe('answers', () => {
  const meta = { billed_units: { input_tokens: 7 } };

  it('keep vectors as they were written', () => {
    const { translation } = translate({ model: 'm', input: ['a', 'b'] });
    const answer = `{"id":"e","embeddings":{"float":[[0.10, -1e-7],[1, 2.0]]},"meta":${JSON.stringify(meta)}}`;
    expect(translation.complete(Buffer.from(answer)).toString()).toBe(
      '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10, -1e-7]},' +
        '{"object":"embedding","index":1,"embedding":[1, 2.0]}],"model":"embed-v4.0",' +
        '"usage":{"prompt_tokens":7,"total_tokens":7}}',
    );
  });

  it('come in base64 where that was asked for', () => {
    const { body, translation } = translate({ model: 'm', input: ['a'], encoding_format: 'base64' });
    expect(body).toMatchObject({ embedding_types: ['base64'] });
    const answer = JSON.stringify({ embeddings: { base64: ['AACAPw=='] }, meta });
    expect(translation.complete(Buffer.from(answer)).toString()).toContain('"embedding":"AACAPw=="');
  });

  it('are read for usage, names and errors', () => {
    const read = (text: string) => COHERE_EMBED.readComplete(Buffer.from(text));
    const found = read(JSON.stringify({ id: 'e', embeddings: { float: [] }, meta }));
    expect(found).toMatchObject({ error: undefined, responseId: 'e' });
    expect(COHERE_EMBED.readUsage(found.usage)).toMatchObject({ input: 7 });
    expect(COHERE_EMBED.readUsage({ billed_units: { input_tokens: 2, image_tokens: 5 } })).toMatchObject({
      input: 7,
    });
    for (const broken of ['{', '{}', '{"embeddings":1}'])
      expect(read(broken).error?.code).toBe('invalid_body');
    expect(COHERE_EMBED.openStream().read(Buffer.from('x'), Buffer.from('x')).error?.code).toBe(
      'invalid_event',
    );
  });
});

describe('vendors with bodies of their own', () => {
  const ask = (dialect: keyof typeof EMBED_VENDORS, model: string, request: object) => {
    const losses = new Losses();
    const vendor = EMBED_VENDORS[dialect];
    if (!vendor) throw new Error(dialect);
    const read = OPENAI_EMBED_CALLER.readRequest(Buffer.from(JSON.stringify({ model: 'm', ...request })));
    const { body } = translateEmbedding(OPENAI_EMBED_CALLER, vendor, read, { model, losses });
    const lost = losses.list.map(({ parameter, how }) => `${parameter} ${how}`);
    return { body: JSON.parse(body.toString()) as unknown, lost };
  };

  it('name what they cannot be told', () => {
    const all = { input: 'a', input_type: 'query', truncate: 'START', user: 'u', extra: 1 };
    expect(ask('titan-embed', 'amazon.titan-embed-text-v1', { ...all, dimensions: 9 })).toEqual({
      body: { inputText: 'a' },
      lost: ['input_type Dropped', 'user Dropped', 'extra Dropped', 'truncate Dropped', 'dimensions Dropped'],
    });
    expect(ask('vertex-embed', 'gemini-embedding-2', all)).toEqual({
      body: { content: { parts: [{ text: 'a' }] }, autoTruncate: true },
      lost: ['input_type Dropped', 'user Dropped', 'extra Dropped', 'truncate Changed'],
    });
    expect(ask('vertex-predict', 'gemini-embedding-001', { ...all, input_type: 'code' })).toEqual({
      body: { instances: [{ content: 'a' }], parameters: { autoTruncate: true } },
      lost: ['input_type Dropped', 'user Dropped', 'extra Dropped', 'truncate Changed'],
    });
    expect(ask('titan-embed', 'amazon.titan-embed-image-v1', { input: 'a', dimensions: 384 }).body).toEqual({
      inputText: 'a',
      embeddingConfig: { outputEmbeddingLength: 384 },
    });
  });

  it.each([
    ['titan-embed', 'amazon.titan-embed-text-v2:0', { input: ['a', 'b'] }, /2 texts, titan embeds one/],
    ['titan-embed', 'amazon.titan-embed-text-v2:0', { input: 'a', dimensions: 100 }, /256, 512, 1024/],
    ['vertex-predict', 'gemini-embedding-001', { input: ['a', 'b'] }, /2 texts, the model embeds one/],
    ['vertex-predict', 'text-embedding-005', { input: Array.from({ length: 251 }, () => 'a') }, /251 texts/],
    ['vertex-predict', 'text-embedding-005', { input: [1, 2] }, /token ids/],
    ['vertex-embed', 'gemini-embedding-2', { input: [] }, /nothing to embed/],
  ] as const)('%s of %s cannot be asked for %j', (dialect, model, request, reason) => {
    expect(() => ask(dialect, model, request)).toThrow(reason);
  });

  it.each([
    ['vertex-predict', '{"predictions":[{"embeddings":{"values":[1]}}]}', undefined, undefined],
    ['vertex-predict', '{"error":{}}', 'invalid_body', undefined],
    ['vertex-embed', '{"embedding":{}}', 'invalid_body', undefined],
    ['titan-embed', '{"embedding":[1],"inputTextTokenCount":3}', undefined, 3],
    ['titan-embed', '[]', 'invalid_body', undefined],
    ['cohere-invoke', '{"embeddings":[[1]]}', undefined, undefined],
  ] as const)('%s: %s is read', (dialect, text, code, input) => {
    const wire = VENDOR_WIRES[dialect];
    const { error, usage } = wire?.readComplete(Buffer.from(text)) ?? {};
    expect(error?.code).toBe(code);
    expect(wire?.readUsage(usage)?.input).toBe(input);
  });
});
