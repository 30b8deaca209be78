/** Embeddings of vendors that are no OpenAI, against their documented shapes: what is sent, and what an app gets of the answer. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProviderParameters, ProviderTypeName } from '../../../sidecar/snapshot/provider-types.ts';
import { ask } from '../dispatch/client.ts';
import { front, upstream } from '../dispatch/harness.ts';

interface Call {
  type: ProviderTypeName;
  model: string;
  parameters?: ProviderParameters;
  /** Of the answer, besides its type. */
  headers?: Record<string, string>;
  path: string;
  answer: string;
  asked: object;
  texts: number;
  /** As it is kept. */
  usage: object;
  body: object;
}

const PLACE = { project: 'shop-prod', location: 'europe-west4' };
const PUBLISHER = '/v1/projects/shop-prod/locations/europe-west4/publishers/google/models';
const TWO = ['hello', 'world'];

const calls: Call[] = [
  {
    type: 'VertexAI',
    model: 'text-embedding-005',
    parameters: PLACE,
    path: `${PUBLISHER}/text-embedding-005:predict`,
    answer: 'VertexAI/predict.json',
    usage: { token_count: 11 },
    texts: 2,
    asked: { input: TWO, dimensions: 3, input_type: 'search_query', truncate: 'END' },
    body: {
      instances: TWO.map((content) => ({ content, task_type: 'RETRIEVAL_QUERY' })),
      parameters: { outputDimensionality: 3, autoTruncate: true },
    },
  },
  {
    type: 'VertexAI',
    model: 'gemini-embedding-2',
    parameters: PLACE,
    path: `${PUBLISHER}/gemini-embedding-2:embedContent`,
    answer: 'VertexAI/embed-content.json',
    usage: {
      promptTokenCount: 11,
      totalTokenCount: 11,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 11 }],
      trafficType: 'ON_DEMAND',
    },
    texts: 1,
    asked: { input: 'hello', dimensions: 3 },
    body: { content: { parts: [{ text: 'hello' }] }, outputDimensionality: 3, autoTruncate: false },
  },
  {
    type: 'Bedrock',
    model: 'amazon.titan-embed-text-v2:0',
    path: '/v1/model/amazon.titan-embed-text-v2%3A0/invoke',
    answer: 'Bedrock/titan-embed.json',
    usage: { inputTextTokenCount: 11 },
    texts: 1,
    asked: { input: ['hello'], dimensions: 256 },
    body: { inputText: 'hello', dimensions: 256 },
  },
  {
    type: 'Bedrock',
    model: 'us.cohere.embed-v4:0',
    path: '/v1/model/us.cohere.embed-v4%3A0/invoke',
    headers: { 'x-amzn-bedrock-input-token-count': '11' },
    answer: 'Bedrock/cohere-embed.json',
    usage: { inputTokens: 11 },
    texts: 2,
    asked: { input: TWO, input_type: 'search_document' },
    body: { texts: TWO, input_type: 'search_document', embedding_types: ['float'] },
  },
];

async function call({ type, model, parameters, headers, answer }: Call, asked: object) {
  const vendor = await upstream((res) => {
    res.writeHead(200, { 'content-type': 'application/json', ...headers });
    res.end(readFileSync(path.join(import.meta.dirname, 'fixtures', answer)));
  });
  const body = { type, ...(parameters && { parameters }) };
  const f = await front({ targets: [{ url: `http://127.0.0.1:${vendor.port}/v1`, key: 'k', model, body }] });
  const request = JSON.stringify({ model: 'asked', ...asked });
  const got = await ask(f.port, { path: '/v1/embeddings', body: request }).answer;
  const [attempt] = (await f.finished()).attempts;
  return { got, attempt, seen: vendor.requests[0] };
}

describe.each(calls)('$model', (one) => {
  it('is asked in its own words', async () => {
    const { got, seen } = await call(one, one.asked);
    expect(got.status).toBe(200);
    expect(seen?.url).toBe(one.path);
    expect(JSON.parse(seen?.body.toString() ?? '')).toEqual(one.body);
  });

  it('gives vectors as they were written, and what they took', async () => {
    const { got, attempt } = await call(one, one.asked);
    const { data, usage, model } = JSON.parse(got.text) as Record<string, unknown>;
    expect(model).toBe(one.model);
    const vectors = [
      [0.25, -0.5, 1],
      [1, 0, -2],
    ];
    expect(data).toEqual(
      vectors.slice(0, one.texts).map((embedding, index) => ({ object: 'embedding', index, embedding })),
    );
    expect(usage).toEqual({ prompt_tokens: 11, total_tokens: 11 });
    expect(attempt?.rawUsage).toEqual(one.usage);
  });

  it('gives their bytes where that is asked for', async () => {
    const { got } = await call(one, { ...one.asked, encoding_format: 'base64' });
    const { data } = JSON.parse(got.text) as { data: { embedding: string }[] };
    const bytes = Buffer.from(data[0]?.embedding ?? '', 'base64');
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual([0.25, -0.5, 1]);
  });
});

it('an answer without usage anywhere leaves none to settle by', async () => {
  const [, , , cohere] = calls;
  const { got, attempt } = await call({ ...(cohere as Call), headers: {} }, (cohere as Call).asked);
  expect(got.status).toBe(200);
  expect(attempt?.rawUsage).toBeUndefined();
});
