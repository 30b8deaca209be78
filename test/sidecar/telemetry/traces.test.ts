import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  attempt,
  type ExchangeParts,
  exchange,
  NOTHING,
  settled,
  WALL,
  type World,
  world,
} from './exchanges.ts';
import { OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts';
import { readPage, sum } from './page.ts';
import { GAUGES, type Made, make } from './support.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

let receiver: OtlpReceiver;
let url: string;

beforeEach(async () => {
  receiver = new OtlpReceiver();
  url = await receiver.listen();
});
afterEach(() => receiver.close());

const traced = (of: World, env: Record<string, string> = {}): Promise<Made> =>
  make(of, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...env } });

async function spansOf(of: World, parts: ExchangeParts): Promise<ReceivedSpan[]> {
  const { telemetry } = await traced(of);
  telemetry.record(exchange(of, parts));
  await telemetry.flush(5000);
  return receiver.spans;
}

const one = (spans: ReceivedSpan[], name: string): ReceivedSpan => {
  const found = spans.filter((span) => span.name === name);
  if (found.length !== 1 || !found[0])
    throw new Error(`${found.length} spans named ${name} of ${spans.map((s) => s.name).join()}`);
  return found[0];
};

function streamed(of: World): ExchangeParts {
  const { first, second } = of.candidates;
  if (!first || !second) throw new Error('no candidates');
  return {
    id: 'r1',
    committed: 160,
    outcome: { streamed: true },
    facts: { stream: true, choices: 2, maxOutputTokens: 400, jsonSchema: true, askedModel: 'gpt-5' },
    attempts: [
      attempt(first, 0.25, 80, {
        failure: 'RateLimited',
        scope: 'CredentialModel',
        httpStatus: 429,
        errorCode: 'rate_limit_exceeded',
        committedAt: undefined,
        settlement: NOTHING,
        responseId: undefined,
        responseModel: undefined,
        finishReasons: [],
      }),
      attempt(second, 105, 300, {
        kind: 'Failover',
        responseModel: 'llama-4-70b',
        settlement: settled(
          { input: 100, cacheRead: 40, audioInput: 5, output: 20, reasoning: 7, audioOutput: 3 },
          900_000n,
        ),
      }),
    ],
  };
}

