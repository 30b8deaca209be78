import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../../sidecar/exchange.ts';
import { Sightings } from '../../../../sidecar/routing/outlook/sightings.ts';
import type { Candidate } from '../../../../sidecar/routing/plan.ts';
import { MAX_FLEET_TOPIC_BYTES } from '../../../../sidecar/snapshot/fleet/messages.ts';
import { MAX_SIGHTINGS, readProvidersReport } from '../../../../sidecar/snapshot/fleet/providers.ts';
import { classOf, quantileOf, SKETCH_CLASSES } from '../../../../sidecar/snapshot/fleet/sketch.ts';
import { facts, model } from '../support.ts';

const candidate = (name: string, asked = 'm', isDeclared = true) =>
  ({
    providerId: `provider/ns/${name}`,
    upstreamModel: asked,
    model: isDeclared ? model(asked) : undefined,
  }) as Candidate;
const exchange = { facts: facts({ stream: true }) } as never;

function attempt(of: Candidate, over: Partial<Attempt> = {}): Attempt {
  return {
    candidate: of,
    startedAt: 0,
    committedAt: 100,
    endedAt: 120,
    cancelled: false,
    ...over,
  } as Attempt;
}

function see(sightings: Sightings, ...attempts: Attempt[]): void {
  for (const each of attempts) {
    sightings.started(each);
    sightings.ended(each, exchange);
  }
}

const failed = (failure: Attempt['failure'], endedAt = 50): Partial<Attempt> => ({
  failure,
  committedAt: undefined,
  endedAt,
});

describe('what a pod saw', () => {
  it('is told once: counts, latencies and failures since the last time', () => {
    const sightings = new Sightings(0, { headroom: () => 12 });
    const a = candidate('a');
    see(
      sightings,
      attempt(a),
      attempt(a, { committedAt: 400 }),
      attempt(a, failed('ServerError')),
      attempt(a, failed('Timeout', 30_000)),
      attempt(a, failed('Unauthorized')),
      // Nothing of the provider: the caller's fault, and a caller that left.
      attempt(a, failed('Caller')),
      attempt(a, { cancelled: true, committedAt: undefined }),
    );
    const latency = [classOf(100), 1, classOf(400), 1, classOf(30_000), 1];
    expect(sightings.take(20_000)).toEqual({
      ms: 20_000,
      sightings: [
        {
          provider: 'provider/ns/a',
          model: 'm',
          ok: 2,
          errors: { ServerError: 1, Timeout: 1, Unauthorized: 1 },
          latency,
          headroom: 12,
        },
      ],
    });
    expect(sightings.take(40_000)).toBeUndefined();
  });

  it('counts names that nobody declared as one', () => {
    const sightings = new Sightings(0);
    for (let n = 0; n < 1000; n++) see(sightings, attempt(candidate('a', `invented-${n}`, false)));
    expect(sightings.take(1)?.sightings.map(({ model: name, ok }) => [name, ok])).toEqual([['_OTHER', 1000]]);
  });

  it('names an open breaker as long as it is open, unless a caller may have invented its model', () => {
    const sightings = new Sightings(0);
    see(sightings, attempt(candidate('a'), failed('ServerError')));
    const event = { kind: 'Ejected', providerId: 'provider/ns/a', ms: 5_000 } as const;
    expect(sightings.breaker({ ...event, scope: 'Model', name: 'm' }, 0)).toBe(true);
    expect(sightings.breaker({ ...event, scope: 'Endpoint', name: '' }, 0)).toBe(true);
    expect(sightings.breaker({ ...event, scope: 'Model', name: 'invented' }, 0)).toBe(false);
    expect(sightings.breaker({ ...event, scope: 'Credential', name: 'ns/a/k' }, 0)).toBe(false);
    const open = (now: number) =>
      sightings.take(now)?.sightings.flatMap(({ model: name = '', open: is }) => (is ? [name] : []));
    expect(open(1_000)).toEqual(['m', '']);
    sightings.breaker({ ...event, kind: 'Recovered', scope: 'Endpoint', name: '', ms: 0 }, 2_000);
    expect(open(2_000)).toEqual(['m']);
    expect(open(5_000)).toBeUndefined();
  });

  it('forgets what is configured no more', () => {
    const sightings = new Sightings(0);
    see(sightings, attempt(candidate('a')), attempt(candidate('b')));
    sightings.retain(new Set(['provider/ns/b']));
    expect(sightings.of(candidate('a'))).toBeUndefined();
    expect(sightings.take(1)?.sightings.map(({ provider }) => provider)).toEqual(['provider/ns/b']);
  });

  it('always makes a report that fits, and that the operator takes', () => {
    const seen = fc.array(
      fc.record({
        provider: fc.nat(99),
        model: fc.nat(9),
        failure: fc.option(
          fc.constantFrom('Connect', 'Timeout', 'RateLimited', 'ServerError', 'Unauthorized'),
          { nil: undefined },
        ),
        ms: fc.double({ min: 0, max: 1e7, noNaN: true }),
      }),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(seen, (list) => {
        const sightings = new Sightings(0);
        for (const { provider, model: name, failure, ms } of list) {
          const of = candidate(`p${provider}`, `m${name}`);
          see(sightings, attempt(of, failure ? failed(failure, ms) : { committedAt: ms, endedAt: ms }));
        }
        const report = sightings.take(1);
        expect(report === undefined).toBe(list.length === 0);
        const sent = JSON.stringify(report ?? { ms: 0, sightings: [] });
        expect(readProvidersReport(JSON.parse(sent))).toEqual(report ?? { ms: 0, sightings: [] });
        expect(report?.sightings.length ?? 0).toBeLessThanOrEqual(MAX_SIGHTINGS);
        expect(sent.length).toBeLessThan(MAX_FLEET_TOPIC_BYTES);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a sketch', () => {
  it('gives quantiles within one class, and the same merged as counted at once', () => {
    const values = fc.array(fc.integer({ min: 8, max: 300_000 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(values, values, fc.constantFrom(0.5, 0.95), (one, other, share) => {
        const count = (list: number[]): number[] => {
          const counts = Array.from({ length: SKETCH_CLASSES }, () => 0);
          for (const ms of list) counts[classOf(ms)]!++;
          return counts;
        };
        const merged = count(one).map((n, i) => n + (count(other)[i] ?? 0));
        expect(merged).toEqual(count([...one, ...other]));
        const sorted = [...one, ...other].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
        const found = quantileOf(merged, share) as number;
        expect(found / exact).toBeGreaterThan(1 / Math.SQRT2 - 0.001);
        expect(found / exact).toBeLessThan(Math.SQRT2 + 0.001);
      }),
    );
    expect(quantileOf([], 0.5)).toBeUndefined();
    expect(classOf(Number.NaN)).toBe(0);
    expect(classOf(Number.POSITIVE_INFINITY)).toBe(SKETCH_CLASSES - 1);
  });
});
