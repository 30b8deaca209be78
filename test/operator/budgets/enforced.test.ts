/** Budgets of policies from the resource to refused requests, status, Events and webhooks, in a whole operator and real sidecars. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { KubeObject } from '../../../crds/common.ts';
import type { LLMPolicyStatus } from '../../../crds/llmpolicy.ts';
import { until } from '../support/manual-clock.ts';
import { type App, metricsOf, policy, Stage } from './stage.ts';

let stage: Stage;

beforeEach(async () => {
  stage = await Stage.open(['shop', 'blog']);
});
afterEach(() => stage.close());

/** Asks until nothing more is let through; how many were. */
async function spendAll(app: App, most = 20): Promise<number> {
  for (let count = 0; count < most; count++) {
    const { status, code } = await app.ask();
    if (status === 200) continue;
    expect([status, code]).toEqual([429, 'budget_exhausted']);
    return count;
  }
  return most;
}

const isBudgeted = (app: App, count = 1) =>
  app.sidecar.holder.effective?.routes[0]?.body?.budgets?.length === count;

const events = async (): Promise<string[]> => {
  const { items } = await stage.cluster.api.json<{ items: (KubeObject & { message: string })[] }>({
    path: '/api/v1/namespaces/platform/events',
  });
  return items.map(({ message }) => message);
};

it('share one amount among routes of several namespaces, and an edit counts in seconds without forgetting what was spent', {
  timeout: 60_000,
}, async () => {
  const operator = await stage.operator();
  await stage.cluster.apply(policy({ amount: '3' }));
  const [shop, blog] = [await stage.app(operator, 'shop', 'web'), await stage.app(operator, 'blog', 'press')];
  await until(() => isBudgeted(shop) && isBudgeted(blog), 'the budget');
  await until(async () => (await shop.ask()).status === 200, 'the ledger');
  const more = (await spendAll(shop)) + (await spendAll(blog));
  expect(1 + more).toBe(3);

  await stage.cluster.apply(policy({ amount: '5' }));
  await until(async () => (await blog.ask()).status === 200, 'the higher amount');
  expect(1 + (await spendAll(blog)) + (await spendAll(shop))).toBe(2);

  // Gone and back under its name: what was spent is where it was.
  await stage.cluster.remove('LLMPolicy', 'platform', 'teams');
  await until(() => !isBudgeted(shop) && !isBudgeted(blog), 'the end of the budget');
  expect((await shop.ask()).status).toBe(200);
  await stage.cluster.apply(policy({ amount: '6' }));
  await until(() => isBudgeted(shop) && isBudgeted(blog), 'the budget again');
  await until(async () => (await shop.ask()).status === 200, 'what is left');
  expect((await spendAll(shop)) + (await spendAll(blog))).toBe(0);

  // Lower than what is spent: nothing more.
  await stage.cluster.apply(policy({ amount: '1' }));
  const status = (await stage.cluster.status('LLMPolicy', 'platform', 'teams', (each) => {
    const { budgets, observedGeneration } = each as LLMPolicyStatus;
    return observedGeneration === 2 && budgets?.[0]?.amount === '1.00';
  })) as LLMPolicyStatus;
  expect(status).toMatchObject({
    routes: 2,
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Accepted', status: 'True' },
      { type: 'ResolvedRefs', status: 'True' },
    ],
    budgets: [{ name: 'monthly', key: '', spent: '6.00', percent: 600 }],
  });
  expect((await shop.ask()).status).toBe(429);
});

it("of a route and of policies over it must all have headroom, and spenders cannot reach the platform's", {
  timeout: 60_000,
}, async () => {
  const operator = await stage.operator();
  await stage.cluster.apply(
    policy({ amount: '100', key: [{ by: 'Namespace' }], perKey: [{ value: 'blog', amount: '1' }] }),
  );
  const own = { budgets: [{ name: 'daily', amount: '2', period: { unit: 'Day' }, leaseWait: '2s' }] };
  const route = await stage.cluster.get<KubeObject<object>>('LLMRoute', 'shop', 'assistant');
  const { apiVersion, kind } = route as KubeObject;
  await stage.cluster.apply({
    apiVersion,
    kind,
    metadata: { name: 'assistant', namespace: 'shop' },
    spec: { ...(route?.spec as object), ...own },
  });
  const [shop, blog] = [await stage.app(operator, 'shop', 'web'), await stage.app(operator, 'blog', 'press')];
  await until(() => isBudgeted(shop, 2) && isBudgeted(blog), 'the budgets');
  await until(async () => (await shop.ask()).status === 200, 'the ledger');
  expect(1 + (await spendAll(shop))).toBe(2);
  expect(await spendAll(blog)).toBe(1);
});

it('are told of once by Event and webhook, and not again by the next operator', {
  timeout: 60_000,
}, async () => {
  const told: { url: string; body: string }[] = [];
  const options = {
    egressHosts: ['hooks.example.com'],
    postAlert: async (call: { url: string; body: string }) => {
      told.push(call);
      return { status: 200 };
    },
  };
  const alerts = { webhook: { url: 'https://hooks.example.com/budgets' } };
  const first = await stage.operator(options);
  await stage.cluster.apply(policy({ amount: '4', alertAt: [50, 100] }, { alerts }));
  const shop = await stage.app(first, 'shop', 'web');
  await until(() => isBudgeted(shop), 'the budget');
  await until(async () => (await shop.ask()).status === 200, 'the ledger');
  expect((await shop.ask()).status).toBe(200);
  await until(() => told.length > 0, 'the webhook');
  expect(JSON.parse(told[0]?.body ?? '')).toMatchObject({ alertAt: 50, spent: '2.00', amount: '4.00' });
  await until(async () => (await events()).length > 0, 'the Event');
  expect(await events()).toEqual(['budget monthly has reached 50 % of 4.00 USD: 2.00 USD are spent']);
  // The mark is written after the answer came.
  await until(async () => {
    const text = await metricsOf(first);
    return /outrider_operator_budget_webhooks_total\{result="Sent"\} 1/.test(text);
  }, 'the result');
  await stage.cluster.stopOperator(first);

  const second = await stage.operator(options);
  await stage.app(second, 'shop', 'late');
  await until(async () => {
    const text = await metricsOf(second);
    return text.includes('outrider_operator_budget_used_ratio{budget="policy/platform/teams/monthly"} 0.5');
  }, 'the next operator to look');
  expect(told).toHaveLength(1);
  expect(await events()).toHaveLength(1);
});
