/** The primary is down under 200 requests a second: by refusing, by answering 503, and by saying nothing at all. */
import { requirementsOf } from '../../sidecar/snapshot/additions.ts';
import type { RuleBody } from '../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { quantile } from '../dataplane/statistics.ts';
import type { Sample } from './load.ts';
import type { ProviderScript } from './provider-script.ts';
import {
  between,
  type Figure,
  failures,
  ms,
  pause,
  percent,
  type Scenario,
  type Stage,
  shareOf,
} from './scenario.ts';

const BEFORE_MS = 15_000;
const OUTAGE_MS = 15_000;
const AFTER_MS = 10_000;
const PER_SECOND = 200;
// Few tokens: it is about first ones.
const WELL: ProviderScript = { firstTokenMs: 200, tokens: 3, tokenMs: 0 };
const ADDED_MS = 1000;

const PRICED = {
  models: [{ name: 'm', upstreamName: 'm', prices: { input: 1_000_000, output: 4_000_000 } }],
};

export const OUTAGE: Scenario = {
  name: 'outage',
  about:
    'the primary refuses, answers 503, or takes requests and says nothing: who notices, and for how long',
  async run(stage): Promise<Figure[]> {
    const figures: Figure[] = [];
    for (const fault of ['Refuse', 'Status', 'Blackhole'] as const) {
      figures.push(...(await outage(stage, fault, fault, {})));
    }
    figures.push(...(await outage(stage, 'Blackhole', 'Blackhole, hedged', HEDGED)));
    return figures;
  },
};

/** Sooner against silence than a rule that says nothing of it. */
const HEDGED: Partial<RuleBody> = {
  hedge: { afterPercentile: 95, maxExtraCostPercent: 5, crossModel: true },
  learned: { timeouts: true },
};

async function outage(
  stage: Stage,
  fault: NonNullable<ProviderScript['fault']>,
  name: string,
  against: Partial<RuleBody>,
): Promise<Figure[]> {
  const providers = await stage.providers({ a: WELL, b: { ...WELL, firstTokenMs: 250 } });
  const { urls } = providers;
  const targets = [target('a', { model: 'm' }), target('b', { model: 'm', priority: 1 })];
  const of = rule(targets, against);
  const route = routeItem('r', ['m'], [of]);
  const sidecar = await stage.sidecar([
    providerItem('a', urls['a'] ?? '', PRICED),
    providerItem('b', urls['b'] ?? '', PRICED),
    { ...route, ...requirementsOf(route) },
  ]);
  const running = sidecar.drive({ perSecond: PER_SECOND, durationMs: BEFORE_MS + OUTAGE_MS + AFTER_MS });
  await pause(BEFORE_MS);
  await providers.set('a', { ...WELL, fault });
  stage.note(`a is down: ${name}`);
  await pause(OUTAGE_MS);
  await providers.set('a', WELL);
  const samples = await running;
  const usual = quantile(times(between(samples, 5000, BEFORE_MS - 1000)), 0.99);
  const during = between(samples, BEFORE_MS, BEFORE_MS + OUTAGE_MS);
  const added = quantile(times(during), 0.99) - usual;
  // What had begun before the outage may break with it; nothing that begins in it may.
  const failed = failures(during);
  return [
    { what: `${name}: p99 before`, value: ms(usual) },
    {
      what: `${name}: added at p99 during the outage`,
      value: ms(added),
      bar: `<= ${ADDED_MS} ms`,
      met: added <= ADDED_MS,
    },
    {
      what: `${name}: requests that failed`,
      value: failed.said,
      bar: '0',
      met: failed.count === 0,
    },
    { what: `${name}: served by the other`, value: percent(shareOf(during, 'b')) },
  ];
}

const times = (samples: readonly Sample[]): number[] => samples.map(({ firstMs }) => firstMs);
