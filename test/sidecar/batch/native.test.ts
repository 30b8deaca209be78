import type OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BatchProvider, startBatchProvider } from '../../../dev/providers/batches.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { BatchBody } from '../../../sidecar/snapshot/shapes/batch.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';
import { BATCH, chatLine, clientOf, ended, results, submit, temporary } from './support.ts';

const PRICES = { input: 250_000, output: 2_000_000 };
const NATIVE: BatchBody = { ...BATCH, mode: 'Native' };
const AUTO: BatchBody = { ...BATCH, mode: 'Auto' };

let lines: ScriptedProvider;
let provider: BatchProvider;
let sidecar: TestSidecar;
let client: OpenAI;
let spool: Awaited<ReturnType<typeof temporary>>;

beforeAll(async () => {
  spool = await temporary();
  lines = await startScriptedProvider({ keys: ['sk-test'] });
  provider = await startBatchProvider(lines.url, 'sk-test');
  const models = [{ name: 'large', upstreamName: 'scripted-large', prices: PRICES, maxOutputTokens: 100 }];
  const items = [
    providerItem('openai', provider.url, { type: 'OpenAI', models }),
    providerItem('anthropic', provider.url, { type: 'Anthropic', models }),
    providerItem('other', lines.url, { models }),
  ];
  const to = (name: string): ReturnType<typeof target> => target(name, { model: 'large' });
  sidecar = await startTestSidecar(
    [
      ...items,
      routeItem('assistant', ['assistant'], [rule([to('openai')], { batch: NATIVE })]),
      routeItem('claude', ['claude'], [rule([to('anthropic')], { batch: NATIVE })]),
      routeItem('auto', ['auto'], [rule([to('openai')], { batch: AUTO })]),
      routeItem('mixed', ['mixed'], [rule([to('other'), to('openai')], { batch: AUTO })]),
      routeItem('none', ['none'], [rule([to('other')], { batch: { ...AUTO, mode: 'Auto' } })]),
    ],
    { spool: { directory: spool.path } },
  );
  client = clientOf(sidecar.url);
});

afterAll(async () => {
  await sidecar.close();
  await provider.close();
  await lines.close();
  await spool.remove();
});

beforeEach(() => {
  provider.calls.length = 0;
  provider.hold = false;
  sidecar.rows.length = 0;
  lines.requests.length = 0;
});

const few = (model: string): string[] => ['a', 'b', 'c'].map((id) => chatLine(id, `Say ${id}.`, model));

