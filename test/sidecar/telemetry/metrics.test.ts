import { describe, expect, it } from 'vitest';
import { ChunkTimes } from '../../../sidecar/telemetry/chunk-times.ts';
import { INSTRUMENTS, type Instrument, type Semconv } from '../../../sidecar/telemetry/instruments.ts';
import { attempt, exchange, NOTHING, settled, type World, world } from './exchanges.ts';
import { type Line, readPage, sum } from './page.ts';
import { make } from './support.ts';

const candidate = (of: World, name: string) => {
  const found = of.candidates[name];
  if (!found) throw new Error(name);
  return found;
};

function chunksAt(...times: number[]): ChunkTimes {
  const chunks = new ChunkTimes();
  for (const at of times) chunks.chunk(at);
  return chunks;
}

async function pageAfter(
  record: (of: World) => Parameters<typeof exchange>[1][],
  semconv?: Semconv,
): Promise<Line[]> {
  const of = world();
  const { telemetry, warnings } = await make(of, semconv ? { semconv } : {});
  for (const parts of record(of)) telemetry.record(exchange(of, parts));
  expect(warnings).toEqual([]);
  return readPage(await telemetry.metrics());
}

const failedOver = (of: World) => ({
  attempts: [
    attempt(candidate(of, 'first'), 0.25, 80, {
      failure: 'ServerError',
      httpStatus: 503,
      settlement: NOTHING,
      responseModel: undefined,
    }),
    attempt(candidate(of, 'second'), 105, 300, {
      kind: 'Failover',
      settlement: settled({ input: 900, output: 80 }, 7n, 'Estimated'),
    }),
  ],
});

