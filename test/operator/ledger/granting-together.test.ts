/** Several budgets in one report, and several reports at once: what is kept for one is not lost to the write for another. */
import { expect, it } from 'vitest';
import { EscrowStore } from '../../../operator/ledger/leases/escrow-store.ts';
import { Leasing } from '../../../operator/ledger/leases/leasing.ts';
import type { BudgetDemand } from '../../../sidecar/snapshot/lease-messages.ts';
import { budgetOf, USD } from './fleet.ts';
import { MemoryStore } from './memory-store.ts';

const ALL = budgetOf({ id: 'route/shop/assistant/all', amount: (1_000_000n * USD).toString() });
const EACH = budgetOf({ id: 'route/shop/assistant/each', amount: (1000n * USD).toString() });

function* nothing(): Generator<[name: string, nanoUsd: bigint]> {}

const NOVEMBER = Date.parse('2026-11-01T00:00:00Z') / 1000;

async function leasing() {
  const opened = new Leasing({
    ledger: { spent: () => 0n, charges: nothing },
    escrows: new EscrowStore(new MemoryStore()),
    budgetOf: (_pod, id) => [ALL, EACH].find((budget) => budget.id === id),
    term: () => 1,
    lives: () => true,
    monotonic: () => 0,
    wall: () => Date.parse('2026-11-20T12:00:00Z'),
    onProblem: (_what, error) => {
      throw error;
    },
  });
  await opened.open();
  const held = new Map<string, bigint>();
  /** Dollars that are granted of each budget to the pod, which needs `needs` more. */
  return async (uid: string, needs: Readonly<Record<string, bigint>>) => {
    const demands = Object.entries(needs).map(([budget, dollars]): BudgetDemand => {
      const granted = (held.get(`${uid} ${budget}`) ?? 0n).toString();
      const need = (dollars * USD).toString();
      return {
        budget,
        key: '',
        window: NOVEMBER,
        granted,
        open: granted,
        reserved: granted,
        need,
        want: '0',
      };
    });
    const leases = await opened.answer({ uid, namespace: 'shop' }, 'e', demands);
    for (const { budget, granted } of leases) held.set(`${uid} ${budget}`, BigInt(granted));
    return leases.map(({ budget, granted, exhaustedForMs }) => {
      return { budget, dollars: BigInt(granted) / USD, exhaustedForMs };
    });
  };
}

it('grants what is kept already, although another budget of the report has to be kept first', async () => {
  const ask = await leasing();
  await ask('pod-1', { [ALL.id]: 5n });
  expect(await ask('pod-1', { [EACH.id]: 1n, [ALL.id]: 100n })).toEqual([
    { budget: EACH.id, dollars: 1n, exhaustedForMs: undefined },
    { budget: ALL.id, dollars: 105n, exhaustedForMs: undefined },
  ]);
});

it('grants everybody who asks at once', async () => {
  const ask = await leasing();
  const pods = Array.from({ length: 30 }, (_, i) => `pod-${i}`);
  for (let round = 1n; round <= 3n; round++) {
    const answers = await Promise.all(
      pods.map((pod, i) => ask(pod, i % 3 === 0 ? { [EACH.id]: 2n } : { [EACH.id]: 2n, [ALL.id]: 100n })),
    );
    for (const leases of answers) {
      for (const { budget, dollars, exhaustedForMs } of leases) {
        expect(exhaustedForMs).toBeUndefined();
        expect(dollars).toBe(round * (budget === ALL.id ? 100n : 2n));
      }
    }
  }
});
