import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyHash, keyNumber, ticket } from '../../../../sidecar/routing/affinity/rendezvous.ts';

const KEYS = Array.from({ length: 4000 }, (_, i) => keyHash('test', `key ${i}`));

type Members = Record<string, number>;

function winner(key: (typeof KEYS)[number], members: Members): string {
  let best = '';
  let lowest = Infinity;
  for (const [name, weight] of Object.entries(members)) {
    const drawn = ticket(key, name, weight);
    if (drawn < lowest) {
      lowest = drawn;
      best = name;
    }
  }
  return best;
}

const winners = (members: Members): string[] => KEYS.map((key) => winner(key, members));
const share = (list: readonly string[], name: string): number =>
  list.filter((one) => one === name).length / list.length;

/** Four deviations of a share of so many keys. */
const slack = (expected: number): number => 4 * Math.sqrt((expected * (1 - expected)) / KEYS.length) + 1e-9;

const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 6 });
const named = (list: readonly number[]): Members =>
  Object.fromEntries(list.map((weight, i) => [`member-${i}`, weight]));
const RUNS = { numRuns: 40 };

describe('weighted rendezvous', () => {
  it('gives the same key the same ticket every time, and salts keep draws apart', () => {
    expect(keyHash('a', 'k')).toEqual(keyHash('a', Buffer.from('k')));
    expect(keyHash('a', 'k')).not.toEqual(keyHash('b', 'k'));
    expect(ticket(keyHash('a', 'k'), 'm', 2)).toBe(ticket(keyHash('a', 'k'), 'm', 2));
    expect(Number.isSafeInteger(keyNumber({ hi: 0xffff_ffff, lo: 0xffff_ffff }))).toBe(true);
  });

  it('gives each member its share', () => {
    fc.assert(
      fc.property(weights, (list) => {
        const members = named(list);
        const total = list.reduce((sum, weight) => sum + weight, 0);
        const won = winners(members);
        for (const [name, weight] of Object.entries(members)) {
          const expected = weight / total;
          expect(Math.abs(share(won, name) - expected)).toBeLessThanOrEqual(slack(expected));
        }
      }),
      RUNS,
    );
  });

  it('moves keys to a member that is added, and between no others', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 100 }), (list, weight) => {
        const members = named(list);
        const before = winners(members);
        const after = winners({ ...members, added: weight });
        expect(after.filter((name, i) => name !== 'added' && name !== before[i])).toEqual([]);
        const total = list.reduce((sum, each) => sum + each, weight);
        const expected = weight / total;
        expect(Math.abs(share(after, 'added') - expected)).toBeLessThanOrEqual(slack(expected));
      }),
      RUNS,
    );
  });

  it('moves only keys of the member whose weight changes: all towards it, or all away', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 100 }), (list, weight) => {
        const members = named(list);
        const before = winners(members);
        const after = winners({ ...members, 'member-0': weight });
        const grows = weight >= (list[0] ?? 0);
        const moved = after.flatMap((name, i) => (name === before[i] ? [] : [grows ? name : before[i]]));
        expect(new Set([...moved, 'member-0'])).toEqual(new Set(['member-0']));
      }),
      RUNS,
    );
  });
});
