import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SERIES_LIMIT } from '../../../sidecar/telemetry/series.ts';
import {
  attempt,
  exchange,
  plan,
  provider,
  rule,
  settled,
  snapshotOf,
  target,
  type World,
  world,
} from './exchanges.ts';
import { readPage, sum } from './page.ts';
import { make } from './support.ts';

/** A request in which everything a caller or a vendor controls is `text`. */
function hostile(of: World, text: string, unlisted: boolean) {
  const open = of.candidates[unlisted ? 'open' : 'first'];
  if (!open) throw new Error('no candidate');
  const candidate = unlisted ? { ...open, upstreamModel: text } : open;
  return exchange(of, {
    id: text,
    method: text,
    path: `/v1/${text}`,
    asked: text,
    headers: { traceparent: text, tracestate: text, 'x-team': text },
    facts: { header: () => text },
    attempts: [
      attempt(candidate, 0.2, 300, {
        responseModel: text,
        responseId: text,
        errorCode: text,
        finishReasons: [text],
        upstreamRequestId: text,
        settlement: settled({ input: 1 }, 1n),
      }),
    ],
  });
}

function collect(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('cardinality', () => {
  it('gives no label a value that a caller or a vendor made up', async () => {
    const of = world();
    const known = new Set([
      'gpt-5-mini',
      'llama',
      'gpt-*',
      'embed',
      'code',
      'main',
      'local',
      'first',
      'openai',
      '1',
      '',
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 4, unit: 'grapheme' }),
        fc.boolean(),
        async (text, unlisted) => {
          fc.pre(!known.has(text) && !/^[a-zA-Z]{4,12}$/.test(text));
          const { telemetry } = await make(of, { semconv: 'both' });
          telemetry.record(hostile(of, text, unlisted));
          const lines = readPage(await telemetry.metrics());
          for (const { labels } of lines) expect(Object.values(labels)).not.toContain(text);
          expect(sum(lines, 'outrider_requests_total', { asked_model: 'gpt-*' })).toBe(1);
          expect(sum(lines, 'outrider_tokens_total', { model: unlisted ? '_OTHER' : 'gpt-5-mini' })).toBe(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('stays as it is under 100,000 made-up models and headers: series, and memory', async () => {
    const of = world();
    const { telemetry } = await make(of, { semconv: 'both' });
    let seed = 1;
    const text = (): string => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return `model-${seed.toString(36)}-${'x'.repeat(seed % 64)}`;
    };
    const run = (requests: number): void => {
      for (let i = 0; i < requests; i++) telemetry.record(hostile(of, text(), i % 2 === 0));
    };
    run(50_000);
    const lines = readPage(await telemetry.metrics());
    collect();
    const before = process.memoryUsage();
    run(50_000);
    collect();
    const after = process.memoryUsage();
    const now = readPage(await telemetry.metrics());
    expect(now.length).toBe(lines.length + 1); // the event-loop gauge, which the first scrape starts
    expect(sum(now, 'outrider_requests_total')).toBe(100_000);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(2 * 1024 * 1024);
    expect(after.rss - before.rss).toBeLessThan(16 * 1024 * 1024);
  });

  it('counts under names of the configuration only, whatever the exchange says', async () => {
    const of = world();
    const { telemetry } = await make(of);
    telemetry.record(exchange(of, { pattern: 'invented' }));
    telemetry.record(exchange(of, { route: 'demo/invented' }));
    const labels = readPage(await telemetry.metrics())
      .filter(({ name }) => name === 'outrider_requests_total')
      .map(({ labels }) => `${labels.route} ${labels.rule} ${labels.asked_model}`);
    expect(labels).toEqual(['demo/assistant code _OTHER', '_OTHER _OTHER _OTHER']);
  });

  it('answers with dated names count as the declared model', async () => {
    const of = world();
    const { telemetry } = await make(of);
    const { first } = of.candidates;
    if (!first) throw new Error('no candidate');
    for (const responseModel of ['gpt-5-mini', 'gpt-5-mini-2026-01-31', 'gpt-5-mini-turbo']) {
      telemetry.record(exchange(of, { attempts: [attempt(first, 0, 1, { responseModel })] }));
    }
    const lines = readPage(await telemetry.metrics());
    const answered = (name: string) =>
      sum(lines, 'gen_ai_client_inference_usage_input_tokens_total', { gen_ai_response_model: name });
    expect(answered('gpt-5-mini')).toBe(200);
    expect(answered('_OTHER')).toBe(100);
  });
});

/** A configuration with far more targets than there is room for series. */
function crowd(providers: number, models: number): World {
  const bodies = Array.from({ length: providers }, (_, p) =>
    provider(`p${p}`, {
      models: Array.from({ length: models }, (_, m) => ({ name: `m${m}`, upstreamName: `m${m}` })),
    }),
  );
  const one = rule(
    'all',
    bodies.map((body) => target(body.name, body)),
  );
  const candidates: World['candidates'] = Object.fromEntries(
    bodies.flatMap((body, index) =>
      body.models.map((model) => [
        `${body.name}/${model.name}`,
        {
          index,
          target: one.targets[index] ?? target(body.name, body),
          providerId: `provider/demo/${body.name}`,
          provider: body,
          credential: undefined,
          upstreamModel: model.name,
          model,
        },
      ]),
    ),
  );
  return {
    snapshot: snapshotOf(bodies, [{ name: 'wide', models: ['*'], rules: [one] }]),
    rule: one,
    candidates,
  };
}

describe('the series limit', () => {
  const all = (of: World) =>
    Object.values(of.candidates).map((candidate) =>
      exchange(of, {
        route: 'demo/wide',
        pattern: '*',
        plan: plan(of.rule, [candidate]),
        attempts: [attempt(candidate, 0, 10)],
      }),
    );

  it('holds, loses no count, and keeps one overflow series per metric', async () => {
    const of = crowd(40, 5);
    const { telemetry } = await make(of, { semconv: 'both' });
    for (const one of all(of)) telemetry.record(one);
    const lines = readPage(await telemetry.metrics());
    expect(lines.length).toBeLessThanOrEqual(SERIES_LIMIT);
    // What is left is kept for one overflow series of each metric.
    expect(lines.length).toBeGreaterThan(SERIES_LIMIT * 0.85);
    expect(sum(lines, 'outrider_series')).toBeLessThanOrEqual(SERIES_LIMIT);
    expect(sum(lines, 'outrider_attempts_total')).toBe(200);
    expect(sum(lines, 'outrider_tokens_total')).toBe(200 * 120);
    expect(sum(lines, 'gen_ai_client_inference_duration_seconds_count')).toBe(200);
    const overflow = lines.filter(
      ({ labels }) => labels.model === '_OVERFLOW' || labels.gen_ai_request_model === '_OVERFLOW',
    );
    expect(overflow.length).toBeGreaterThan(0);
    const values = overflow
      .flatMap(({ labels }) => Object.entries(labels))
      .filter(([label]) => label !== 'le');
    expect(new Set(values.map(([, value]) => value))).toEqual(new Set(['_OVERFLOW']));
  });

  it('gives the room back when a configuration change removes what the series named', async () => {
    const of = crowd(40, 5);
    const { telemetry } = await make(of, { semconv: 'both' });
    for (const one of all(of)) telemetry.record(one);
    const small = crowd(2, 2);
    telemetry.snapshotChanged(small.snapshot);
    const after = readPage(await telemetry.metrics());
    const models = new Set(after.map(({ labels }) => `${labels.provider}/${labels.model}`));
    expect([...models].sort()).toEqual(
      [
        '_OVERFLOW/_OVERFLOW',
        'demo/p0/m0',
        'demo/p0/m1',
        'demo/p1/m0',
        'demo/p1/m1',
        'undefined/undefined',
      ].sort(),
    );
    // Requests that began before the change end after it: they count, but bring nothing back.
    for (const one of all(of)) telemetry.record(one);
    const late = readPage(await telemetry.metrics());
    expect(late.some(({ labels }) => labels.provider === 'demo/p39')).toBe(false);
    expect(sum(late, 'outrider_attempts_total', { provider: '_OTHER', model: '_OTHER' })).toBe(190);
    expect(sum(late, 'outrider_attempts_total', { provider: 'demo/p0', model: '_OTHER' })).toBe(3);
  });

  it('removes series of a rule, a pattern and a model that are gone while their route and provider stay', async () => {
    const of = world();
    const { telemetry } = await make(of);
    telemetry.record(exchange(of));
    const { main, local } = Object.fromEntries(
      [...of.snapshot.providers.values()].map(({ body }) => [body?.name, body]),
    );
    if (!main || !local) throw new Error('no providers');
    const renamed = { ...main, models: [{ name: 'gpt-6', upstreamName: 'gpt-6' }] };
    const next = snapshotOf(
      [renamed, local],
      [{ name: 'assistant', models: ['gpt-6'], rules: [rule('prose', [])] }],
    );
    telemetry.snapshotChanged(next);
    const names = readPage(await telemetry.metrics()).flatMap(({ labels }) => Object.values(labels));
    for (const gone of ['code', 'gpt-*', 'gpt-5-mini']) expect(names).not.toContain(gone);
  });
});
