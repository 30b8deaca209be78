/** Two answers in a hundred begin ten times as late, at either provider: what a second call beside them gains and costs. */
import { requirementsOf } from '../../sidecar/snapshot/additions.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { quantile } from '../dataplane/statistics.ts';
import type { Sample } from './load.ts';
import type { ProviderScript } from './provider-script.ts';
import { type Figure, ms, percent, type Scenario, shareOf } from './scenario.ts';

const DURATION_MS = 100_000;
const WARM_MS = 20_000;
const PER_SECOND = 30;
const TAILED: ProviderScript = { firstTokenMs: 300, tail: { share: 0.02, firstTokenMs: 3000 }, tokens: 50 };
const PRICED = {
  models: [{ name: 'm', upstreamName: 'm', prices: { input: 3_000_000, output: 15_000_000 } }],
};

export const SLOW_TAIL: Scenario = {
  name: 'slow-tail',
  about: 'two answers in a hundred are slow: hedging cuts the tail, for a few percent',
  async run(stage): Promise<Figure[]> {
    const { urls } = await stage.providers({ a: TAILED, b: TAILED });
    const targets = [target('a', { model: 'm' }), target('b', { model: 'm' })];
    const hedge = { afterPercentile: 95, maxExtraCostPercent: 5 };
    const hedged = routeItem('hedged', ['hedged'], [rule(targets, { hedge })]);
    const sidecar = await stage.sidecar([
      providerItem('a', urls['a'] ?? '', PRICED),
      providerItem('b', urls['b'] ?? '', PRICED),
      { ...hedged, ...requirementsOf(hedged) },
      routeItem('plain', ['plain'], [rule(targets)]),
    ]);
    const load = { perSecond: PER_SECOND, durationMs: DURATION_MS };
    const [without, with_] = await Promise.all([
      sidecar.drive({ ...load, model: 'plain' }),
      sidecar.drive({ ...load, model: 'hedged' }),
    ]);
    const before = quantile(times(without), 0.99);
    const after = quantile(times(with_), 0.99);
    const page = await (await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`)).text();
    const extra = costOf(page, 'shop/hedged') / costOf(page, 'shop/plain') - 1;
    const failed = [...without, ...with_].filter(({ whole }) => !whole).length;
    return [
      { what: 'p99 without hedging', value: ms(before) },
      { what: 'p99 with hedging', value: ms(after), bar: '<= 60 % of it', met: after <= 0.6 * before },
      { what: 'p50 with hedging', value: ms(quantile(times(with_), 0.5)) },
      { what: 'extra cost', value: percent(extra), bar: '<= 5 %', met: extra <= 0.05 },
      { what: 'hedges', value: hedgesOf(page) },
      { what: 'share of a', value: percent(shareOf(with_, 'a')) },
      { what: 'requests that failed', value: said(without, with_), bar: '0', met: failed === 0 },
    ];
  },
};

const times = (samples: readonly Sample[]): number[] =>
  samples.filter(({ at }) => at >= WARM_MS).map(({ firstMs }) => firstMs);

function said(...all: (readonly Sample[])[]): string {
  const failed = all.map((samples) => samples.filter(({ whole }) => !whole));
  const counts = failed.map(({ length }) => length).join(' without hedging, ');
  const statuses = [...new Set(failed.flat().map(({ status }) => status))].join(', ');
  return `${counts} with${statuses === '' ? '' : ` (status ${statuses})`}`;
}

const linesOf = (page: string, name: string): string[] =>
  page.split('\n').filter((line) => line.startsWith(`${name}{`));

const valueOf = (line: string): number => Number(line.slice(line.lastIndexOf(' ') + 1));

function costOf(page: string, route: string): number {
  const lines = linesOf(page, 'outrider_cost_usd_total').filter((line) => line.includes(`route="${route}"`));
  return lines.reduce((sum, line) => sum + valueOf(line), 0);
}

function hedgesOf(page: string): string {
  const told = linesOf(page, 'outrider_hedges_total').map((line) => {
    const outcome = /outcome="(\w+)"/.exec(line)?.[1] ?? '';
    return `${outcome} ${valueOf(line)}`;
  });
  return told.join(', ');
}