describe('the batch API of a provider', () => {
  it('runs all lines, at the price of batches, with a row for each', async () => {
    const batch = await ended(client, (await submit(client, few('assistant'))).id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 3, completed: 3, failed: 0 },
    });
    expect(provider.calls.slice(0, 2)).toEqual(['POST /v1/files', 'POST /v1/batches']);
    const answers = await results(client, batch.output_file_id);
    expect(answers.map(({ custom_id }) => custom_id)).toEqual(['a', 'b', 'c']);
    expect(answers[0]?.response).toMatchObject({ status_code: 200, body: { object: 'chat.completion' } });
    expect(sidecar.rows).toHaveLength(3);
    const [row] = sidecar.rows;
    expect(row).toMatchObject({
      purpose: 'Batch',
      parent: batch.id,
      serviceTier: 'Batch',
      source: 'Provider',
    });
    const { input, output } = row?.usage ?? { input: 0, output: 0 };
    const pico = BigInt(input * PRICES.input + output * PRICES.output);
    expect(row?.costNanoUsd).toBe(String((pico + 1000n) / 2000n));
    const sent = JSON.parse(String(lines.requests[0]?.body)) as { model: string };
    expect(sent.model).toBe('scripted-large');
  });

  it('crosses to the batches of Anthropic and back', async () => {
    const batch = await ended(client, (await submit(client, few('claude'))).id);
    expect(batch.status).toBe('completed');
    expect(provider.calls[0]).toBe('POST /v1/messages/batches');
    const sent = JSON.parse(String(lines.requests[0]?.body)) as Record<string, unknown>;
    expect(sent).toMatchObject({ model: 'scripted-large', max_tokens: 100 });
    const [answer] = await results(client, batch.output_file_id);
    expect(answer?.response?.body).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant' } }],
    });
    expect(sidecar.rows).toHaveLength(3);
    expect(sidecar.rows[0]).toMatchObject({ serviceTier: 'Batch', provider: 'provider/shop/anthropic' });
  });

  it('is chosen by Auto only where all lines can go nowhere else', async () => {
    const native = await ended(client, (await submit(client, few('auto'))).id);
    expect(native.request_counts?.completed).toBe(3);
    expect(provider.calls).toContain('POST /v1/batches');
    provider.calls.length = 0;
    lines.requests.length = 0;
    const none = await ended(client, (await submit(client, few('none'))).id);
    expect(none.request_counts?.completed).toBe(3);
    expect(provider.calls).toEqual([]);
    expect(lines.requests).toHaveLength(3);
    const both = await submit(client, [...few('auto'), chatLine('d', 'Say d.', 'none')]);
    await ended(client, both.id);
    expect(provider.calls).not.toContain('POST /v1/batches');
  });

  it('refuses under Native what no single provider can run, and says why', async () => {
    const mixed = [...few('assistant'), chatLine('d', 'Say d.', 'claude')];
    const batch = await ended(client, (await submit(client, mixed)).id);
    expect(batch.status).toBe('failed');
    expect(batch.errors?.data?.[0]).toMatchObject({ code: 'native_unavailable', line: 4 });
    expect(provider.calls).toEqual([]);
  });

  it('keeps what a provider did not come to as errors that cost nothing', async () => {
    const batch = await ended(
      client,
      (await submit(client, [chatLine('a', 'x', 'assistant'), chatLine('b', 'expire', 'assistant')])).id,
    );
    expect(batch.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });
    const [failed] = await results(client, batch.error_file_id);
    expect(failed).toMatchObject({ custom_id: 'b', response: null, error: { code: 'batch_expired' } });
    expect(sidecar.rows.map(({ costNanoUsd }) => costNanoUsd !== '0').filter(Boolean)).toHaveLength(1);
  });

  it('ends although the provider gives lines that make no sense', async () => {
    provider.hold = true;
    const { id } = await submit(client, few('claude'));
    await ended(client, id, () =>
      provider.calls.some((call) => call.startsWith('GET /v1/messages/batches/')),
    );
    const remote = [...provider.batches.values()].at(-1);
    const input = JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) as unknown;
    const made = [
      { type: 'succeeded', message: { content: [{ type: 'tool_use', id: 'a', name: 'a', input }] } },
      { type: 'succeeded' },
      { type: 'errored' },
    ];
    remote?.results.push(
      ...remote.lines.map(({ custom_id }, i) => JSON.stringify({ custom_id, result: made[i] })),
    );
    const batch = await ended(client, id);
    expect(batch.status).toBe('completed');
    const failed = await results(client, batch.error_file_id);
    expect(failed.map(({ custom_id, response }) => [custom_id, response?.status_code])).toEqual([
      ['a', 502],
      ['b', 502],
      ['c', 500],
    ]);
  });

  it('is tried again while it fails, and fails the batch where it refuses', async () => {
    provider.fail.set('POST /v1/batches', 400);
    const refused = await ended(client, (await submit(client, few('assistant'))).id);
    expect(refused).toMatchObject({ status: 'failed', errors: { data: [{ code: 'native_refused' }] } });
  });

  it('cancels there too', async () => {
    provider.hold = true;
    const { id } = await submit(client, few('assistant'));
    await ended(client, id, () => provider.calls.some((call) => call.startsWith('GET /v1/batches/')));
    await client.batches.cancel(id);
    const batch = await ended(client, id);
    expect(batch.status).toBe('cancelled');
    expect(provider.calls.some((call) => call.endsWith('/cancel'))).toBe(true);
  });
});
