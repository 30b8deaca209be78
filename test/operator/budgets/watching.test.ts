import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { AlertMarks } from '../../../operator/budgets/alert-marks.ts';
import type { Reading } from '../../../operator/budgets/readings.ts';
import { BudgetWatch, type BudgetWatchOptions } from '../../../operator/budgets/watching.ts';
import type { WatchedBudget } from '../../../operator/compile/watched-budgets.ts';
import type { ClusterEvent } from '../../../operator/events.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import { MemoryStore } from '../ledger/memory-store.ts';
import { ManualClock, until } from '../support/manual-clock.ts';
import { aBudget } from './support.ts';

const HOOK = { url: 'https://hooks.example.com/budgets' };
const LOOK_MS = 2_000;

let clock: ManualClock;
let store: MemoryStore;
let spent: Map<string, bigint>;
let events: ClusterEvent[];
let calls: Parameters<BudgetWatchOptions['post']>[0][];
let status: number;
let counted: string[];
let owners: string[];
let standing: Reading[];
let isOpen: boolean;
let secret: string | undefined;

beforeEach(() => {
  clock = new ManualClock(Date.parse('2026-03-10T12:00:00Z'));
  store = new MemoryStore();
  spent = new Map();
  [events, calls, counted, owners, standing] = [[], [], [], [], []];
  status = 200;
  isOpen = true;
  secret = undefined;
});

/** A watch over the budget, and a way to let it look once. */
function watching(budget: WatchedBudget = aBudget()) {
  let looks = 0;
  const watch = new BudgetWatch({
    spending: {
      keysOf: () => [...spent.keys()],
      standing: (_, key) => ({
        amount: BigInt(budget.body.amount),
        counted: spent.get(key) ?? 0n,
        booked: 0n,
      }),
    },
    isOpen: () => {
      return isOpen;
    },
    marks: new AlertMarks(store),
    events: { emit: (event) => events.push(event) },
    post: async (call) => {
      calls.push(call);
      if (status === 0) throw new Error('cannot be reached');
      return { status };
    },
    secret: () => secret,
    clock,
    log: silentLog,
    metrics: {
      stand: (readings) => {
        standing = [...readings];
        looks++;
      },
      alerted: (percent) => counted.push(`alert ${percent}`),
      webhook: (result) => counted.push(result),
    },
    changed: (list) => owners.push(...list.map(({ name }) => name)),
  });
  watch.update([budget]);
  watch.start();
  const look = async () => {
    await until(() => clock.waits.length > 0, 'the next look');
    const before = looks;
    clock.advance(LOOK_MS);
    await until(() => looks > before && clock.waits.length > 0, 'the look');
  };
  return { watch, look };
}

const notes = () => events.map(({ note }) => note);

describe('statuses', () => {
  it('are brought up to date with what a new configuration was the first to read', async () => {
    const { look, watch } = watching();
    await look();
    owners.length = 0;
    spent.set('shop', 10_000_000n);
    // A compile in between, as after every change of anything.
    watch.update([aBudget()]);
    await look();
    expect(owners).toEqual(['teams']);
    await look();
    expect(owners).toEqual(['teams']);
    await watch.stop();
  });
});

describe('alerts', () => {
  it('are told once for each percentage of a key, and of those reached at once only the highest', async () => {
    const { look, watch } = watching();
    spent.set('shop', 400_000_000n);
    await look();
    expect(events).toEqual([]);
    spent.set('shop', 510_000_000n);
    await look();
    await look();
    expect(notes()).toEqual(['budget monthly of shop has reached 50 % of 1.00 USD: 0.51 USD are spent']);
    expect(events[0]).toMatchObject({
      regarding: { apiVersion: 'outrider.dev/v1alpha1', kind: 'LLMPolicy', name: 'teams', uid: 'uid' },
      type: 'Normal',
      reason: 'BudgetAlert',
    });
    spent.set('shop', 1_000_000_000n);
    spent.set('blog', 800_000_000n);
    await look();
    expect(events.slice(1).map(({ type, reason }) => [type, reason])).toEqual([
      ['Warning', 'BudgetSpent'],
      ['Normal', 'BudgetAlert'],
    ]);
    expect(counted).toEqual(['alert 50', 'alert 100', 'alert 80']);
    await watch.stop();
  });

  it('are not told again by the next operator, nor after the amount was raised and reached again', async () => {
    const first = watching();
    spent.set('shop', 600_000_000n);
    await first.look();
    await first.watch.stop();
    const second = watching();
    await second.look();
    expect(notes()).toHaveLength(1);
    const raised = aBudget({ body: { ...aBudget().body, amount: '2000000000' } });
    second.watch.update([raised]);
    await second.look();
    await second.watch.stop();
    const third = watching(raised);
    spent.set('shop', 1_100_000_000n);
    await third.look();
    expect(notes()).toHaveLength(1);
    await third.watch.stop();
  });

  it('are told anew in the next window', async () => {
    const { look, watch } = watching();
    spent.set('shop', 600_000_000n);
    await look();
    clock.advance(30 * 86_400_000);
    await look();
    expect(notes()).toHaveLength(2);
    await watch.stop();
  });

  it('of a rolling window are told once in its length', async () => {
    const { look, watch } = watching(
      aBudget({ body: { ...aBudget().body, period: { unit: 'Hour', rolling: true, timeZone: 'UTC' } } }),
    );
    spent.set('shop', 600_000_000n);
    await look();
    clock.advance(1_800_000);
    await look();
    expect(notes()).toHaveLength(1);
    clock.advance(1_800_000);
    await look();
    expect(notes()).toHaveLength(2);
    await watch.stop();
  });

  it('are told by the leader only', async () => {
    isOpen = false;
    const { look, watch } = watching();
    spent.set('shop', 600_000_000n);
    await look();
    expect(events).toEqual([]);
    expect(watch.statusOf({ kind: 'LLMPolicy', namespace: 'platform', name: 'teams' })).toBeUndefined();
    isOpen = true;
    await look();
    expect(notes()).toHaveLength(1);
    await watch.stop();
  });
});

