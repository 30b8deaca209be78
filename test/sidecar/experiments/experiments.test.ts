import { afterEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import type { ExperimentBody } from '../../../sidecar/snapshot/shapes/experiment.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call, callJson } from '../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../support/sidecar.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One dollar per million tokens of input, two of output. */
const PRICES = { input: 1_000_000, output: 2_000_000 };

async function providers(...names: string[]): Promise<Record<string, ScriptedProvider>> {
  const started = await Promise.all(names.map(() => startScriptedProvider()));
  cleanups.push(...started.map((provider) => () => provider.close()));
  return Object.fromEntries(names.map((name, i) => [name, started[i] as ScriptedProvider]));
}

function configuration(
  served: Record<string, ScriptedProvider>,
  experiment: Partial<ExperimentBody>,
  weights: Record<string, number> = {},
): Snapshot['items'] {
  const names = Object.keys(served);
  const models = [{ name: 'm', upstreamName: 'm', prices: PRICES }];
  const route = routeItem(
    'assistant',
    ['assistant'],
    [
      rule(
        names.map((name) => target(name, { model: 'm', weight: weights[name] ?? 1 })),
        {
          experiment: {
            name: 'trial',
            stickyBy: { type: 'Header', header: 'x-user' },
            arms: [],
            onArmExhausted: 'Stay',
            mirror: [],
            ...experiment,
          },
        },
      ),
    ],
  );
  return [
    ...names.map((name) => providerItem(name, served[name]?.url ?? '', { models, openModels: false })),
    { ...route, requires: ['experiment'] },
  ];
}

async function start(items: Snapshot['items'], options: Parameters<typeof startTestSidecar>[1] = {}) {
  const sidecar = await startTestSidecar(items, options);
  cleanups.push(() => sidecar.close());
  // Experiments are loaded when the first configuration has some.
  await import('../../../sidecar/experiments/mirrors.ts');
  await new Promise((resolve) => setImmediate(resolve));
  return sidecar;
}

const ask = (sidecar: TestSidecar, user: string, content = 'hello') =>
  callJson(
    `${sidecar.url}/v1/chat/completions`,
    { model: 'assistant', max_tokens: 100, messages: [{ role: 'user', content }] },
    { 'x-user': user },
  );

const TWO_ARMS = [
  { name: 'control', targets: ['old'], percent: 50 },
  { name: 'treatment', targets: ['new'], percent: 50 },
];

describe('arms', () => {
  it('keep each user, say so in the answer, and are in every row', async () => {
    const served = await providers('old', 'new');
    const items = configuration(served, { arms: TWO_ARMS });
    const [one, other] = [await start(items), await start(items)];
    const arms = new Map<string, unknown>();
    for (let i = 0; i < 24; i++) {
      const user = `user ${i % 8}`;
      // Two pods agree without knowing of each other.
      const answer = await ask(i % 2 === 0 ? one : other, user);
      expect(answer.status).toBe(200);
      const arm = answer.headers['x-outrider-arm'];
      expect(answer.headers['x-outrider-target']).toBe(arm === 'control' ? 'old' : 'new');
      expect(arms.get(user) ?? arm).toBe(arm);
      arms.set(user, arm);
    }
    expect(new Set(arms.values())).toEqual(new Set(['control', 'treatment']));
    await until(() => one.rows.length + other.rows.length === 24);
    for (const row of [...one.rows, ...other.rows]) {
      expect(row).toMatchObject({ experiment: 'trial', arm: row.target === 'old' ? 'control' : 'treatment' });
    }
  });

  it('stay among themselves when all fail, and are left only where the experiment says so', async () => {
    const served = await providers('old', 'new');
    if (served['new']) served['new'].behaviour = { failure: { kind: 'Status', status: 503 } };
    const arms = [{ name: 'treatment', targets: ['new'], percent: 100 }];
    const staying = await start(configuration(served, { arms }));
    expect((await ask(staying, 'u')).status).toBe(503);
    const leaving = await start(configuration(served, { arms, onArmExhausted: 'Leave' }));
    const answer = await ask(leaving, 'u');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-outrider-target']).toBe('old');
    expect(answer.headers['x-outrider-arm']).toBe('treatment');
  });
});

const mirrorTo = (name: string, maxCostPerHour = '1000000000') => ({
  mirror: [{ target: name, percent: 100, maxCostPerHour }],
});

describe('copies', () => {
  it('go to the other target once the caller is answered, as rows of their own', async () => {
    const served = await providers('old', 'shadow');
    const sidecar = await start(configuration(served, mirrorTo('shadow'), { shadow: 0 }));
    const answer = await ask(sidecar, 'u');
    expect(answer.headers['x-outrider-target']).toBe('old');
    await until(() => sidecar.rows.length === 2);
    const [own, copy] = sidecar.rows;
    expect(own).toMatchObject({ target: 'old', kind: 'First', arm: '_rest' });
    expect(copy).toMatchObject({
      target: 'shadow',
      kind: 'Mirror',
      rule: 'experiment.mirror',
      purpose: 'Mirror',
      parent: own?.request,
      experiment: 'trial',
      arm: 'mirror.shadow',
      outcome: 'Ok',
    });
    expect(Number(copy?.costNanoUsd)).toBeGreaterThan(0);
    // What the caller is told it cost is its own request alone.
    expect(Number(answer.headers['x-outrider-cost-usd']) * 1e9).toBeCloseTo(Number(own?.costNanoUsd), 0);
    expect(served['shadow']?.requests[0]?.body).toEqual(served['old']?.requests[0]?.body);
    await until(() => sidecar.memory.used === 0);
  });

  it('never hold a caller up, and nobody sees them fail', async () => {
    const served = await providers('old', 'shadow');
    const shadow = served['shadow'] as ScriptedProvider;
    shadow.behaviour = { failure: { kind: 'HangBeforeHeaders' } };
    const sidecar = await start(configuration(served, mirrorTo('shadow'), { shadow: 0 }));
    for (let i = 0; i < 5; i++) expect((await ask(sidecar, 'u')).status).toBe(200);
    // Every caller has its answer while no copy has one.
    await until(() => shadow.count === 5);
    expect(sidecar.rows.filter(({ kind }) => kind === 'Mirror')).toEqual([]);
    expect(sidecar.memory.used).toBeGreaterThan(0);
    await sidecar.close();
    shadow.behaviour = { failure: { kind: 'Status', status: 500 } };
    const other = await start(configuration(served, mirrorTo('shadow'), { shadow: 0 }));
    const answer = await ask(other, 'u');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-outrider-attempts']).toBe('1');
    await until(() => other.rows.length === 2);
    expect(other.rows[1]).toMatchObject({ kind: 'Mirror', outcome: 'Failed', failure: 'ServerError' });
  });

  it('cost no more in an hour than they may', async () => {
    const served = await providers('old', 'shadow');
    // A request may cost about 0.0002 dollars at most: room for few.
    const sidecar = await start(configuration(served, mirrorTo('shadow', '1000000'), { shadow: 0 }));
    for (let i = 0; i < 40; i++) {
      expect((await ask(sidecar, 'u')).status).toBe(200);
      await until(() => sidecar.memory.used === 0);
    }
    const copies = sidecar.rows.filter(({ kind }) => kind === 'Mirror');
    const spent = copies.reduce((sum, { costNanoUsd = '0' }) => sum + Number(costNanoUsd), 0);
    expect(copies.length).toBeGreaterThan(0);
    expect(copies.length).toBeLessThan(40);
    expect(spent).toBeLessThanOrEqual(1_000_000);
    expect(sidecar.rows.filter(({ kind }) => kind === 'First')).toHaveLength(40);
  });

  it('leave half of the memory to callers', async () => {
    const served = await providers('old', 'shadow');
    const shadow = served['shadow'] as ScriptedProvider;
    shadow.behaviour = { failure: { kind: 'HangBeforeHeaders' } };
    const limits = { memoryBytes: 1_000_000 };
    const sidecar = await start(configuration(served, mirrorTo('shadow'), { shadow: 0 }), { limits });
    const long = 'x'.repeat(150_000);
    for (let i = 0; i < 12; i++) expect((await ask(sidecar, 'u', long)).status).toBe(200);
    await until(() => sidecar.rows.length === 12);
    expect(shadow.count).toBeLessThanOrEqual(3);
    expect(sidecar.memory.used).toBeLessThanOrEqual(500_000);
    // The same bytes as the request had, although its own memory was given back.
    const [seen] = shadow.requests;
    expect(seen?.body.length).toBe(served['old']?.requests[0]?.body.length);
  });

  it('are made of nothing that must not be repeated', async () => {
    const served = await providers('old', 'shadow');
    const sidecar = await start(configuration(served, mirrorTo('shadow'), { shadow: 0 }));
    const body = {
      model: 'assistant',
      store: true,
      messages: [{ role: 'user', content: 'remember' }],
    };
    expect((await callJson(`${sidecar.url}/v1/chat/completions`, body)).status).toBe(200);
    expect((await ask(sidecar, 'u')).status).toBe(200);
    await until(() => sidecar.rows.length === 3);
    expect(served['shadow']?.count).toBe(1);
  });
});

describe('a canary without an operator', () => {
  const canary = {
    arms: [{ name: 'next', targets: ['new'], percent: 0 }],
    canary: {
      arm: 'next',
      steps: [50, 100],
      intervalMs: 1000,
      minRequests: 1000,
      bounds: { errorPercent: 5 },
    },
  };

  it('goes back on the evidence of the pod, and metrics tell it', async () => {
    const served = await providers('old', 'new');
    const shaky = served['new'] as ScriptedProvider;
    shaky.behaviour = { failure: { kind: 'Status', status: 500 } };
    const items = configuration(served, canary).map((item) =>
      // Breakers would keep the target from being asked at all.
      item.kind === 'Provider' && item.body
        ? {
            ...item,
            body: { ...item.body, passive: { consecutiveErrors: 1000, ejectionMs: 1, maxEjectionMs: 1 } },
          }
        : item,
    );
    const sidecar = await start(items, {
      telemetry: (gauges) =>
        createTelemetry({ version: '1', gauges, env: {}, accessLog: false, warn: () => {} }),
    });
    const sent = { old: 0, next: 0 };
    // It is looked at once a second at most.
    const deadline = performance.now() + PATIENCE_MS;
    let back = false;
    for (let i = 0; !back && performance.now() < deadline; i++) {
      const { status, headers } = await ask(sidecar, `user ${i}`);
      sent[status === 200 ? 'old' : 'next']++;
      expect(headers['x-outrider-arm']).toBe(status === 200 ? undefined : 'next');
      if (i % 50 === 49) {
        const page = (await call(`${sidecar.adminUrl}/metrics`)).text;
        back = /outrider_experiment_canary_percent\{[^}]*\} 0/.test(page);
      }
    }
    expect(back).toBe(true);
    expect(sent.next).toBeGreaterThan(9);
    const page = (await call(`${sidecar.adminUrl}/metrics`)).text;
    expect(page).toContain(
      'outrider_experiment_requests_total{route="shop/assistant",experiment="trial",arm="next",outcome="Failed"}',
    );
    for (let i = 0; i < 30; i++) expect((await ask(sidecar, `later ${i}`)).status).toBe(200);
  });
});
