/** Three keys with limits of their own at one provider, and three times as many requests as they allow together. */
import type { CredentialBody } from '../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import type { Sample } from './load.ts';
import { type Figure, percent, type Scenario, type Stage } from './scenario.ts';

const A_MINUTE = { a: 60, b: 120, c: 240 };
const SUM = Object.values(A_MINUTE).reduce((sum, each) => sum + each);
const MINUTES = 2;
const BAR = 0.95;

export const KEY_STORM: Scenario = {
  name: 'key-storm',
  about: 'a storm on three keys with limits: how much of what they allow together is served',
  async run(stage): Promise<Figure[]> {
    return [...(await storm(stage, true)), ...(await storm(stage, false))];
  },
};

async function storm(stage: Stage, configured: boolean): Promise<Figure[]> {
  const providers = await stage.providers({
    main: {
      firstTokenMs: 100,
      limit: {
        requests: 0,
        windowMs: 60_000,
        of: Object.fromEntries(Object.entries(A_MINUTE).map(([name, most]) => [`-${name}`, most])),
      },
    },
  });
  const credentials = Object.entries(A_MINUTE).map(
    ([name, requestsPerMinute]): CredentialBody => ({
      name,
      id: `shop/main/${name}`,
      type: 'APIKey',
      weight: 1,
      ...(configured && { limits: { requestsPerMinute } }),
    }),
  );
  const item = providerItem('main', providers.urls['main'] ?? '', { credentials });
  const sidecar = await stage.sidecar([
    configured ? { ...item, requires: ['limits'] } : item,
    routeItem('r', ['m'], [rule([target('main')])]),
  ]);
  const how = configured ? 'limits configured' : 'only 429s tell';
  stage.note(`${how}: ${MINUTES} minutes`);
  const began = Date.now();
  const samples = await sidecar.drive({ perSecond: (3 * SUM) / 60, durationMs: MINUTES * 60_000 });
  const served = samples.filter(({ whole }) => whole).length;
  const possible = configured ? SUM * MINUTES : inWindows(samples, began);
  const goodput = served / possible;
  const refused = samples.filter(({ status }) => status === 429).length;
  const counts = (await providers.counts())['main'];
  return [
    {
      what: `goodput, ${how}`,
      value: `${percent(goodput)} (${served} of ${samples.length} asked)`,
      bar: `>= ${percent(BAR)} of the sum of the keys`,
      met: goodput >= BAR,
    },
    {
      what: `429s of the provider, ${how}`,
      value: String(counts?.refused ?? 0),
      ...(configured && { bar: '0', met: counts?.refused === 0 }),
    },
    { what: `429s to callers, ${how}`, value: `${refused} of ${samples.length}` },
  ];
}

/** What keys that are counted in minutes by the clock allow, of what was asked in each of them. */
function inWindows(samples: readonly Sample[], began: number): number {
  const asked = new Map<number, number>();
  for (const { at } of samples) {
    const window = Math.floor((began + at) / 60_000);
    asked.set(window, (asked.get(window) ?? 0) + 1);
  }
  let sum = 0;
  for (const count of asked.values()) sum += Math.min(SUM, count);
  return sum;
}