describe('own metrics', () => {
  it('count requests, attempts, tokens and cost under the names of the configuration', async () => {
    const lines = await pageAfter((of) => [
      {
        attempts: [
          attempt(candidate(of, 'first'), 0.2, 300, {
            settlement: settled(
              { input: 100, cacheRead: 40, audioInput: 5, output: 20, reasoning: 7, audioOutput: 3 },
              900_000n,
            ),
          }),
        ],
      },
      {},
    ]);
    const of = { route: 'demo/assistant', rule: 'code', provider: 'demo/main', model: 'gpt-5-mini' };
    expect(lines).toContainEqual({
      name: 'outrider_requests_total',
      labels: { route: 'demo/assistant', rule: 'code', asked_model: 'gpt-*', status: '200', outcome: 'OK' },
      value: 2,
    });
    expect(lines).toContainEqual({
      name: 'outrider_attempts_total',
      labels: { ...of, kind: 'First', result: 'OK' },
      value: 2,
    });
    const kinds = { input: 200, cache_read: 40, audio_input: 5, output: 40, reasoning: 7, audio_output: 3 };
    for (const [kind, value] of Object.entries(kinds)) {
      const labels = { ...of, kind, source: 'Provider' };
      expect(lines).toContainEqual({ name: 'outrider_tokens_total', labels, value });
    }
    expect(lines).toContainEqual({
      name: 'outrider_cost_usd_total',
      labels: { ...of, source: 'Provider' },
      value: 0.0018,
    });
  });

  it('count a failover at the target that was left, and estimates apart', async () => {
    const lines = await pageAfter((of) => [failedOver(of)]);
    const rule = { route: 'demo/assistant', rule: 'code' };
    const left = { ...rule, provider: 'demo/main', model: 'gpt-5-mini' };
    const taken = { ...rule, provider: 'demo/local', model: 'llama' };
    const named = (name: string) => lines.filter((line) => line.name === name);
    expect(named('outrider_failovers_total')).toEqual([
      { name: 'outrider_failovers_total', labels: { ...left, reason: 'ServerError' }, value: 1 },
    ]);
    expect(named('outrider_attempts_total').map(({ labels }) => labels)).toEqual([
      { ...left, kind: 'First', result: 'ServerError' },
      { ...taken, kind: 'Failover', result: 'OK' },
    ]);
    expect(
      named('outrider_tokens_total').map(({ labels, value }) => [labels.source, labels.kind, value]),
    ).toEqual([
      ['Estimated', 'input', 900],
      ['Estimated', 'output', 80],
    ]);
    expect(named('outrider_cost_usd_total')).toEqual([
      { name: 'outrider_cost_usd_total', labels: { ...taken, source: 'Estimated' }, value: 7e-9 },
    ]);
  });

  it('keep money exact however small the parts', async () => {
    const of = world();
    const { telemetry } = await make(of);
    const one = exchange(of, {
      attempts: [attempt(candidate(of, 'first'), 0, 1, { settlement: settled({}, 1n) })],
    });
    for (let i = 0; i < 1000; i++) telemetry.record(one);
    expect(sum(readPage(await telemetry.metrics()), 'outrider_cost_usd_total')).toBe(0.000001);
  });

  it('count what has no price and what has no meter, instead of a cost of zero', async () => {
    const lines = await pageAfter((of) => [
      { attempts: [attempt(candidate(of, 'open'), 0, 1, { settlement: settled({ input: 5 }) })] },
      {
        operation: 'passthrough',
        attempts: [attempt(candidate(of, 'first'), 0, 1, { settlement: settled({}, undefined, 'Unknown') })],
      },
    ]);
    expect(sum(lines, 'outrider_cost_unknown_total', { reason: 'Price', model: '_OTHER' })).toBe(1);
    expect(sum(lines, 'outrider_cost_unknown_total', { reason: 'Usage', model: 'gpt-5-mini' })).toBe(1);
    expect(lines.some(({ name }) => name === 'outrider_cost_usd_total')).toBe(false);
  });

  it('tell how requests ended', async () => {
    const ends = await pageAfter((of) => [
      { outcome: { status: 404, errorCode: 'no_route' }, attempts: [], route: undefined, plan: undefined },
      { outcome: { status: 502, errorCode: 'upstream_failed' } },
      {
        attempts: [attempt(candidate(of, 'first'), 0, 9, { failure: 'Caller', httpStatus: 422 })],
        outcome: { status: 422 },
      },
      {
        attempts: [attempt(candidate(of, 'first'), 0, 9, { failure: 'RateLimited', httpStatus: 429 })],
        outcome: { status: 429 },
      },
      { outcome: { status: 499, cancelled: true } },
      { outcome: { broken: true, errorCode: 'upstream_stream_broken' } },
      { outcome: { status: 418 } },
    ]);
    const seen = ends
      .filter(({ name }) => name === 'outrider_requests_total')
      .map(({ labels }) => `${labels.route} ${labels.status} ${labels.outcome}`);
    expect(seen).toEqual([
      ' 404 Refused',
      'demo/assistant 502 Failed',
      'demo/assistant 422 CallerError',
      'demo/assistant 429 Failed',
      'demo/assistant 499 Cancelled',
      'demo/assistant 200 Broken',
      'demo/assistant 4xx Failed',
    ]);
  });

  it('measure what Outrider adds: the time in which no attempt was under way', async () => {
    const lines = await pageAfter((of) => [
      failedOver(of),
      { attempts: [], route: undefined, plan: undefined },
    ]);
    // 0.25 before the first, 25 between the two, 0.5 after the second; a refusal adds nothing to a provider's answer.
    expect(sum(lines, 'outrider_added_latency_seconds_count')).toBe(1);
    expect(sum(lines, 'outrider_added_latency_seconds_sum')).toBeCloseTo(0.02575, 9);
    expect(sum(lines, 'outrider_added_latency_seconds_bucket', { le: '0.025' })).toBe(0);
    expect(sum(lines, 'outrider_added_latency_seconds_bucket', { le: '0.05' })).toBe(1);
    expect(
      sum(lines, 'outrider_time_to_commit_seconds_count', { provider: 'demo/local', model: 'llama' }),
    ).toBe(1);
  });

  it('read the gauges when asked, and the event loop only from then on', async () => {
    const of = world();
    const { telemetry } = await make(of);
    const first = readPage(await telemetry.metrics());
    expect(sum(first, 'outrider_snapshot_age_seconds')).toBe(1.5);
    expect(sum(first, 'outrider_degraded')).toBe(0);
    expect(sum(first, 'outrider_requests_in_flight')).toBe(3);
    expect(sum(first, 'outrider_memory_used_bytes')).toBe(4096);
    expect(sum(first, 'outrider_info', { version: '1.2.3' })).toBe(1);
    expect(sum(first, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
    const delay = 'outrider_event_loop_delay_p99_seconds';
    expect(first.some(({ name }) => name === delay)).toBe(false);
    const second = readPage(await telemetry.metrics());
    expect(second.filter(({ name }) => name === delay)).toHaveLength(1);
  });

  it('count ejections by provider and scope', async () => {
    const { telemetry } = await make(world());
    telemetry.ejected('provider/demo/main', 'CredentialModel');
    telemetry.ejected('provider/demo/gone', 'Endpoint');
    const lines = readPage(await telemetry.metrics()).filter(
      ({ name }) => name === 'outrider_ejections_total',
    );
    expect(lines.map(({ labels }) => labels)).toEqual([
      { provider: 'demo/main', scope: 'CredentialModel' },
      { provider: '_OTHER', scope: 'Endpoint' },
    ]);
  });

  it('survive an exchange they cannot read, and say so once', async () => {
    const of = world();
    const { telemetry, warnings } = await make(of);
    const bad = { ...exchange(of), outcome: undefined };
    telemetry.record(bad);
    telemetry.record(bad);
    expect(sum(readPage(await telemetry.metrics()), 'outrider_telemetry_errors_total')).toBe(2);
    expect(warnings).toHaveLength(1);
  });
});

describe('GenAI metrics', () => {
  it('name Prometheus metrics as the conventions map them', () => {
    for (const one of Object.values(INSTRUMENTS) as readonly Instrument[]) {
      if (one.convention === undefined) continue;
      const mapped = one.convention.replaceAll('.', '_');
      const suffix = one.unit === 's' ? '_seconds' : '';
      expect(one.name).toBe(mapped + suffix + (one.type === 'counter' ? '_total' : ''));
    }
  });

  const stream = (of: World) => ({
    committed: 120,
    outcome: { streamed: true },
    facts: { stream: true },
    attempts: [
      attempt(candidate(of, 'first'), 20, 300, {
        responseModel: 'gpt-5-mini-2026-08-07',
        chunkTimes: chunksAt(1100, 1105, 1130, 1130, 201_130),
        settlement: settled({ input: 100, cacheRead: 40, output: 20, reasoning: 7 }, 1n),
      }),
    ],
  });
  const embedding = (of: World) => ({
    operation: 'embeddings' as const,
    pattern: 'embed',
    attempts: [attempt(candidate(of, 'embedding'), 0, 50, { settlement: settled({ input: 8 }, 1n) })],
    end: 51,
  });

  it('follow the latest names by default', async () => {
    const lines = await pageAfter((of) => [stream(of), embedding(of)]);
    const call = {
      gen_ai_operation_name: 'chat',
      gen_ai_provider_name: 'openai',
      gen_ai_request_model: 'gpt-5-mini',
    };
    expect(
      sum(lines, 'gen_ai_client_inference_duration_seconds_sum', { ...call, error_type: '' }),
    ).toBeCloseTo(0.2805, 9);
    expect(sum(lines, 'gen_ai_client_inference_duration_seconds_bucket', { ...call, le: '0.16' })).toBe(0);
    expect(sum(lines, 'gen_ai_client_inference_duration_seconds_bucket', { ...call, le: '0.32' })).toBe(1);
    expect(sum(lines, 'gen_ai_client_inference_time_to_first_chunk_seconds_sum', call)).toBeCloseTo(0.1, 9);
    const pauses = 'gen_ai_client_inference_time_per_output_chunk_seconds';
    expect(sum(lines, `${pauses}_count`, call)).toBe(4);
    expect(sum(lines, `${pauses}_sum`, call)).toBeCloseTo(200.03, 9);
    expect(
      ['0.01', '0.02', '0.04', '81.92', '+Inf'].map((le) => sum(lines, `${pauses}_bucket`, { ...call, le })),
    ).toEqual([2, 2, 3, 3, 4]);
    const usage = {
      ...call,
      gen_ai_response_model: 'gpt-5-mini',
      gen_ai_token_modality: 'text',
      outrider_route: 'demo/assistant',
      outrider_rule: 'code',
    };
    const counter = (name: string, value: number) =>
      expect(lines).toContainEqual({
        name: `gen_ai_client_inference_usage_${name}_total`,
        labels: usage,
        value,
      });
    counter('input_tokens', 140);
    counter('output_tokens', 27);
    counter('cache_read_input_tokens', 40);
    counter('reasoning_output_tokens', 7);
    expect(sum(lines, 'gen_ai_client_inference_operation_input_tokens_sum', call)).toBe(140);
    expect(sum(lines, 'gen_ai_client_inference_operation_output_tokens_sum', call)).toBe(27);
    // Embeddings are an operation, not inference.
    expect(sum(lines, 'gen_ai_client_operation_duration_seconds_count')).toBe(1);
    expect(sum(lines, 'gen_ai_client_inference_duration_seconds_count')).toBe(1);
    expect(lines.some(({ name }) => name.startsWith('gen_ai_client_token_usage'))).toBe(false);
  });

  it('follow the older names, or both', async () => {
    const older = await pageAfter((of) => [stream(of), embedding(of)], 'older');
    expect(older.some(({ name }) => name.startsWith('gen_ai_client_inference'))).toBe(false);
    expect(sum(older, 'gen_ai_client_operation_duration_seconds_count')).toBe(2);
    expect(sum(older, 'gen_ai_client_operation_time_to_first_chunk_seconds_count')).toBe(1);
    expect(sum(older, 'gen_ai_client_operation_time_per_output_chunk_seconds_count')).toBe(4);
    expect(sum(older, 'gen_ai_client_token_usage_sum', { gen_ai_token_type: 'input' })).toBe(148);
    expect(sum(older, 'gen_ai_client_token_usage_sum', { gen_ai_token_type: 'output' })).toBe(27);

    const both = await pageAfter((of) => [stream(of), embedding(of)], 'both');
    expect(sum(both, 'gen_ai_client_operation_duration_seconds_count')).toBe(2);
    expect(sum(both, 'gen_ai_client_inference_duration_seconds_count')).toBe(1);
    expect(sum(both, 'gen_ai_client_token_usage_sum', { gen_ai_token_type: 'input' })).toBe(148);
    expect(sum(both, 'gen_ai_client_inference_usage_input_tokens_total')).toBe(148);
  });

  it('count calls without usage as 0 of unknown modality, estimates not at all, and images as unknown', async () => {
    const lines = await pageAfter((of) => [
      failedOver(of),
      { facts: { vision: true } },
      {
        attempts: [
          attempt(candidate(of, 'first'), 0, 10, {
            settlement: settled({ input: 4, audioInput: 60, audioOutput: 9 }, 1n),
          }),
        ],
      },
      {
        attempts: [
          attempt(candidate(of, 'first'), 0, 10, {
            settlement: settled(
              { cacheWrite5m: 3000, cacheWrite1h: 400, audioCacheRead: 70, imageOutput: 5 },
              1n,
            ),
          }),
        ],
      },
    ]);
    const input = (labels: Record<string, string>) =>
      lines
        .filter(
          ({ name, labels: has }) =>
            name.includes('usage_input') && Object.keys(labels).every((key) => has[key] === labels[key]),
        )
        .map(({ value }) => value);
    expect(input({ gen_ai_provider_name: 'local', gen_ai_token_modality: 'unknown' })).toEqual([0]);
    expect(
      input({ gen_ai_provider_name: 'openai', gen_ai_response_model: '', gen_ai_token_modality: 'unknown' }),
    ).toEqual([0]);
    expect(input({ gen_ai_response_model: 'gpt-5-mini', gen_ai_token_modality: 'unknown' })).toEqual([100]);
    expect(input({ gen_ai_token_modality: 'text' })).toEqual([3404]);
    expect(input({ gen_ai_token_modality: 'audio' })).toEqual([130]);
    expect(
      sum(lines, 'gen_ai_client_inference_usage_output_tokens_total', { gen_ai_token_modality: 'audio' }),
    ).toBe(9);
    const of = (kind: string, modality: string) =>
      sum(lines, `gen_ai_client_inference_usage_${kind}_tokens_total`, { gen_ai_token_modality: modality });
    expect(of('cache_write_input', 'text')).toBe(3400);
    expect(of('cache_read_input', 'audio')).toBe(70);
    expect(sum(lines, 'outrider_images_total')).toBe(5);
  });

  it('tell failed calls from slow ones, and leave unread paths out', async () => {
    const lines = await pageAfter((of) => [
      {
        attempts: [
          attempt(candidate(of, 'first'), 0, 9, {
            failure: 'RateLimited',
            httpStatus: 429,
            settlement: NOTHING,
          }),
        ],
        outcome: { status: 429 },
      },
      { operation: 'passthrough' },
    ]);
    expect(sum(lines, 'gen_ai_client_inference_duration_seconds_count')).toBe(1);
    expect(sum(lines, 'gen_ai_client_inference_duration_seconds_count', { error_type: 'RateLimited' })).toBe(
      1,
    );
    expect(sum(lines, 'gen_ai_client_inference_operation_input_tokens_count')).toBe(0);
    expect(sum(lines, 'outrider_attempts_total')).toBe(2);
  });
});
