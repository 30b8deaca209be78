import { describe, expect, it } from 'vitest';
import { USD } from './fleet.ts';
import { type Outcome, type Spender, SpendingWorld } from './spenders.ts';

const CENT = USD / 100n;
const served = (outcomes: readonly Outcome[]): number => outcomes.filter((one) => one.served).length;

describe('fifty sidecars with twenty requests each, at once', () => {
  for (const enforcement of ['Strict', 'Bounded'] as const) {
    it(`spend one request of headroom once, ${enforcement}`, async () => {
      const world = await SpendingWorld.of(50, { amount: USD.toString(), enforcement });
      const asked = world.spenders.flatMap((one) => Array.from({ length: 20 }, () => one.ask(100, 100, 500)));
      await world.pass(3000);
      const outcomes = await Promise.all(asked);
      expect(outcomes).toHaveLength(1000);
      expect(served(outcomes)).toBeLessThanOrEqual(1);
      expect(world.spent).toBeLessThanOrEqual(USD);
    });
  }

  it('exceed a Bounded budget by no more than what was under way cost beyond its estimate', async () => {
    const world = await SpendingWorld.of(50, { amount: (10n * USD).toString(), enforcement: 'Bounded' });
    // Each is taken for a dollar, and costs two.
    const asked = world.spenders.flatMap((one) => Array.from({ length: 20 }, () => one.ask(100, 200, 500)));
    await world.pass(5000);
    const count = served(await Promise.all(asked));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(10);
    expect(world.spent).toBe(2n * BigInt(count) * USD);
    await world.pass(15_000);
    expect((await settled(world, world.spenders[3] as Spender)).served).toBe(false);
  });
});

async function settled(world: SpendingWorld, spender: Spender, cents = 100): Promise<Outcome> {
  const asked = spender.ask(cents);
  await world.pass(400);
  return asked;
}

it('let one active pod of fifty spend all of a budget but a hundredth, and no more', async () => {
  const world = await SpendingWorld.of(50);
  const [active] = world.spenders as [Spender];
  const refused: Outcome[] = [];
  for (let i = 0; i < 12_000 && refused.length < 40; i++) {
    void active.ask(1).then((outcome) => outcome.served || refused.push(outcome));
    await world.pass(10, 10);
  }
  expect(world.spent).toBeLessThanOrEqual(100n * USD);
  expect(world.spent).toBeGreaterThanOrEqual(99n * USD);
});

it('follow demand that hops between pods every second, with hardly a false refusal', async () => {
  const world = await SpendingWorld.of(10);
  const outcomes: Outcome[] = [];
  let asked = 0;
  // Estimates are a quarter too high.
  while (world.spent < 97n * USD && asked < 4000) {
    const active = world.spenders[Math.floor(asked / 25) % 10] as Spender;
    void active.ask(5, 4).then((outcome) => outcomes.push(outcome));
    asked++;
    await world.pass(40, 4);
  }
  await world.pass(1000);
  expect(world.spent).toBeGreaterThanOrEqual(97n * USD);
  expect((outcomes.length - served(outcomes)) / asked).toBeLessThanOrEqual(0.01);
});

it('coalesce: whoever waits together waits for one report', async () => {
  const world = await SpendingWorld.of(1);
  const before = world.reports;
  const asked = Array.from({ length: 50 }, () => (world.spenders[0] as Spender).ask(1, 1, 100));
  await world.pass(60);
  expect(served(await Promise.all(asked))).toBe(50);
  expect(world.reports - before).toBeLessThanOrEqual(3);
});

describe('without the operator', () => {
  it('spend the lease in hand, then what one pod may spend in an outage, and no more', async () => {
    const allowUpTo = (2n * USD).toString();
    const world = await SpendingWorld.of(3, { enforcement: 'Bounded', allowUpTo });
    const [one] = world.spenders as [Spender];
    expect((await settled(world, one)).served).toBe(true);
    one.isolated = true;
    // The next regular report tells it.
    await world.pass(12_000, 20);
    const before = world.spent;
    const held = BigInt(Math.round(Number((one.budgets.standing()[0] as { leftUsd: string }).leftUsd) * 100));
    let more = 0;
    for (let i = 0; i < 10_000; i++) {
      if ((await settledNow(world, one)).served) more++;
    }
    expect(BigInt(more)).toBe(held + 200n);
    expect(world.spent - before).toBe(held * CENT + 2n * USD);
    one.isolated = false;
    await world.pass(30_000, 20);
    expect((await settled(world, one)).served).toBe(true);
    // What was spent meanwhile is known to all, a thousand rows with each report.
    await world.pass(60_000, 20);
    const { counted } = world.leader.leasing.standing(world.budget, '');
    expect(counted).toBe(world.spent);
  });

  it('refuse in a Strict budget once the lease is spent, without making anybody wait', async () => {
    const world = await SpendingWorld.of(2);
    const [one] = world.spenders as [Spender];
    for (const each of world.spenders) each.isolated = true;
    await world.pass(12_000, 20);
    const outcome = await settledNow(world, one);
    expect(outcome).toMatchObject({ served: false, waitedMs: 0 });
    expect(outcome.refusal?.error.code).toBe('budget_unavailable');
  });

  async function settledNow(world: SpendingWorld, spender: Spender): Promise<Outcome> {
    const asked = spender.ask(1);
    await world.pass(1, 1);
    return asked;
  }
});

it('keep the bound through takeovers, two leaders at once, and pods that are cut off', async () => {
  const world = await SpendingWorld.of(40, { amount: (50n * USD).toString() });
  let random = 7;
  const next = (below: number) => (random = (random * 48_271) % 2_147_483_647) % below;
  for (let turn = 0; turn < 400; turn++) {
    const spender = world.spenders[next(40)] as Spender;
    void spender.ask(1 + next(40), 1, 50 + next(2000));
    if (turn % 60 === 30) spender.isolated = true;
    if (turn % 60 === 59) for (const one of world.spenders) one.isolated = false;
    if (turn % 100 === 50) {
      const former = world.leader;
      await world.elect();
      // Its clock stood still: some still talk to it.
      world.leader = turn % 200 === 50 ? former : world.leader;
    }
    await world.pass(50, 10);
    expect(world.spent + world.underWay).toBeLessThanOrEqual(50n * USD);
  }
  expect(world.spent).toBeGreaterThan(0n);
});

it('hold for thousands of sidecars', async () => {
  const world = await SpendingWorld.of(2000, { amount: (30n * USD).toString(), leaseWaitMs: 1000 });
  for (let round = 0; round < 3; round++) {
    for (const spender of world.spenders) void spender.ask(1, 1, 300);
    await world.pass(3000, 25);
    expect(world.spent + world.underWay).toBeLessThanOrEqual(30n * USD);
  }
  expect(world.spent).toBeGreaterThanOrEqual(29n * USD);
});
