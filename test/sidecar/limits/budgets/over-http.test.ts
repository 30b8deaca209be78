import { afterEach, describe, expect, it } from 'vitest';
import type { ModelBody, RuleBody, Snapshot } from '../../../../sidecar/snapshot/schema.ts';
import type { BudgetBody } from '../../../../sidecar/snapshot/shapes/budgets.ts';
import { providerItem, routeItem, rule, target } from '../../support/configuration.ts';
import { type Answer, call, callJson } from '../../support/http.ts';
import { startTestSidecar, type TestSidecar, until } from '../../support/sidecar.ts';
import { type HeldProvider, holdingProvider } from '../held-provider.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const USD = 1_000_000_000n;

const budget = (over: Partial<BudgetBody> = {}): BudgetBody => ({
  id: 'route/shop/assistant/hourly',
  amount: (10n * USD).toString(),
  period: { unit: 'Month', timeZone: 'UTC' },
  key: [],
  maxKeys: 10,
  enforcement: 'Bounded',
  onExhausted: 'Reject',
  allowUpTo: '0',
  leaseWaitMs: 0,
  ...over,
});

/** The scripted answers take 10 tokens of input and 5 of output: `usd` is what one costs. */
const model = (name: string, usd: number, more: Partial<ModelBody> = {}): ModelBody => ({
  name,
  upstreamName: name,
  contextWindow: 100_000,
  maxOutputTokens: 1000,
  prices: { input: 0, output: (usd / 5) * 1e12 },
  ...more,
});

interface World {
  provider: HeldProvider;
  sidecar: TestSidecar;
  readonly ask: (headers?: Record<string, string>, body?: object, path?: string) => Promise<Answer>;
  /** Edits the budgets of the route. */
  readonly edit: (budgets: BudgetBody[]) => void;
}

async function world(
  budgets: BudgetBody[],
  models: ModelBody[] = [model('m', 1)],
  more: Partial<RuleBody> = {},
): Promise<World> {
  const provider = await holdingProvider();
  closers.push(() => provider.close());
  provider.open();
  const targets = models.map(({ name }, priority) =>
    target(name, { provider: 'provider/shop/main', model: name, priority }),
  );
  const route = routeItem('assistant', ['assistant'], [rule(targets, more)]);
  if (route.body) route.body.budgets = budgets;
  const items: Snapshot['items'] = [providerItem('main', provider.url, { models, openModels: false }), route];
  const sidecar = await startTestSidecar(items, { pod: { namespace: 'shop', workload: 'web' } });
  closers.push(async () => {
    await until(() => sidecar.memory.used === 0);
    await sidecar.close();
  });
  const ask: World['ask'] = (headers = {}, body = {}, path = '/v1/chat/completions') =>
    callJson(
      `${sidecar.url}${path}`,
      { model: 'assistant', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }], ...body },
      headers,
    );
  const edit: World['edit'] = (edited) => {
    const { body } = route;
    if (!body) return;
    const { budgets: _before, ...others } = body;
    const after = { ...others, ...(edited.length > 0 && { budgets: edited }) };
    sidecar.publish([...items.filter(({ kind }) => kind === 'Provider'), { ...route, body: after }]);
  };
  return { provider, sidecar, ask, edit };
}

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

async function times(count: number, ask: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < count; i++) answers.push(await ask());
  return answers;
}