describe('the spans of a request', () => {
  it('include what was asked of a model on its behalf, below the span of the caller and nowhere else', async () => {
    const of = world();
    const [candidate] = Object.values(of.candidates);
    if (!candidate) throw new Error('no candidate');
    const { telemetry } = await traced(of);
    const asked = exchange(of, { id: 'r1~1', attempts: [attempt(candidate, 5, 20, {})] });
    asked.internal = { purpose: 'Classifier', parent: 'r1' };
    const caller = exchange(of, { id: 'r1', attempts: [attempt(candidate, 30, 80, {})] });
    caller.asked = [asked];
    telemetry.record(asked);
    telemetry.record(caller);
    await telemetry.flush(5000);
    const { spans } = receiver;
    const server = spans.filter(({ parentSpanId }) => !parentSpanId);
    expect(server).toHaveLength(1);
    const calls = spans.filter(({ parentSpanId }) => parentSpanId === server[0]?.spanId);
    expect(calls.map(({ attributes }) => attributes['outrider.purpose'])).toEqual(['Classifier', undefined]);
    expect(spans).toHaveLength(5);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  });

  it('are SERVER, CLIENT over all attempts, and one child for each, at the times they happened', async () => {
    const spans = await spansOf(world(), streamed(world()));
    expect(spans).toHaveLength(4);
    const server = one(spans, 'POST /v1/chat/completions');
    const call = one(spans, 'chat llama');
    const tries = [one(spans, 'attempt first'), one(spans, 'attempt second')];

    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(4);
    expect(server).toMatchObject({ kind: 'SERVER', parentSpanId: undefined, failed: false });
    expect(call).toMatchObject({ kind: 'CLIENT', parentSpanId: server.spanId, failed: false });
    expect(tries.map(({ parentSpanId }) => parentSpanId)).toEqual([call.spanId, call.spanId]);
    expect(tries.map(({ kind, failed }) => `${kind} ${failed}`)).toEqual(['CLIENT true', 'CLIENT false']);

    const times = ({ start, end }: ReceivedSpan) => [start, end];
    expect(times(server)).toEqual([WALL, WALL + 300.5]);
    expect(times(call)).toEqual([WALL + 0.25, WALL + 300.5]);
    expect(tries.map(times)).toEqual([
      [WALL + 0.25, WALL + 80],
      [WALL + 105, WALL + 300],
    ]);
    expect(tries[1]?.events).toEqual([
      { name: 'outrider.request_sent', at: WALL + 106 },
      { name: 'outrider.headers_received', at: WALL + 107 },
      { name: 'outrider.committed', at: WALL + 108 },
    ]);
  });

  it('carry what the conventions and the reference page say', async () => {
    const spans = await spansOf(world(), streamed(world()));
    expect(one(spans, 'POST /v1/chat/completions').attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'url.path': '/v1/chat/completions',
      'outrider.request.id': 'r1',
      'outrider.outcome': 'OK',
      'outrider.route': 'demo/assistant',
      'outrider.rule': 'code',
    });
    expect(one(spans, 'chat llama').attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'local',
      'gen_ai.request.model': 'llama',
      'gen_ai.request.stream': true,
      'gen_ai.request.choice.count': 2,
      'gen_ai.request.max_tokens': 400,
      'gen_ai.output.type': 'json',
      'gen_ai.response.id': 'chatcmpl-1',
      'gen_ai.response.model': 'llama-4-70b',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': 0.15975,
      'gen_ai.usage.input_tokens': 145,
      'gen_ai.usage.output_tokens': 30,
      'gen_ai.usage.cache_read.input_tokens': 40,
      'gen_ai.usage.reasoning.output_tokens': 7,
      'gen_ai.usage.audio.input_tokens': 5,
      'gen_ai.usage.audio.output_tokens': 3,
      'server.address': 'vllm.demo.svc',
      'server.port': 8000,
      'outrider.route': 'demo/assistant',
      'outrider.rule': 'code',
      'outrider.asked_model': 'gpt-5',
      'outrider.target': 'second',
      'outrider.provider': 'demo/local',
      'outrider.attempts': 2,
      'outrider.cancelled': false,
      'outrider.usage.input_tokens': 145,
      'outrider.usage.output_tokens': 30,
      'outrider.usage.cache_read_tokens': 40,
      'outrider.usage.audio_input_tokens': 5,
      'outrider.usage.reasoning_tokens': 7,
      'outrider.usage.audio_output_tokens': 3,
      'outrider.usage.estimated': false,
      'outrider.cost_usd': '0.0009',
      'outrider.considered': ['first: Selected', 'second: Alternate'],
    });
    expect(one(spans, 'attempt first').attributes).toEqual({
      'http.request.method': 'POST',
      'http.response.status_code': 429,
      'server.address': 'api.openai.com',
      'server.port': 443,
      'error.type': 'RateLimited',
      'outrider.attempt.number': 1,
      'outrider.attempt.kind': 'First',
      'outrider.attempt.result': 'RateLimited',
      'outrider.target': 'first',
      'outrider.provider': 'demo/main',
      'outrider.upstream_model': 'gpt-5-mini',
      'outrider.credential': 'team',
      'outrider.failure.class': 'RateLimited',
      'outrider.failure.scope': 'CredentialModel',
      'outrider.failure.code': 'rate_limit_exceeded',
      'outrider.upstream_request_id': 'req_1',
      'outrider.attempt.usage_source': 'None',
      'outrider.attempt.input_tokens': 0,
      'outrider.attempt.output_tokens': 0,
      'outrider.attempt.cost_usd': '0',
    });
    expect(one(spans, 'attempt second').attributes).toMatchObject({
      'http.request.resend_count': 1,
      'outrider.attempt.kind': 'Failover',
      'outrider.attempt.result': 'OK',
      'outrider.attempt.cost_usd': '0.0009',
    });
    const page = readFileSync(new URL('../../../docs/reference/telemetry.md', import.meta.url), 'utf8');
    for (const { attributes } of spans) {
      for (const key of Object.keys(attributes)) {
        const [, group, last] = /^(.*)\.([a-z_]+)$/.exec(key) ?? [];
        const listed =
          page.includes(`\`${key}\``) ||
          [...page.matchAll(/`([a-z_.]+)\.\{([^}]+)\}`/g)].some(([, prefix, names]) =>
            names?.split(', ').some((name) => `${prefix}.${name}` === key),
          );
        expect(listed, `${group}.${last} is on the reference page`).toBe(true);
      }
    }
  });

  it('join the trace of the caller', async () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=abc,other=x' };
    const spans = await spansOf(world(), { headers });
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect(one(spans, 'POST /v1/chat/completions').parentSpanId).toBe(SPAN);
    expect(spans.map(({ traceState }) => traceState)).toEqual(spans.map(() => 'vendor=abc,other=x'));
    expect(spans.map(({ kind, remoteParent }) => `${kind} ${remoteParent}`)).toEqual([
      'SERVER true',
      'CLIENT false',
      'CLIENT false',
    ]);
  });

  it('start a trace of their own where what the caller sent is not one', async () => {
    const spans = await spansOf(world(), { headers: { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` } });
    expect(spans).toHaveLength(3);
    expect(spans[0]?.traceId).not.toBe(TRACE);
    expect(one(spans, 'POST /v1/chat/completions').parentSpanId).toBeUndefined();
  });

  it('of a refusal are one, of a request that never left', async () => {
    const parts = { attempts: [], route: undefined, plan: undefined, committed: undefined };
    const spans = await spansOf(world(), {
      ...parts,
      outcome: { status: 503, errorCode: 'config_unavailable' },
    });
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({
      failed: true,
      attributes: {
        'error.type': 'config_unavailable',
        'outrider.outcome': 'Refused',
        'http.response.status_code': 503,
      },
    });
  });

  it('of a broken stream end with the reason `error` and fail; a 4xx fails the call, not the server', async () => {
    const of = world();
    const { first } = of.candidates;
    if (!first) throw new Error('no candidate');
    const { telemetry } = await traced(of);
    const failure = { finishReasons: [], settlement: settled({ input: 90, output: 4 }, 30n, 'Estimated') };
    telemetry.record(
      exchange(of, {
        outcome: { broken: true, streamed: true, errorCode: 'upstream_stream_broken' },
        attempts: [attempt(first, 0, 300, { ...failure, failure: 'StreamError' })],
      }),
    );
    telemetry.record(
      exchange(of, {
        operation: 'embeddings',
        outcome: { status: 422 },
        attempts: [
          attempt(first, 0, 300, {
            failure: 'Caller',
            httpStatus: 422,
            settlement: NOTHING,
            finishReasons: [],
          }),
        ],
      }),
    );
    telemetry.record(
      exchange(of, {
        operation: 'text_completion',
        outcome: { status: 499, cancelled: true },
        attempts: [attempt(first, 0, 300, { ...failure, cancelled: true, responseId: 'the prompt itself' })],
      }),
    );
    await telemetry.flush(5000);
    const { spans } = receiver;
    const broken = one(spans, 'chat gpt-5-mini');
    expect(broken).toMatchObject({
      failed: true,
      attributes: {
        'error.type': 'StreamError',
        'gen_ai.response.finish_reasons': ['error'],
        'outrider.usage.estimated': true,
      },
    });
    // Estimates are not what the provider said.
    expect(broken.attributes).not.toHaveProperty('gen_ai.usage.input_tokens');
    expect(broken.attributes['outrider.usage.input_tokens']).toBe(90);
    expect(one(spans, 'embeddings gpt-5-mini')).toMatchObject({
      failed: true,
      attributes: { 'error.type': 'Caller' },
    });
    expect(one(spans, 'text_completion gpt-5-mini').attributes).toMatchObject({
      'error.type': 'Cancelled',
      'gen_ai.response.finish_reasons': ['error'],
      'gen_ai.response.id': '_OTHER',
      'outrider.cancelled': true,
    });
    const servers = spans.filter(({ kind }) => kind === 'SERVER');
    expect(servers.map(({ failed }) => failed)).toEqual([true, false, false]);
    expect(JSON.stringify(spans)).not.toContain('the prompt itself');
  });

  it('of an unread path name no model and no file', async () => {
    const spans = await spansOf(world(), {
      operation: 'passthrough',
      path: '/v1/files/file-123/content',
      method: 'BREW',
    });
    expect(one(spans, 'HTTP').attributes).toMatchObject({
      'http.request.method': '_OTHER',
      'http.request.method_original': 'BREW',
      'url.path': '/v1/files/file-123/content',
    });
    const call = one(spans, 'passthrough gpt-5-mini');
    expect(Object.keys(call.attributes).filter((key) => key.startsWith('gen_ai'))).toEqual([]);
  });

  it('are sent as the process is described', async () => {
    const of = world();
    const { telemetry } = await traced(of, {
      OTEL_SERVICE_NAME: 'shop',
      OTEL_RESOURCE_ATTRIBUTES: 'k8s.namespace.name=demo',
    });
    telemetry.record(exchange(of));
    await telemetry.flush(5000);
    expect(receiver.spans[0]?.resource).toMatchObject({
      'service.name': 'shop',
      'k8s.namespace.name': 'demo',
      'telemetry.sdk.language': 'nodejs',
    });
    expect(receiver.headers[0]?.['content-type']).toBe('application/x-protobuf');
  });

  it('are sent compressed and with the headers that were asked for', async () => {
    const of = world();
    const { telemetry, warnings } = await traced(of, {
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20dTpw, x-scope=a',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'X-Scope=b',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    });
    telemetry.record(exchange(of));
    await telemetry.flush(5000);
    expect(receiver.spans).toHaveLength(3);
    expect(receiver.headers[0]).toMatchObject({
      authorization: 'Basic dTpw',
      'x-scope': 'b',
      'content-encoding': 'gzip',
    });
    expect(warnings).toEqual([]);
  });

  it('hold texts of any length and alphabet, cut where they are endless', async () => {
    const of = world();
    const { telemetry } = await traced(of);
    const askedModel = '模型🙂'.repeat(60);
    telemetry.record(exchange(of, { facts: { askedModel }, route: `demo/${'r'.repeat(20_000)}` }));
    await telemetry.flush(5000);
    const call = one(receiver.spans, 'chat gpt-5-mini');
    expect(call.attributes['outrider.asked_model']).toBe(`${askedModel.slice(0, 200)}…`);
    expect(String(call.attributes['outrider.route'])).toHaveLength(512);
  });
});

describe('requests that are not sampled', () => {
  it('make no spans, whether the caller or the ratio said so', async () => {
    const of = world();
    const { telemetry } = await traced(of);
    const headers = { traceparent: `00-${TRACE}-${SPAN}-00` };
    telemetry.record(exchange(of, { id: 'quiet', headers }));
    const off = await traced(of, { OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    off.telemetry.record(exchange(of));
    await Promise.all([telemetry.flush(5000), off.telemetry.flush(5000)]);
    expect(receiver.requests).toBe(0);
    // The trace that the caller is in is still named.
    expect(telemetry.request('quiet')?.traceId).toBe(TRACE);

    off.telemetry.record(exchange(of, { headers: { traceparent: `00-${TRACE}-${SPAN}-01` } }));
    await off.telemetry.flush(5000);
    expect(receiver.spans).toHaveLength(3);
  });

  it('are the rest of the ratio, and the log names the trace of the others', async () => {
    const of = world();
    const { telemetry } = await traced(of, {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
    });
    for (let i = 0; i < 200; i++) telemetry.record(exchange(of, { id: `n${i}`, laterMs: i * 1000 }));
    await telemetry.flush(5000);
    const servers = receiver.spans.filter(({ kind }) => kind === 'SERVER');
    expect(servers.length).toBeGreaterThan(60);
    expect(servers.length).toBeLessThan(140);
    expect(receiver.spans).toHaveLength(servers.length * 3);
    for (const { attributes, traceId } of servers) {
      expect(telemetry.request(String(attributes['outrider.request.id']))?.traceId).toBe(traceId);
    }
    const named = Array.from({ length: 200 }, (_, i) => telemetry.request(`n${i}`)?.traceId).filter(
      (id) => typeof id === 'string',
    );
    expect(named).toHaveLength(servers.length);
  });

  it('have their own share of what is kept of each second, as those that are have theirs', async () => {
    const of = world();
    const { telemetry } = await traced(of, { OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const kinds: Record<string, ExchangeParts> = {
      traced: { headers: { traceparent } },
      ordinary: {},
      failed: { headers: { traceparent }, outcome: { status: 502, errorCode: 'upstream_error' } },
    };
    for (let i = 0; i < 50; i++) {
      for (const [id, parts] of Object.entries(kinds))
        telemetry.record(exchange(of, { ...parts, id: id + i }));
    }
    await telemetry.flush(5000);
    const kept = (id: string): number =>
      Array.from({ length: 50 }, (_, i) => telemetry.request(id + i)).filter(Boolean).length;
    expect(Object.keys(kinds).map(kept)).toEqual([20, 20, 50]);
    expect(receiver.spans.filter(({ kind }) => kind === 'SERVER')).toHaveLength(100);
  });

  it('load nothing of tracing where no exporter is configured', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      const { createTelemetry } = await import('./sidecar/telemetry/create.ts');
      for (const env of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }]) {
        await createTelemetry({ version: '0', gauges: {}, env, accessLog: false, warn: () => {} });
        console.log(loaded.some((url) => url.endsWith('/telemetry/tracing.ts')));
      }`;
    const root = new URL('../../../', import.meta.url);
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
    });
    expect(stdout).toBe('false\ntrue\n');
  });
});

