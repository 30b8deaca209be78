/** Provider A goes from 200 ms to 1 s for a minute, B stays at 300 ms; one pod, 20 requests a second. */
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { quantile } from '../dataplane/statistics.ts';
import { between, type Figure, ms, pause, percent, type Scenario, shareOf } from './scenario.ts';

const BEFORE_MS = 20_000;
const SPIKE_MS = 60_000;
const AFTER_MS = 20_000;
const FAST = { firstTokenMs: 200 };
const SLOW = { firstTokenMs: 1000 };

export const LATENCY_SPIKE: Scenario = {
  name: 'latency-spike',
  about: 'one provider is slow for a minute: what callers feel, and when it has its traffic back',
  async run(stage): Promise<Figure[]> {
    const providers = await stage.providers({ a: FAST, b: { firstTokenMs: 300 } });
    const { urls } = providers;
    const sidecar = await stage.sidecar([
      providerItem('a', urls['a'] ?? '', {}),
      providerItem('b', urls['b'] ?? '', {}),
      routeItem('spike', ['m'], [rule([target('a'), target('b')], { strategy: { type: 'Latency' } })]),
      routeItem('steady', ['b-only'], [rule([target('b')])]),
    ]);
    const load = { perSecond: 20, durationMs: BEFORE_MS + SPIKE_MS + AFTER_MS };
    const running = sidecar.drive(load);
    await pause(BEFORE_MS);
    await providers.set('a', SLOW);
    stage.note('the spike begins');
    // B alone, in the same minute on the same machine.
    const alone = sidecar.drive({ model: 'b-only', perSecond: 5, durationMs: SPIKE_MS });
    await pause(SPIKE_MS);
    await providers.set('a', FAST);
    stage.note('the spike is over');
    const samples = await running;
    const bar = 1.15 * quantile(times(await alone), 0.95);
    const during = between(samples, BEFORE_MS, BEFORE_MS + SPIKE_MS);
    const p95 = quantile(times(during), 0.95);
    const end = BEFORE_MS + SPIKE_MS;
    const back = shareOf(between(samples, end + 10_000, end + AFTER_MS), 'a');
    const failed = samples.filter(({ whole }) => !whole).length;
    return [
      { what: 'p95 before the spike', value: ms(quantile(times(between(samples, 5000, BEFORE_MS)), 0.95)) },
      { what: 'p95 during the spike', value: ms(p95), bar: `<= 1.15 x B's: ${ms(bar)}`, met: p95 <= bar },
      { what: 'share of A during the spike', value: percent(shareOf(during, 'a')) },
      { what: 'share of A from 10 s after its end', value: percent(back), bar: '>= 90 %', met: back >= 0.9 },
      { what: 'requests that failed', value: `${failed} of ${samples.length}`, bar: '0', met: failed === 0 },
    ];
  },
};

const times = (samples: { firstMs: number }[]): number[] => samples.map(({ firstMs }) => firstMs);
