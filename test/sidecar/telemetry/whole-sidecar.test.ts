import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import type { RequestSummary } from '../../../sidecar/telemetry/summary.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { readPage, sum } from './page.ts';
import { logFile } from './support.ts';

/** What the parts really leave in an exchange, read by all of telemetry. */
let failing: ScriptedProvider;
let working: ScriptedProvider;
let receiver: OtlpReceiver;
let sidecar: TestSidecar;
const file = logFile();

const models = [
  { name: 'small', upstreamName: 'scripted-small', prices: { input: 250_000, output: 2_000_000 } },
];

beforeAll(async () => {
  failing = await startScriptedProvider();
  working = await startScriptedProvider();
  failing.behaviour = { failure: { kind: 'Status', status: 503 } };
  receiver = new OtlpReceiver();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.listen() };
  const targets = [target('failing', { model: 'small' }), target('working', { model: 'small', priority: 1 })];
  sidecar = await startTestSidecar(
    [
      providerItem('failing', failing.url, { models }),
      providerItem('working', working.url, { models }),
      routeItem('assistant', ['team-*'], [rule(targets)]),
    ],
    {
      telemetry: (gauges) =>
        createTelemetry({ version: '1', gauges, env, accessLog: { destination: file.path }, warn: () => {} }),
    },
  );
});

afterAll(async () => {
  await sidecar.close();
  await Promise.all([failing.close(), working.close(), receiver.close()]);
});

it('a streamed request that failed over is told alike by metrics, log, admin port and trace', async () => {
  const answer = await callJson(
    `${sidecar.url}/v1/chat/completions`,
    { model: 'team-x', stream: true, messages: [{ role: 'user', content: 'the prompt itself' }] },
    {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      authorization: 'Bearer sk-caller',
    },
  );
  expect(answer.status).toBe(200);
  const id = String(answer.headers['x-outrider-request-id']);
  // The answer can be here a moment before the request is closed and recorded.
  const page = await vi.waitFor(
    async () => {
      const lines = readPage((await call(`${sidecar.adminUrl}/metrics`)).text);
      expect(sum(lines, 'outrider_requests_total')).toBe(1);
      return lines;
    },
    { timeout: 5000, interval: 5 },
  );
  const summary = JSON.parse((await call(`${sidecar.adminUrl}/requests/${id}`)).text) as RequestSummary;
  await sidecar.close();

  const where = { route: 'shop/assistant', rule: 'main', model: 'small' };
  expect(sum(page, 'outrider_requests_total', { asked_model: 'team-*', status: '200', outcome: 'OK' })).toBe(
    1,
  );
  expect(
    sum(page, 'outrider_attempts_total', { ...where, provider: 'shop/failing', result: 'ServerError' }),
  ).toBe(1);
  expect(sum(page, 'outrider_attempts_total', { ...where, provider: 'shop/working', result: 'OK' })).toBe(1);
  expect(sum(page, 'outrider_failovers_total', { ...where, provider: 'shop/failing' })).toBe(1);
  expect(sum(page, 'outrider_added_latency_seconds_count')).toBe(1);
  expect(sum(page, 'gen_ai_client_inference_time_to_first_chunk_seconds_count')).toBe(1);
  expect(sum(page, 'gen_ai_client_inference_time_per_output_chunk_seconds_count')).toBeGreaterThan(1);
  const input = sum(page, 'outrider_tokens_total', { kind: 'input', source: 'Provider' });
  const output = sum(page, 'outrider_tokens_total', { kind: 'output', source: 'Provider' });
  expect(Math.min(input, output)).toBeGreaterThan(0);
  const usd = sum(page, 'outrider_cost_usd_total');
  expect(usd).toBeCloseTo((input * 0.25 + output * 2) / 1e6, 9);

  const [line, ...others] = file.records();
  expect(others).toEqual([]);
  const told = {
    id,
    askedModel: 'team-x',
    askedPattern: 'team-*',
    target: 'working',
    outcome: 'OK',
    streamed: true,
  };
  expect(line).toMatchObject({
    ...told,
    tokens: { input, output },
    traceId: '0af7651916cd43dd8448eb211c80319c',
  });
  expect(Number(line?.costUsd)).toBe(usd);
  expect(line?.attempts.map(({ result, scope, status }) => `${result} ${scope} ${status}`)).toEqual([
    'ServerError Model 503',
    'OK null 200',
  ]);
  expect(summary).toMatchObject({
    ...told,
    attempts: [{ usageSource: 'None' }, { usageSource: 'Provider' }],
  });
  expect(summary.steps.length).toBeGreaterThan(0);
  expect(summary.considered.map(({ target: name }) => name)).toEqual(['failing', 'working']);

  const server = receiver.spans.find(({ kind }) => kind === 'SERVER');
  expect(server?.parentSpanId).toBe('b7ad6b7169203331');
  expect(receiver.spans.map(({ name }) => name).sort()).toEqual([
    'POST /v1/chat/completions',
    'attempt failing',
    'attempt working',
    'chat scripted-small',
  ]);
  const spanned = receiver.spans.find(({ name }) => name === 'chat scripted-small')?.attributes;
  expect(spanned).toMatchObject({
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': output,
    'gen_ai.request.stream': true,
    'outrider.cost_usd': line?.costUsd,
    'server.address': '127.0.0.1',
  });
  for (const text of [file.text(), JSON.stringify(summary), JSON.stringify(receiver.spans)]) {
    expect(text).not.toMatch(/the prompt itself|sk-caller|sk-test/);
  }
  // Nothing of ours reaches a provider.
  expect(JSON.stringify(working.requests[0]?.headers)).not.toMatch(/traceparent|outrider/);
});
