/**
 * `node bench/budgets.ts`: CPU that budgets add to a request with a lease in hand: set aside before the attempt, settled with its
 * row; and to a request of a route without budgets.
 */
import type { Exchange } from '../sidecar/exchange.ts';
import { Budgets } from '../sidecar/limits/budgets/budgets.ts';
import type { SpendHold } from '../sidecar/limits/budgets/hold.ts';
import type { Candidate } from '../sidecar/routing/plan.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';
import type { EffectiveSnapshot } from '../sidecar/snapshot/effective.ts';
import type { BudgetBody, BudgetKeyPart } from '../sidecar/snapshot/shapes/budgets.ts';

const ROUNDS = 15;
const REQUESTS = 40_000;

const candidate = {
  target: { name: 't', patch: { set: [], default: [], remove: [], headers: [] } },
  providerId: 'provider/shop/main',
  upstreamModel: 'm',
  model: {
    name: 'm',
    upstreamName: 'm',
    contextWindow: 400_000,
    maxOutputTokens: 128_000,
    prices: { input: 250_000, cacheRead: 25_000, output: 2_000_000 },
  },
} as unknown as Candidate;

const exchangeFor = (route: string): Exchange =>
  ({
    route,
    dialect: { operation: 'chat' },
    facts: {
      inputTokens: 900,
      maxOutputTokens: 500,
      choices: 1,
      needs: 'Chat',
      pinned: false,
      header: (name: string) => (name === 'x-team' ? 'checkout' : undefined),
    },
    envelope: {
      serverTools: false,
      attachments: { images: 0, audio: 0, files: 0, bytes: 0 },
      roles: { system: 1, user: 3, assistant: 2 },
      body: Buffer.alloc(4000),
      tokenIds: 0,
    },
    plan: { rule: {} },
    attempts: [],
    warnings: [],
  }) as unknown as Exchange;

const budget = (id: string, key: BudgetKeyPart[], enforcement: BudgetBody['enforcement']): BudgetBody => ({
  id: `route/shop/assistant/${id}`,
  amount: '1000000000000000',
  period: { unit: 'Month', timeZone: 'UTC' },
  key,
  maxKeys: 1000,
  enforcement,
  onExhausted: 'Reject',
  allowUpTo: '0',
  leaseWaitMs: 200,
});

function budgetsWith(list: BudgetBody[]): Budgets {
  const budgets = new Budgets({
    clock: systemClock,
    estimates: { inputTokens: (_, tokens) => tokens * 1.1, outputReserve: () => 700 },
    pod: { namespace: 'shop', workload: 'web' },
  });
  const body = { namespace: 'shop', name: 'assistant', uid: 'u', rules: [], budgets: list };
  budgets.apply({ routes: [{ id: 'route/shop/assistant', body }] } as unknown as EffectiveSnapshot);
  return budgets;
}

/** Nanoseconds of CPU a request, the median of rounds. */
function measure(list: BudgetBody[], route = 'shop/assistant'): number {
  const budgets = budgetsWith(list);
  const exchange = exchangeFor(route);
  const settlement = { usage: {}, source: 'Provider', costNanoUsd: 812_345n };
  budgets.take(candidate, exchange, performance.now());
  const leases = (budgets.demands([]) ?? []).map((demand) => ({
    ...demand,
    window: Date.UTC(2026, 10) / 1000,
    endsInMs: 1e9,
    granted: '900000000000000',
    ttlMs: 900_000,
    term: 1,
  }));
  budgets.answered(leases, performance.now());
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < REQUESTS; i++) {
      const spend = budgets.take(candidate, exchange, performance.now()) as SpendHold | undefined;
      exchange.attempts =
        spend === undefined ? [] : ([{ spend, settlement }] as unknown as Exchange['attempts']);
      budgets.settle(exchange);
    }
    const { user, system } = process.cpuUsage(before);
    times.push(((user + system) * 1000) / REQUESTS);
  }
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
}

const header: BudgetKeyPart = { by: 'Header', header: 'x-team' };
const cases: [string, BudgetBody[], string?][] = [
  ['no budgets on the route', [budget('a', [], 'Bounded')], 'shop/other'],
  ['one, no key, Bounded', [budget('a', [], 'Bounded')]],
  ['one, no key, Strict', [budget('a', [], 'Strict')]],
  ['one, by workload and header', [budget('a', [{ by: 'Workload' }, header], 'Bounded')]],
  [
    'three',
    [
      budget('a', [], 'Bounded'),
      budget('b', [{ by: 'Namespace' }], 'Bounded'),
      budget('c', [header], 'Bounded'),
    ],
  ],
];
for (const [name, list, route] of cases) {
  process.stdout.write(`${name.padEnd(32)} ${(measure(list, route) / 1000).toFixed(2)} us\n`);
}
