import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bucket, type RateHold } from '../../../../sidecar/limits/rates/bucket.ts';
import { PER_MS, type RateLimitBody, type RatePer } from '../../../../sidecar/snapshot/shapes/rate-limits.ts';

const NORMAL = 2;
/** Nobody to share with. */
const ALONE = { shared: false, inTouch: () => false, pods: () => undefined };

const body = (over: Partial<RateLimitBody>): RateLimitBody => ({
  id: 'route/ns/r/rule/l',
  key: [],
  maxKeys: 50,
  maxWaitMs: 0,
  ...over,
});

interface Event {
  after: number;
  amount: number;
  end: 'Done' | 'Refund' | 'Half' | 'More';
}

const events = fc.array(
  fc.record({
    after: fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 40, noNaN: true }),
      fc.integer({ min: 0, max: 3000 }),
    ),
    amount: fc.integer({ min: 1, max: 12 }),
    end: fc.constantFrom<Event['end']>('Done', 'Refund', 'Half'),
  }),
  { minLength: 1, maxLength: 150 },
);

describe('a limit of a rate', () => {
  it('holds in every window, with and without a burst, whatever is given back', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<RatePer>('Second', 'Minute'),
        fc.integer({ min: 1, max: 60 }),
        fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
        events,
        (per, amount, burst, list) => {
          const most = burst === undefined ? undefined : Math.min(burst, amount);
          const rate = { of: 'Tokens' as const, amount, per, ...(most !== undefined && { burst: most }) };
          const bucket = new Bucket(body({ rate }), '');
          const counted: { at: number; amount: number }[] = [];
          let now = 1000;
          for (const { after, amount: asked, end } of list) {
            now += per === 'Minute' ? after * 20 : after;
            const taken = bucket.amountOf(asked);
            if (bucket.shortage(taken, undefined, NORMAL, ALONE, now)) continue;
            const hold = bucket.take(taken, undefined, now);
            bucket.end(hold, end === 'Refund', now);
            if (end === 'Half') bucket.change(hold, Math.floor(taken / 2), now);
            const kept = end === 'Refund' ? 0 : end === 'Half' ? Math.floor(taken / 2) : taken;
            counted.push({ at: now, amount: kept });
          }
          const length = PER_MS[per];
          for (const { at } of counted) {
            const window = counted.filter((one) => one.at > at - length && one.at <= at);
            expect(window.reduce((sum, one) => sum + one.amount, 0)).toBeLessThanOrEqual(
              amount + (most ?? 0),
            );
          }
          expect(bucket.inFlight).toBe(0);
          expect(bucket.used(now + length + 1000)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('spreads use evenly but for its burst', () => {
    const bucket = new Bucket(body({ rate: { of: 'Requests', amount: 600, per: 'Minute', burst: 10 } }), '');
    let let1 = 0;
    for (let now = 1000; now < 61_000; now += 10) {
      if (bucket.shortage(1, undefined, NORMAL, ALONE, now)) continue;
      bucket.end(bucket.take(1, undefined, now), false, now);
      let1++;
    }
    expect(let1).toBeGreaterThan(580);
    expect(let1).toBeLessThanOrEqual(610);
  });

  it('says when there is room again, and then there is', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 12, max: 30 }), (list, amount) => {
        const bucket = new Bucket(body({ rate: { of: 'Tokens', amount, per: 'Second' } }), '');
        let now = 1000;
        for (const { after, amount: asked } of list) {
          now += after;
          const short = bucket.shortage(asked, undefined, NORMAL, ALONE, now);
          if (!short) bucket.end(bucket.take(asked, undefined, now), false, now);
          expect(short?.until ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
          const then = short && bucket.shortage(asked, undefined, NORMAL, ALONE, short.until + 1);
          expect(then).toBeUndefined();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('of requests under way is never exceeded, and never loses a place', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 200 }),
        (most, comes) => {
          const bucket = new Bucket(body({ concurrency: most }), '');
          const holds: RateHold[] = [];
          for (const [now, come] of comes.entries()) {
            const short = bucket.shortage(0, undefined, NORMAL, ALONE, now);
            expect(short === undefined).toBe(holds.length < most);
            const hold = come ? undefined : holds.shift();
            if (come && !short) holds.push(bucket.take(0, undefined, now));
            if (hold) bucket.end(hold, now % 2 === 0, now);
            expect(bucket.inFlight).toBe(holds.length);
          }
        },
      ),
    );
  });
});

describe('a limit that is shared fairly', () => {
  const amount = 100;
  const fair = (weights: { value: string; weight: number }[] = []) =>
    new Bucket(
      body({
        rate: { of: 'Requests', amount, per: 'Second' },
        fair: { by: [{ by: 'Header', header: 'x-tenant' }], weights },
      }),
      '',
    );

  /** What each had of ten seconds, after two to settle, who asks so often a second. */
  function share(bucket: Bucket, rps: Record<string, number>): Record<string, number> {
    const had: Record<string, number> = {};
    const due: Record<string, number> = {};
    for (let now = 0; now < 12_000; now += 1) {
      for (const [key, rate] of Object.entries(rps)) {
        due[key] = (due[key] ?? 0) + rate / 1000;
        while (due[key] >= 1) {
          due[key] = due[key] - 1;
          const sharer = bucket.sharer(key, 1, now);
          if (bucket.shortage(1, sharer, NORMAL, ALONE, now)) continue;
          bucket.end(bucket.take(1, sharer, now), false, now);
          if (now >= 2000) had[key] = (had[key] ?? 0) + 1;
        }
      }
    }
    return had;
  }

  it('gives those who ask more than there is the same, however much they ask', () => {
    const had = share(fair(), { a: 1000, b: 200, c: 90 });
    for (const key of ['a', 'b', 'c']) {
      expect(had[key]).toBeGreaterThan(280);
      expect(had[key]).toBeLessThan(380);
    }
  });

  it('goes by weight', () => {
    const had = share(fair([{ value: 'a', weight: 3 }]), { a: 500, b: 500 });
    expect((had['a'] as number) / (had['b'] as number)).toBeGreaterThan(2.5);
    expect((had['a'] as number) / (had['b'] as number)).toBeLessThan(3.5);
  });

  it('leaves to others what one does not use', () => {
    const had = share(fair(), { a: 500, b: 10 });
    expect(had['b']).toBeGreaterThan(95);
    expect(had['a']).toBeGreaterThan(840);
    expect(share(fair(), { a: 500 })['a']).toBeGreaterThan(970);
  });

  it('starves nobody, whoever asks how much', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(5, 20, 50, 400), { minLength: 2, maxLength: 8 }), (rates) => {
        const had = share(fair(), Object.fromEntries(rates.map((rps, i) => [`k${i}`, rps])));
        const part = (amount / rates.length) * 10;
        for (const [i, rps] of rates.entries()) {
          expect(had[`k${i}`] ?? 0).toBeGreaterThanOrEqual(Math.min(part, rps * 10) * 0.75);
        }
      }),
      { numRuns: 25 },
    );
  });
});
