/** Metrics of budgets. Names of budgets are those that platform and teams gave them; beyond a bound they are told together. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Reading } from './readings.ts';
import type { BudgetMetrics } from './watching.ts';

const MAX_BUDGETS = 200;
const OTHER = '_other';

export function budgetMetrics(prefix: string, registry: Registry): BudgetMetrics {
  const registers = [registry];
  const keys = new Gauge({
    name: `${prefix}budget_keys`,
    help: 'Keys of budgets that anything was spent by in their present window, by how much of their amount is spent.',
    labelNames: ['spent'],
    registers,
  });
  const used = new Gauge({
    name: `${prefix}budget_used_ratio`,
    help: 'Of each budget, the part of its amount that the key has spent that is nearest to it.',
    labelNames: ['budget'],
    registers,
  });
  const alerts = new Counter({
    name: `${prefix}budget_alerts_total`,
    help: 'Alerts told, by the percentage that was reached.',
    labelNames: ['percent'],
    registers,
  });
  const webhooks = new Counter({
    name: `${prefix}budget_webhooks_total`,
    help: 'Calls of webhooks, by result.',
    labelNames: ['result'],
    registers,
  });
  return {
    stand(readings) {
      const count = { Below: 0, Most: 0, All: 0 };
      for (const { percent } of readings) count[percent >= 100 ? 'All' : percent >= 80 ? 'Most' : 'Below']++;
      for (const [spent, number] of Object.entries(count)) keys.set({ spent }, number);
      used.reset();
      for (const [budget, percent] of fullest(readings)) used.set({ budget }, percent / 100);
    },
    alerted: (percent) => alerts.inc({ percent }),
    webhook: (result) => webhooks.inc({ result }),
  };
}

/** Percent by budget; those beyond the bound, the least full ones, as one. */
function fullest(readings: readonly Reading[]): [string, number][] {
  const percents = new Map<string, number>();
  for (const { budget, percent } of readings) {
    const { id } = budget.body;
    percents.set(id, Math.max(percents.get(id) ?? 0, percent));
  }
  const sorted = [...percents].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const rest = sorted.slice(MAX_BUDGETS);
  const other: [string, number][] = rest[0] ? [[OTHER, rest[0][1]]] : [];
  return [...sorted.slice(0, MAX_BUDGETS), ...other];
}