describe('webhooks', () => {
  const withHook = (more: object = {}) => aBudget({ webhook: { ...HOOK, ...more } });

  it('get the numbers as JSON, once', async () => {
    const { look, watch } = watching(withHook());
    spent.set('shop', 510_000_000n);
    await look();
    await until(() => counted.includes('Sent'), 'the call');
    await look();
    await look();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.url).toBe(HOOK.url);
    expect(JSON.parse(calls[0]?.body ?? '')).toMatchObject({
      type: 'BudgetAlert',
      owner: { kind: 'LLMPolicy', namespace: 'platform', name: 'teams' },
      budget: 'monthly',
      key: 'shop',
      window: '2026-03-01T00:00:00.000Z',
      alertAt: 50,
      percent: 51,
      spent: '0.51',
      amount: '1.00',
      currency: 'USD',
    });
    await watch.stop();
  });

  it('are signed with the time, or get the key in a header', async () => {
    secret = 'key';
    const signed = watching(withHook({ secretRef: { name: 'hooks', key: 'token' } }));
    spent.set('shop', 510_000_000n);
    await signed.look();
    await until(() => counted.includes('Sent'), 'the call');
    await signed.watch.stop();
    const { headers, body } = calls[0] as (typeof calls)[0];
    const text = `${headers['x-outrider-timestamp']}.${body}`;
    const expected = createHmac('sha256', 'key').update(text).digest('hex');
    expect(headers['x-outrider-signature']).toBe(`sha256=${expected}`);

    store = new MemoryStore();
    counted = [];
    const bearing = watching(withHook({ secretRef: { name: 'hooks', key: 'token' }, header: 'X-Token' }));
    await bearing.look();
    await until(() => counted.includes('Sent'), 'the second call');
    expect(calls[1]?.headers).toMatchObject({ 'x-token': 'key' });
    expect(calls[1]?.headers).not.toHaveProperty('x-outrider-signature');
    await bearing.watch.stop();
  });

  it('are tried again with longer and longer waits, and then given up', async () => {
    status = 503;
    const { look, watch } = watching(withHook());
    spent.set('shop', 510_000_000n);
    const triedAt: number[] = [];
    for (let i = 0; i < 150; i++) {
      const before = calls.length;
      await look();
      await until(() => counted.length >= calls.length + 1, 'the result');
      if (calls.length > before) triedAt.push(clock.monotonic());
    }
    expect(calls).toHaveLength(5);
    expect(counted).toEqual(['alert 50', 'Retried', 'Retried', 'Retried', 'Retried', 'Failed']);
    const waits = triedAt.slice(1).map((at, i) => at - (triedAt[i] as number));
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
    expect(new Set(calls.map(({ body }) => (JSON.parse(body) as { id: string }).id)).size).toBe(1);
    await watch.stop();
  });

  it('that an operator could not tell are told by the next one, without a second Event', async () => {
    status = 0;
    const first = watching(withHook());
    spent.set('shop', 510_000_000n);
    await first.look();
    await until(() => counted.includes('Retried'), 'the first try');
    await first.watch.stop();
    status = 200;
    const second = watching(withHook());
    await second.look();
    await until(() => counted.includes('Sent'), 'the second try');
    expect(notes()).toHaveLength(1);
    await second.watch.stop();
  });

  it('are not called where it cannot be kept that they were', async () => {
    store.fate = () => 'Refused';
    const { look, watch } = watching(withHook());
    spent.set('shop', 510_000_000n);
    await look();
    await look();
    expect(calls).toEqual([]);
    expect(notes()).toHaveLength(1);
    store.fate = () => 'Ok';
    await look();
    await until(() => counted.includes('Sent'), 'the call');
    expect(notes()).toHaveLength(1);
    await watch.stop();
  });
});

describe('what is told inside', () => {
  it('is whose status has news, and where keys stand', async () => {
    const { look, watch } = watching();
    spent.set('shop', 100_000_000n);
    await look();
    await look();
    expect(owners).toEqual(['teams']);
    expect(standing.map(({ key, percent }) => [key, percent])).toEqual([['shop', 10]]);
    expect(watch.statusOf({ kind: 'LLMPolicy', namespace: 'platform', name: 'teams' })).toMatchObject([
      { name: 'monthly', key: 'shop', percent: 10 },
    ]);
    expect(watch.statusOf({ kind: 'LLMPolicy', namespace: 'platform', name: 'other' })).toEqual([]);
    await watch.stop();
  });
});