describe('a budget', () => {
  it('lets through what it has money for, tells the rest when it ends, and charges every row', async () => {
    const { ask, sidecar, provider } = await world([budget({ amount: (3n * USD).toString() })]);
    const answers = await times(5, ask);
    expect(statuses(answers)).toEqual([200, 200, 200, 429, 429]);
    expect(provider.keys).toHaveLength(3);
    const refused = answers[4] as Answer;
    const { error } = refused.json() as { error: { code: string; message: string } };
    expect(error.code).toBe('budget_exhausted');
    expect(error.message).toMatch(/^budget shop\/assistant\/hourly has nothing left for all spending: \$1/);
    expect(refused.headers['x-should-retry']).toBe('false');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const charges = sidecar.rows.map((row) => [row.costNanoUsd, row.charges?.map(({ budget: id }) => id)]);
    expect(charges).toEqual(
      Array.from({ length: 3 }, () => [USD.toString(), ['route/shop/assistant/hourly']]),
    );
    // One list for all, so that the spool keeps it once.
    expect(new Set(sidecar.rows.map((row) => row.charges)).size).toBe(1);
  });

  it('is spent once by requests that come at once', async () => {
    const { ask, provider } = await world([budget({ amount: USD.toString(), enforcement: 'Strict' })]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(statuses(answers).filter((status) => status === 200)).toHaveLength(1);
    expect(provider.keys).toHaveLength(1);
  });

  it('tells keys apart, and says in rows whose they are', async () => {
    const key = [{ by: 'Workload' as const }, { by: 'Header' as const, header: 'x-team' }];
    const perKey = [{ value: 'web/blue', amount: (2n * USD).toString() }];
    const { ask, sidecar } = await world([budget({ amount: USD.toString(), key, perKey })]);
    expect(statuses(await times(2, () => ask({ 'x-team': 'red' })))).toEqual([200, 429]);
    expect(statuses(await times(3, () => ask({ 'x-team': 'blue' })))).toEqual([200, 200, 429]);
    expect(statuses(await times(2, () => ask()))).toEqual([200, 429]);
    expect(sidecar.rows.map((row) => row.key)).toEqual(['web/red', 'web/blue', 'web/blue', 'web/']);
    expect(sidecar.rows[0]?.charges?.[0]?.key).toBe('web/red');
  });

  it('must have room in each of several, or none of them is touched', async () => {
    const { ask, sidecar } = await world([
      budget({ amount: (5n * USD).toString() }),
      budget({ id: 'policy/platform/teams/daily', amount: (2n * USD).toString() }),
    ]);
    expect(statuses(await times(4, ask))).toEqual([200, 200, 429, 429]);
    const shown = (await call(`${sidecar.adminUrl}/snapshot`)).json() as never as {
      budgets: { budget: string; spentUsd: string; reservedUsd: string; leftUsd: string }[];
    };
    expect(shown.budgets.map(({ spentUsd, reservedUsd }) => [spentUsd, reservedUsd])).toEqual([
      ['2', '0'],
      ['2', '0'],
    ]);
  });

  it('keyed by model sends what one model may not cost any more to the next', async () => {
    const models = [model('dear', 1), model('other', 1)];
    const { ask, sidecar } = await world(
      [budget({ amount: USD.toString(), key: [{ by: 'Model' }] })],
      models,
    );
    expect(statuses(await times(3, ask))).toEqual([200, 200, 429]);
    expect(sidecar.rows.map((row) => row.target)).toEqual(['dear', 'other']);
  });

  it('is lowered and raised at once where there is no operator, and spend stays', async () => {
    const { ask, edit } = await world([budget({ amount: (100n * USD).toString() })]);
    expect(statuses(await times(2, ask))).toEqual([200, 200]);
    edit([budget({ amount: USD.toString() })]);
    expect(statuses(await times(2, ask))).toEqual([429, 429]);
    edit([budget({ amount: (3n * USD).toString() })]);
    expect(statuses(await times(2, ask))).toEqual([200, 429]);
    edit([]);
    expect(statuses(await times(1, ask))).toEqual([200]);
    edit([budget({ amount: (3n * USD).toString() })]);
    expect(statuses(await times(1, ask))).toEqual([429]);
  });

  it('gives back what a provider that did nothing has not earned', async () => {
    const { ask, sidecar, provider } = await world([budget({ amount: USD.toString() })]);
    await provider.close();
    expect((await ask()).status).toBe(502);
    expect(sidecar.rows).toMatchObject([{ source: 'None', costNanoUsd: '0' }]);
    const shown = (await call(`${sidecar.adminUrl}/snapshot`)).json() as never as {
      budgets: { leftUsd: string }[];
    };
    expect(shown.budgets[0]?.leftUsd).toBe('1');
  });
});

describe('when it is used up', () => {
  it('Downgrade asks only what costs least', async () => {
    const models = [model('dear', 1), model('cheap', 0.25), model('free', 0)];
    const { ask, sidecar } = await world(
      [budget({ amount: (2n * USD).toString(), onExhausted: 'Downgrade' })],
      models,
    );
    expect(statuses(await times(5, ask))).toEqual([200, 200, 200, 200, 200]);
    expect(sidecar.rows.map((row) => row.target)).toEqual(['dear', 'dear', 'free', 'free', 'free']);
  });

  it('Downgrade never exceeds it', async () => {
    const models = [model('dear', 1), model('cheap', 0.25)];
    const { ask, sidecar } = await world(
      [budget({ amount: ((3n * USD) / 2n).toString(), onExhausted: 'Downgrade' })],
      models,
    );
    expect(statuses(await times(5, ask))).toEqual([200, 200, 200, 429, 429]);
    expect(sidecar.rows.map((row) => row.target)).toEqual(['dear', 'cheap', 'cheap']);
  });

  it('Warn lets requests go on, with a warning', async () => {
    const { ask, sidecar } = await world([budget({ amount: USD.toString(), onExhausted: 'Warn' })]);
    const answers = await times(3, ask);
    expect(statuses(answers)).toEqual([200, 200, 200]);
    expect(answers[0]?.headers['x-outrider-warnings']).toBeUndefined();
    expect(answers[2]?.headers['x-outrider-warnings']).toContain('has nothing left');
    expect(sidecar.rows.map((row) => row.charges?.length)).toEqual([1, 1, 1]);
  });

  it('Throttle waits for what comes back, as long as the rule lets it', async () => {
    // Either sets aside $1, and costs what the answer really takes: half of it.
    const cheaper = [model('m', 0.5)];
    const { ask, sidecar } = await world(
      [budget({ amount: ((3n * USD) / 2n).toString(), onExhausted: 'Throttle' })],
      cheaper,
      { admission: { class: 'Normal', maxWaitMs: 2000 } },
    );
    const body = { max_tokens: 10 };
    const answers = await Promise.all([ask({}, body), ask({}, body)]);
    expect(statuses(answers)).toEqual([200, 200]);
    expect(sidecar.rows).toHaveLength(2);
  });
});

describe('a Strict budget', () => {
  it('refuses what has no upper bound, and what has no price', async () => {
    const strict = budget({ enforcement: 'Strict', amount: (100n * USD).toString() });
    const { contextWindow: _c, maxOutputTokens: _m, ...open } = model('m', 1);
    const unbounded = await world([strict], [open]);
    const { error } = (await unbounded.ask({}, { max_tokens: undefined })).json() as {
      error: { code: string };
    };
    expect(error.code).toBe('budget_unbounded');
    const { prices: _p, ...free } = model('m', 1);
    const unpriced = await world([strict], [free]);
    const answer = await unpriced.ask();
    expect(answer.status).toBe(503);
    expect((answer.json() as { error: { code: string } }).error.code).toBe('budget_cost_unknown');
    expect(unpriced.provider.keys).toHaveLength(0);
  });

  it('sets aside the most that an answer may cost', async () => {
    const strict = budget({ enforcement: 'Strict', amount: (4n * USD).toString() });
    const { ask } = await world([strict]);
    expect((await ask({}, { max_tokens: 21 })).status).toBe(429);
    expect((await ask({}, { max_tokens: 20 })).status).toBe(200);
    expect((await ask({}, { max_tokens: 8, n: 2 })).status).toBe(429);
  });
});

describe('what cannot be measured', () => {
  const passthrough = [{ methods: ['POST'], pathPrefix: '/v1/audio' }];
  const sound = { model: 'assistant', input: 'hi' };

  it('is refused under a budget, unless the rule lets it pass and the budget is its own', async () => {
    const refused = await world([budget()], undefined, { passthrough });
    const answer = await refused.ask({}, sound, '/v1/audio/speech');
    expect(answer.status).toBe(403);
    expect((answer.json() as { error: { code: string } }).error.code).toBe('budget_unmetered');
    expect(refused.provider.keys).toHaveLength(0);
    const allowed = await world([budget()], undefined, { passthrough, unmetered: 'Allow' });
    expect((await allowed.ask({}, sound, '/v1/audio/speech')).status).toBe(200);
    const platform = budget({ id: 'policy/platform/teams/daily' });
    const elsewhere = await world([platform], undefined, { passthrough, unmetered: 'Allow' });
    expect((await elsewhere.ask({}, sound, '/v1/audio/speech')).status).toBe(403);
    const soft = await world([{ ...platform, onExhausted: 'Warn' }], undefined, { passthrough });
    expect((await soft.ask({}, sound, '/v1/audio/speech')).status).toBe(200);
  });
});

it('is explained with what this pod has spent and holds', async () => {
  const { ask, sidecar } = await world([budget({ amount: (3n * USD).toString() })]);
  await ask();
  const explained = (
    await callJson(`${sidecar.adminUrl}/explain`, {
      model: 'assistant',
      messages: [{ role: 'user', content: 'hi' }],
    })
  ).json() as never as { steps: { stage: string; what: string; detail: string }[] };
  expect(explained.steps.filter(({ what }) => what === 'Budget')).toEqual([
    {
      stage: 'plan',
      what: 'Budget',
      detail:
        'route/shop/assistant/hourly, key all spending: this pod has spent $1 and holds a lease of $2 more',
    },
  ]);
});
