import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Semconv } from '../../../sidecar/telemetry/instruments.ts';
import { KnownNames } from '../../../sidecar/telemetry/known-names.ts';
import { Meter } from '../../../sidecar/telemetry/meter.ts';
import { plainAttempt } from '../../../sidecar/telemetry/plain.ts';
import { isPlainCount } from '../../../sidecar/telemetry/plain-series.ts';
import { MetricsRecorder } from '../../../sidecar/telemetry/record-metrics.ts';
import { finished, made, requests, WORLD } from './plain-requests.ts';

function recorder(semconv: Semconv): { meter: Meter; recorder: MetricsRecorder } {
  const meter = new Meter(semconv);
  return { meter, recorder: new MetricsRecorder(meter, new KnownNames(WORLD.snapshot)) };
}

describe('series of plain requests', () => {
  it.each<[Semconv]>([['latest'], ['older'], ['both']])(
    'are those that any request counts in, by %s',
    async (semconv) => {
      const lists = fc.array(requests, { minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(lists, fc.nat(12), async (list, change) => {
          const [short, long] = [recorder(semconv), recorder(semconv)];
          for (const [i, one] of list.entries()) {
            const end = made(one);
            short.recorder.record(end, plainAttempt(end));
            long.recorder.record(end);
            if (i !== change) continue;
            // The configuration is gone, and comes back: what counted until then is deleted.
            for (const { recorder: each } of [short, long]) {
              each.changeNames(new KnownNames(undefined));
              each.changeNames(new KnownNames(WORLD.snapshot));
            }
          }
          expect(await short.meter.page()).toBe(await long.meter.page());
        }),
        { numRuns: 60 },
      );
    },
  );

  it('take a chat that is answered at once', () => {
    const end = finished({});
    const plain = plainAttempt(end);
    expect(plain && isPlainCount(end, plain)).toBe(true);
  });
});