describe('a collector that fails', () => {
  const OUT = 'the trace collector does not take spans; they are dropped';
  const BACK = 'the trace collector takes spans again';
  const FAST = { OTEL_EXPORTER_OTLP_TIMEOUT: '300' };

  const dropped = async ({ telemetry }: Made, reason: string): Promise<number> =>
    sum(readPage(await telemetry.metrics()), 'outrider_spans_dropped_total', { reason });

  it('costs spans and one line, and one more when it is back', async () => {
    const of = world();
    const { port } = receiver;
    await receiver.close();
    const made = await traced(of, FAST);
    for (let i = 0; i < 1000; i++) made.telemetry.record(exchange(of));
    await vi.waitFor(async () => expect(await dropped(made, 'ExportFailed')).toBeGreaterThan(256), {
      timeout: 5000,
    });
    await made.telemetry.flush(5000);
    expect(made.warnings).toEqual([OUT]);
    const [queue, failed] = [await dropped(made, 'QueueFull'), await dropped(made, 'ExportFailed')];
    expect(queue + failed).toBe(3000);
    expect(queue).toBeGreaterThan(0);

    receiver = new OtlpReceiver();
    await receiver.listen(port);
    made.telemetry.record(exchange(of));
    await made.telemetry.flush(5000);
    expect(receiver.spans).toHaveLength(3);
    expect(made.warnings).toEqual([OUT, BACK]);
    expect(sum(readPage(await made.telemetry.metrics()), 'outrider_requests_total')).toBe(1001);
  });

  it.each([400, 429, 503])('by answering %i is no different', async (status) => {
    const of = world();
    receiver.status = status;
    const made = await traced(of, FAST);
    made.telemetry.record(exchange(of));
    await made.telemetry.flush(5000);
    expect(made.warnings).toEqual([OUT]);
    expect(await dropped(made, 'ExportFailed')).toBe(3);
  });

  it('and asks for a moment is asked again', async () => {
    const of = world();
    receiver.status = 503;
    receiver.more = { 'retry-after': '0' };
    const made = await traced(of);
    made.telemetry.record(exchange(of));
    const flushed = made.telemetry.flush(5000);
    await vi.waitFor(() => expect(receiver.requests).toBeGreaterThan(1));
    receiver.status = 200;
    await flushed;
    expect(receiver.spans).toHaveLength(3);
    expect(made.warnings).toEqual([]);
  });

  it('by never answering holds a flush no longer than its deadline', async () => {
    const of = world();
    receiver.status = 0;
    const { telemetry } = await traced(of);
    telemetry.record(exchange(of));
    const before = performance.now();
    await telemetry.flush(30);
    expect(performance.now() - before).toBeLessThan(2000);
    expect(receiver.spans).toEqual([]);
  });
});

it('settings that are not followed are said once, at the start', async () => {
  const { warnings } = await make(world(), {
    gauges: GAUGES,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  });
  expect(warnings).toEqual([
    'OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not supported, only OTLP over HTTP; no spans are sent',
  ]);
});

it('an exporter that cannot be set up costs the traces, not the sidecar', async () => {
  const of = world();
  const { telemetry, warnings } = await traced(of, { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.crt' });
  expect(warnings).toEqual([expect.stringContaining('traces could not be set up')]);
  telemetry.record(exchange(of));
  expect(sum(readPage(await telemetry.metrics()), 'outrider_requests_total')).toBe(1);
});
