import { describe, expect, it } from 'vitest';
import { costNanoUsd } from '../../../../sidecar/accounting/price.ts';
import { resolvePath } from '../../../../sidecar/dialects/registry.ts';
import { RERANK } from '../../../../sidecar/dialects/rerank/dialect.ts';

const read = (body: unknown) => RERANK.readRequest(Buffer.from(JSON.stringify(body)));
const complete = (value: unknown) =>
  RERANK.readComplete(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

describe('requests', () => {
  it('are read for model, text and outline, whoever they are for', () => {
    const envelope = read({
      model: 'rerank-v3.5',
      query: 'capital',
      documents: ['Paris', 'Berlin'],
      top_n: 1,
      return_documents: true,
      max_tokens_per_doc: 4096,
    });
    expect(envelope).toMatchObject({ model: 'rerank-v3.5', stream: false, choices: 1, roles: { user: 1 } });
    expect(envelope.text).toEqual({ ascii: 7 + 5 + 6, nonAscii: 0, escaped: 0 });
    expect(read({ model: 'm', query: 'q', documents: [{ text: 'Berlin' }] }).text.ascii).toBeGreaterThan(6);
    expect(envelope.userText.map(({ start, end }) => envelope.body.toString('utf8', start, end))).toEqual([
      'capital',
    ]);
  });

  it.each([
    [{ model: 'm', documents: ['a'] }, 'missing_member', 'query'],
    [{ model: 'm', query: 'q' }, 'missing_member', 'documents'],
    [{ model: 'm', query: 1, documents: [] }, 'invalid_member', 'query'],
    [{ model: 'm', query: 'q', documents: 'a' }, 'invalid_member', 'documents'],
    [{ model: 'm', query: 'q', documents: [1] }, 'invalid_member', 'documents[]'],
    [{ model: 'm', query: 'q', documents: [], top_n: 0 }, 'invalid_member', 'top_n'],
    [{ model: 'm', query: 'q', documents: [], top_n: 1.5 }, 'invalid_member', 'top_n'],
  ])('%j is refused', (body, code, member) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({ code, params: expect.objectContaining({ member }) as unknown }),
    );
  });

  it('come in under /v1 and /openai/v1', () => {
    for (const path of ['/v1/rerank', '/openai/v1/rerank']) {
      expect(resolvePath(path, [])).toMatchObject({
        kind: 'Endpoint',
        path: '/v1/rerank',
        endpoint: { needs: 'Rerank' },
      });
    }
  });
});

describe('answers', () => {
  const results = [{ index: 1, relevance_score: 0.98 }];
  it('are read for usage in each vendor’s form', () => {
    const cohere = complete({
      id: 'r1',
      results,
      meta: { api_version: { version: '2' }, billed_units: { search_units: 3 } },
    });
    expect(cohere).toMatchObject({ error: undefined, responseId: 'r1' });
    const usage = RERANK.readUsage(cohere.usage);
    expect(usage).toMatchObject({ input: 0, output: 0, requests: 3 });
    // 2 US dollars for a thousand searches.
    expect(costNanoUsd(usage ?? never(), { input: 0, output: 0, request: 2_000_000_000 })).toBe(6_000_000n);
    const jina = complete({ model: 'jina-reranker-v2', results, usage: { total_tokens: 815 } });
    expect(jina).toMatchObject({ error: undefined, model: 'jina-reranker-v2' });
    expect(RERANK.readUsage(jina.usage)).toMatchObject({ input: 815, output: 0 });
    expect(complete({ object: 'list', data: results, usage: { total_tokens: 5 } }).error).toBeUndefined();
  });

  it.each([
    ['{', 'invalid_body'],
    ['{"results":{}}', 'invalid_body'],
    ['{"error":{"message":"m","code":"overloaded"}}', 'overloaded'],
  ])('%s is none', (body, code) => {
    expect(complete(body).error?.code).toBe(code);
  });
});

function never(): never {
  throw new Error('no usage');
}
