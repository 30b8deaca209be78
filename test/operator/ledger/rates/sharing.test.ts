import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fleet, limit, type Pod } from './fleet.ts';

const SECOND = 1000;
const MINUTE = 60_000;

function fleet(
  pods: number,
  amount: number,
  per: 'Second' | 'Minute' = 'Second',
  random?: () => number,
): Fleet {
  const world = new Fleet(limit({ rate: { of: 'Requests', amount, per } }), random);
  for (let i = 0; i < pods; i++) world.add(`p${i}`);
  return world;
}

/** The same numbers for the same seed, from 0 up to 1. */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const podAt = (world: Fleet, i: number): Pod => world.pods[i] as Pod;

describe('a limit of the whole fleet', () => {
  it('is nearly all there for one pod of fifty', () => {
    const world = fleet(50, 1000);
    podAt(world, 7).rps = 2000;
    world.run(5 * SECOND);
    const { now } = world.clock;
    world.run(10 * SECOND);
    expect(world.between(now, now + 10 * SECOND) / 10_000).toBeGreaterThanOrEqual(0.95);
    expect(world.most(SECOND)).toBeLessThanOrEqual(1000);
  });

  it('of a minute is nearly all there as well, and moves as it ages', () => {
    const world = fleet(50, 6000, 'Minute');
    podAt(world, 0).rps = 200;
    world.run(2 * MINUTE);
    expect(world.most(MINUTE)).toBeLessThanOrEqual(6000);
    const { now } = world.clock;
    podAt(world, 0).rps = 0;
    podAt(world, 1).rps = 200;
    world.run(2 * MINUTE);
    expect(world.most(MINUTE)).toBeLessThanOrEqual(6000);
    expect(world.between(now + MINUTE, now + 2 * MINUTE)).toBeGreaterThanOrEqual(5500);
  });

  it('is shared equally by those who want more than there is, and follows them within two seconds', () => {
    const world = fleet(10, 1000);
    podAt(world, 0).rps = 3000;
    world.run(5 * SECOND);
    podAt(world, 1).rps = 3000;
    world.run(2 * SECOND);
    const { now } = world.clock;
    world.run(3 * SECOND);
    for (const i of [0, 1]) {
      const had = world.between(now, now + 3 * SECOND, [podAt(world, i)]);
      expect(had).toBeGreaterThan(1250);
      expect(had).toBeLessThan(1650);
    }
    expect(world.most(SECOND)).toBeLessThanOrEqual(1000);
  });

  it('gives those who want little what they want, and the rest to the others', () => {
    const world = fleet(4, 1000);
    podAt(world, 0).rps = 5000;
    podAt(world, 1).rps = 100;
    podAt(world, 2).rps = 200;
    world.run(6 * SECOND);
    const refused = podAt(world, 1).refused + podAt(world, 2).refused;
    const { now } = world.clock;
    world.run(10 * SECOND);
    expect(podAt(world, 1).refused + podAt(world, 2).refused - refused).toBeLessThan(60);
    expect(world.between(now, now + 10 * SECOND)).toBeGreaterThan(9000);
    expect(world.most(SECOND)).toBeLessThanOrEqual(1000);
  });

  it('lets pods take turns where there are fewer requests than pods', () => {
    const world = fleet(20, 5);
    for (const pod of world.pods) pod.rps = 20;
    world.run(MINUTE);
    expect(world.most(SECOND)).toBeLessThanOrEqual(5);
    const { now } = world.clock;
    world.run(MINUTE);
    for (const pod of world.pods) expect(world.between(now, now + MINUTE, [pod])).toBeGreaterThan(0);
    expect(world.between(now, now + MINUTE)).toBeGreaterThan(150);
  });

  it('lets a new pod begin at once', () => {
    const world = fleet(5, 1000);
    for (const pod of world.pods) pod.rps = 1000;
    world.run(5 * SECOND);
    const late = world.add('late');
    for (let i = 0; i < 10; i++) late.request();
    expect(late.refused).toBe(0);
    world.run(SECOND);
    late.rps = 1000;
    world.run(3 * SECOND);
    expect(late.taken.length).toBeGreaterThan(200);
    // Who has not heard how many there are may use a hundredth.
    expect(world.most(SECOND)).toBeLessThanOrEqual(1000 + 10);
  });
});

