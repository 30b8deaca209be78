/** Batches that a provider runs, under budgets: set aside before they are handed in, settled as results come. */
import { afterEach, describe, expect, it } from 'vitest';
import { type BatchProvider, startBatchProvider } from '../../../dev/providers/batches.ts';
import { startScriptedProvider } from '../../../dev/providers/server.ts';
import type { BatchBody } from '../../../sidecar/snapshot/shapes/batch.ts';
import type { BudgetBody } from '../../../sidecar/snapshot/shapes/budgets.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { call } from '../support/http.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';
import { BATCH, chatLine, clientOf, ended, submit, temporary } from './support.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const CENT = 10_000_000n;
const ID = 'route/shop/assistant/hourly';

const budget = (cents: bigint, more: Partial<BudgetBody> = {}): BudgetBody => ({
  id: ID,
  amount: (cents * CENT).toString(),
  period: { unit: 'Month', timeZone: 'UTC' },
  key: [],
  maxKeys: 10,
  enforcement: 'Bounded',
  onExhausted: 'Reject',
  allowUpTo: '0',
  leaseWaitMs: 0,
  ...more,
});

interface World {
  provider: BatchProvider;
  start: () => Promise<TestSidecar>;
}

async function world(
  mode: BatchBody['mode'],
  limit: BudgetBody,
  more: Partial<BatchBody> = {},
): Promise<World> {
  const spool = await temporary();
  closers.push(() => spool.remove());
  const lines = await startScriptedProvider({ keys: ['sk-test'] });
  closers.push(() => lines.close());
  const provider = await startBatchProvider(lines.url, 'sk-test');
  closers.push(() => provider.close());
  // A cent for a hundred tokens of output, which is each line's bound.
  const models = [
    {
      name: 'large',
      upstreamName: 'scripted-large',
      prices: { input: 0, output: 100_000_000 },
      maxOutputTokens: 100,
      contextWindow: 10_000,
    },
  ];
  const route = routeItem(
    'assistant',
    ['assistant'],
    [rule([target('openai', { model: 'large' })], { batch: { ...BATCH, mode, ...more } })],
  );
  if (route.body) route.body.budgets = [limit];
  const items = [providerItem('openai', provider.url, { type: 'OpenAI', models }), route];
  return {
    provider,
    async start() {
      const sidecar = await startTestSidecar(items, {
        spool: { directory: spool.path },
        pod: { namespace: 'shop', workload: 'web' },
      });
      closers.push(() => sidecar.close());
      return sidecar;
    },
  };
}

interface Standing {
  spentUsd: string;
  reservedUsd: string;
}

async function standing({ adminUrl }: TestSidecar): Promise<Standing | undefined> {
  const shown = (await call(`${adminUrl}/snapshot`)).json() as { budgets?: Standing[] };
  return shown.budgets?.[0];
}

const few = ['a', 'b', 'c'].map((id) => {
  const line = JSON.parse(chatLine(id)) as { body: object };
  return JSON.stringify({ ...line, body: { ...line.body, max_tokens: 100 } });
});

const sum = (rows: TestSidecar['rows']): bigint =>
  rows.reduce((total, { costNanoUsd }) => total + BigInt(costNanoUsd ?? '0'), 0n);

describe('a native batch under a budget', () => {
  it('has set aside what all its lines may cost while the provider works, and charges what they did', async () => {
    const { provider, start } = await world('Native', budget(1000n, { enforcement: 'Strict' }));
    provider.hold = true;
    const sidecar = await start();
    const client = clientOf(sidecar.url);
    const { id } = await submit(client, few);
    await ended(client, id, () => provider.calls.some((one) => one.startsWith('GET /v1/batches/')));
    expect(await standing(sidecar)).toMatchObject({ spentUsd: '0', reservedUsd: '0.03' });
    provider.hold = false;
    expect((await ended(client, id)).request_counts).toMatchObject({ completed: 3 });
    expect(sidecar.rows.map(({ serviceTier, charges }) => [serviceTier, charges?.[0]?.budget])).toEqual(
      Array.from({ length: 3 }, () => ['Batch', ID]),
    );
    expect(sum(sidecar.rows)).toBeGreaterThan(0n);
    const { spentUsd, reservedUsd } = (await standing(sidecar)) as Standing;
    expect(reservedUsd).toBe('0');
    expect(BigInt(Math.round(Number(spentUsd) * 1e9))).toBe(sum(sidecar.rows));
  });

  it('is not handed in where the budget has too little for all of it', async () => {
    const { provider, start } = await world('Native', budget(2n, { enforcement: 'Strict' }));
    const sidecar = await start();
    const client = clientOf(sidecar.url);
    const { id } = await submit(client, few);
    await ended(client, id, ({ status }) => status === 'in_progress');
    // Nothing of it stays set aside: somebody else may have what is left.
    await expect.poll(async () => (await standing(sidecar))?.reservedUsd, { timeout: 8000 }).toBe('0');
    expect(provider.calls).toEqual([]);
    await client.batches.cancel(id);
    expect((await ended(client, id)).status).toBe('cancelled');
    expect(sidecar.rows).toEqual([]);
  });

  it('that waits for a budget of next month ends when its own time is over', async () => {
    const { provider, start } = await world('Native', budget(0n), {
      expiresAfterMs: 1000,
    });
    const sidecar = await start();
    const client = clientOf(sidecar.url);
    const batch = await ended(client, (await submit(client, few)).id);
    expect(batch).toMatchObject({ status: 'expired', request_counts: { failed: 3 } });
    expect(provider.calls).toEqual([]);
    expect((await standing(sidecar))?.reservedUsd).toBe('0');
  });

  it('goes line by line under Auto where the budget has too little for all of it at once', async () => {
    const { provider, start } = await world('Auto', budget(2n, { enforcement: 'Strict' }));
    const sidecar = await start();
    const client = clientOf(sidecar.url);
    const batch = await ended(client, (await submit(client, few)).id);
    // This provider has no other endpoints: what counts is that it was asked for each line.
    expect(batch.request_counts).toMatchObject({ failed: 3 });
    expect(new Set(provider.calls)).toEqual(new Set(['POST /v1/chat/completions']));
    expect((await standing(sidecar))?.reservedUsd).toBe('0');
  });

  it('that an earlier process handed in is owed, and charged, whatever is left', async () => {
    const { provider, start } = await world('Native', budget(3n, { enforcement: 'Strict' }));
    provider.hold = true;
    const before = await start();
    const client = clientOf(before.url);
    const { id } = await submit(client, few);
    await ended(client, id, () => provider.calls.some((one) => one.startsWith('GET /v1/batches/')));
    await before.close();
    const after = await start();
    await expect.poll(async () => (await standing(after))?.reservedUsd).toBe('0.03');
    provider.hold = false;
    expect((await ended(clientOf(after.url), id)).request_counts).toMatchObject({ completed: 3 });
    expect(after.rows.map(({ charges }) => charges?.[0]?.budget)).toEqual([ID, ID, ID]);
  });
});
