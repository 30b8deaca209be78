import type OpenAI from 'openai';
import { APIError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';
import { BATCH, chatLine, clientOf, ended, results, submit, temporary, upload } from './support.ts';

const PRICES = { input: 250_000, output: 2_000_000 };

let provider: ScriptedProvider;
let sidecar: TestSidecar;
let client: OpenAI;
let spool: Awaited<ReturnType<typeof temporary>>;

beforeAll(async () => {
  spool = await temporary();
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  const models = [{ name: 'scripted-large', upstreamName: 'scripted-large', prices: PRICES }];
  const to = target('main', { model: 'scripted-large' });
  sidecar = await startTestSidecar(
    [
      providerItem('main', provider.url, { models }),
      routeItem('assistant', ['assistant'], [rule([to], { batch: BATCH })]),
      routeItem('plain', ['plain'], [rule([to])]),
    ],
    { spool: { directory: spool.path } },
  );
  client = clientOf(sidecar.url);
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
  await spool.remove();
});

beforeEach(() => {
  provider.behaviour = {};
  provider.script = () => undefined;
  provider.requests.length = 0;
  sidecar.rows.length = 0;
});

describe('batches over a provider that has none, by the openai SDK', () => {
  it('answers every line, with rows that name the batch', async () => {
    const lines = Array.from({ length: 25 }, (_, i) => chatLine(`line-${i}`));
    const created = await submit(client, lines);
    expect(created).toMatchObject({ object: 'batch', status: 'validating', completion_window: '24h' });
    const batch = await ended(client, created.id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 25, completed: 25, failed: 0 },
      errors: null,
      error_file_id: null,
    });
    for (const at of ['in_progress_at', 'finalizing_at', 'completed_at', 'expires_at'] as const) {
      expect(batch[at]).toBeGreaterThan(1e9);
    }
    const answers = await results(client, batch.output_file_id);
    expect(new Set(answers.map(({ custom_id }) => custom_id)).size).toBe(25);
    expect(answers[0]).toMatchObject({
      error: null,
      response: { status_code: 200, body: { object: 'chat.completion' } },
    });
    expect(sidecar.rows).toHaveLength(25);
    expect(sidecar.rows[0]).toMatchObject({
      purpose: 'Batch',
      parent: batch.id,
      route: 'shop/assistant',
      source: 'Provider',
      outcome: 'Ok',
    });
    const request = JSON.parse(String(provider.requests[0]?.body)) as { model: string };
    expect(request.model).toBe('scripted-large');
  });

  it('lists, shows and removes files', async () => {
    const file = await upload(client, [chatLine('one')]);
    expect(file).toMatchObject({ object: 'file', purpose: 'batch', filename: 'lines.jsonl' });
    expect(await client.files.retrieve(file.id)).toEqual(file);
    const listed: string[] = [];
    for await (const one of client.files.list({ limit: 2 })) listed.push(one.id);
    expect(listed).toContain(file.id);
    expect(await (await client.files.content(file.id)).text()).toBe(`${chatLine('one')}\n`);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toThrow(/no file/);
  });

  it('lists batches page by page, the newest first', async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { id } = await submit(client, [chatLine(`page-${i}`)]);
      await ended(client, id);
      made.unshift(id);
    }
    const listed: string[] = [];
    for await (const one of client.batches.list({ limit: 1 })) listed.push(one.id);
    expect(listed.filter((id) => made.includes(id))).toEqual(made);
  });

  it('runs nothing where a line is wrong, and names each by its number', async () => {
    const lines = [
      chatLine('good'),
      'not json',
      chatLine('good'),
      JSON.stringify({ custom_id: 'x', method: 'GET', url: '/v1/chat/completions', body: {} }),
      JSON.stringify({ custom_id: 'y', method: 'POST', url: '/v1/embeddings', body: {} }),
      chatLine('unknown', 'hello', 'nobody'),
      chatLine('not allowed', 'hello', 'plain'),
      JSON.stringify({ method: 'POST', url: '/v1/chat/completions', body: {} }),
      JSON.stringify({
        custom_id: 'stream',
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model: 'assistant', stream: true, messages: [] },
      }),
    ];
    const { id } = await submit(client, lines);
    const batch = await ended(client, id);
    expect(batch.status).toBe('failed');
    const told = batch.errors?.data?.map(({ line, code, param }) => [line, code, param]);
    expect(told).toEqual([
      [2, 'invalid_json_line', null],
      [3, 'duplicate_custom_id', 'custom_id'],
      [4, 'invalid_method', 'method'],
      [5, 'invalid_url', 'url'],
      [6, 'no_route', 'body.model'],
      [7, 'batch_not_allowed', 'body.model'],
      [8, 'invalid_custom_id', 'custom_id'],
      [9, 'invalid_request', 'body.stream'],
    ]);
    expect(batch.errors?.data?.[1]?.message).toContain('line 1');
    expect(provider.requests).toHaveLength(0);
  });

  it('writes what a provider refuses to the file of errors, and retries what it fails', async () => {
    const tries = new Map<string, number>();
    provider.script = ({ body }) => {
      const text = String(body);
      if (text.includes('refuse')) return { failure: { kind: 'Status', status: 400, message: 'no' } };
      if (!text.includes('flaky')) return undefined;
      const tried = (tries.get('flaky') ?? 0) + 1;
      tries.set('flaky', tried);
      return tried === 1 ? { failure: { kind: 'Status', status: 500 } } : undefined;
    };
    const { id } = await submit(client, [chatLine('a'), chatLine('b', 'refuse'), chatLine('c', 'flaky')]);
    const batch = await ended(client, id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 3, completed: 2, failed: 1 },
    });
    const [failed] = await results(client, batch.error_file_id);
    expect(failed).toMatchObject({ custom_id: 'b', error: null, response: { status_code: 400 } });
    const answered = await results(client, batch.output_file_id);
    expect(answered.map(({ custom_id }) => custom_id).sort()).toEqual(['a', 'c']);
    expect(tries.get('flaky')).toBe(2);
  });

  it('pauses instead of failing lines while a provider is at its limits', async () => {
    let limited = 0;
    provider.script = () =>
      limited++ < 3 ? { failure: { kind: 'RateLimited', retryAfter: 'Milliseconds', ms: 30 } } : undefined;
    const { id } = await submit(client, [chatLine('a'), chatLine('b'), chatLine('c')]);
    const batch = await ended(client, id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 3, completed: 3, failed: 0 },
    });
    expect(limited).toBeGreaterThan(3);
  });

  it('stops at a cancel, and gives what was answered until then', async () => {
    provider.behaviour = { latencyMs: 20 };
    const { id } = await submit(
      client,
      Array.from({ length: 60 }, (_, i) => chatLine(`c-${i}`)),
    );
    await ended(client, id, ({ request_counts }) => (request_counts?.completed ?? 0) >= 2);
    expect(['cancelling', 'cancelled']).toContain((await client.batches.cancel(id)).status);
    const batch = await ended(client, id);
    expect(batch.status).toBe('cancelled');
    const answered = await results(client, batch.output_file_id);
    expect(answered).toHaveLength(batch.request_counts?.completed ?? -1);
    expect(answered.length).toBeLessThan(60);
    await expect(client.batches.cancel(id)).rejects.toThrow(/is cancelled/);
  });

  it('never has more under way than the rule allows', async () => {
    let under = 0;
    let most = 0;
    provider.script = (seen) => {
      most = Math.max(most, ++under);
      void seen.closed.then(() => under--);
      return { latencyMs: 5 };
    };
    const { id } = await submit(
      client,
      Array.from({ length: 20 }, (_, i) => chatLine(`u-${i}`)),
    );
    expect((await ended(client, id)).status).toBe('completed');
    expect(most).toBeLessThanOrEqual(BATCH.maxConcurrent);
    expect(most).toBeGreaterThan(1);
  });

  it('serves embeddings and responses too', async () => {
    const line = JSON.stringify({
      custom_id: 'e',
      method: 'POST',
      url: '/v1/embeddings',
      body: { model: 'assistant', input: 'some words' },
    });
    const batch = await ended(client, (await submit(client, [line], '/v1/embeddings')).id);
    expect(batch.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
    const [answer] = await results(client, batch.output_file_id);
    expect(answer?.response?.body).toMatchObject({ object: 'list' });
    const asked = JSON.stringify({
      custom_id: 'r',
      method: 'POST',
      url: '/v1/responses',
      body: { model: 'assistant', input: 'some words' },
    });
    const second = await ended(client, (await submit(client, [asked], '/v1/responses')).id);
    expect(second.request_counts?.completed).toBe(1);
  });

  it('says what is wrong with what is handed in', async () => {
    const { id } = await upload(client, [chatLine('a')]);
    const bad = (params: object): Promise<unknown> =>
      client.batches.create({
        input_file_id: id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
        ...params,
      });
    await expect(bad({ endpoint: '/v1/moderations' })).rejects.toThrow(/endpoint is/);
    await expect(bad({ completion_window: 'soon' })).rejects.toThrow(/completion_window/);
    await expect(bad({ input_file_id: 'file-or000000000000000000000000' })).rejects.toThrow(/no file/);
    await expect(bad({ metadata: { a: 1 } })).rejects.toThrow(/metadata/);
    await expect(
      client.files.create({ file: new File(['x'], 'x.jsonl'), purpose: 'assistants' }),
    ).rejects.toThrow(/purpose is "assistants"; it must be "batch"/);
    await expect(
      client.files.create({ file: new File(['x'.repeat(1_000_001)], 'x.jsonl'), purpose: 'batch' }),
    ).rejects.toThrow(/exceeds 1000000 bytes/);
  });
});

describe('without a spool', () => {
  it('refuses, and names the flag', async () => {
    const bare = await startTestSidecar([
      providerItem('main', provider.url),
      routeItem('assistant', ['assistant'], [rule([target('main')], { batch: BATCH })]),
    ]);
    const error: unknown = await clientOf(bare.url)
      .files.list()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(String(error)).toContain('--spool-dir');
    await until(() => bare.warnings.length === 0);
    await bare.close();
  });

  it('leaves the paths alone where no rule takes batches', async () => {
    const bare = await startTestSidecar([
      providerItem('main', provider.url),
      routeItem('assistant', ['assistant'], [rule([target('main')])]),
    ]);
    await expect(clientOf(bare.url).files.list()).rejects.toThrow(/no endpoint/);
    await bare.close();
  });
});