describe('without a leader', () => {
  it('pods go by how many they were', () => {
    const world = fleet(5, 200);
    podAt(world, 0).rps = 400;
    world.run(5 * SECOND);
    world.leader = undefined;
    for (const pod of world.pods) pod.rps = 100;
    world.run(MINUTE, 20);
    const { now } = world.clock;
    world.run(5 * SECOND);
    expect(world.between(now, now + 5 * SECOND)).toBeLessThanOrEqual(1000);
    for (const pod of world.pods) {
      expect(world.between(now, now + 5 * SECOND, [pod])).toBeGreaterThan(180);
    }
    // Who had most keeps to it until it runs out, while others may have run out before.
    expect(world.most(SECOND)).toBeLessThanOrEqual(360);
  });

  it('of one pod that is cut off, its part stays free for it', () => {
    const world = fleet(5, 200);
    for (const pod of world.pods) pod.rps = 100;
    world.run(5 * SECOND);
    podAt(world, 3).cut = true;
    world.run(100 * SECOND, 20);
    expect(world.most(SECOND)).toBeLessThanOrEqual(200);
    expect(podAt(world, 3).taken.at(-1)?.at).toBeGreaterThan(world.clock.now - SECOND);
    podAt(world, 3).cut = false;
    world.run(20 * SECOND, 20);
    expect(world.most(SECOND)).toBeLessThanOrEqual(200);
  });
});

describe('a new leader', () => {
  it('hands out nothing that may be held, and soon everything', () => {
    const world = fleet(10, 200);
    podAt(world, 0).rps = 600;
    world.run(5 * SECOND);
    world.elect();
    podAt(world, 1).rps = 600;
    world.run(50 * SECOND, 20);
    expect(world.most(SECOND)).toBeLessThanOrEqual(200);
    const { now } = world.clock;
    world.run(5 * SECOND);
    expect(world.between(now, now + 5 * SECOND, [podAt(world, 1)])).toBeGreaterThan(400);
  });
});

type Happening = 'Demand' | 'Elect' | 'Cut' | 'Heal' | 'Loss' | 'NoLoss';

/** The most that a window held in fleets of all sizes to which all that is listed happens. */
function holds(happenings: readonly Happening[], bound: (pods: number, amount: number) => number): void {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(7, 60, 400),
      fc.constantFrom('Second' as const, 'Minute' as const),
      fc.array(
        fc.record({
          what: fc.constantFrom(...happenings),
          pod: fc.nat(100),
          rps: fc.constantFrom(0, 1, 20, 500),
          ms: fc.integer({ min: 100, max: 20_000 }),
        }),
        { minLength: 3, maxLength: 12 },
      ),
      fc.integer(),
      (pods, amount, per, events, seed) => {
        const world = fleet(pods, amount, per, chance(seed));
        world.run(200);
        for (const { what, pod, rps, ms } of events) {
          const one = podAt(world, pod % pods);
          if (what === 'Demand') one.rps = rps;
          if (what === 'Elect') world.elect();
          // Where nothing heals it, for less than an allotment holds.
          if (what === 'Cut') one.cut = true;
          if (what === 'Heal') one.cut = false;
          if (what === 'Loss') world.loss = 0.3;
          if (what === 'NoLoss') world.loss = 0;
          world.run(ms, 50);
          if (!happenings.includes('Heal')) one.cut = false;
        }
        expect(world.most(per === 'Second' ? SECOND : MINUTE)).toBeLessThanOrEqual(bound(pods, amount));
      },
    ),
    { numRuns: 20 },
  );
}

describe('whatever happens', () => {
  it('no window holds more than the limit and the stated bound', () => {
    // One part of each pod that lost touch with everybody, and one request of each that had not heard of any other.
    const all: Happening[] = ['Demand', 'Demand', 'Demand', 'Elect', 'Cut', 'Heal', 'Loss', 'NoLoss'];
    const bound = (pods: number, amount: number) => amount + pods * Math.max(1, Math.floor(amount / pods));
    expect(() => holds(all, bound)).not.toThrow();
  });

  it('as long as nobody is out of touch for long and nobody takes over, it is the limit itself', () => {
    const all: Happening[] = ['Demand', 'Demand', 'Demand', 'Loss', 'NoLoss', 'Cut'];
    expect(() => holds(all, (_, amount) => amount)).not.toThrow();
  });
});
