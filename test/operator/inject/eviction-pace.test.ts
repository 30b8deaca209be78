import { describe, expect, it } from 'vitest';
import { EvictionPace } from '../../../operator/inject/eviction-pace.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const of = (owner: string, uid = `${owner}-1`) => ({ owner, uid });
const pods =
  (...uids: string[]) =>
  () =>
    new Set(uids);

describe('the pace of evictions', () => {
  it('is so many a minute in all, refusals included', () => {
    const pace = new EvictionPace(6);
    expect(pace.turn(of('a'), pods('a-1'), 0)).toEqual({ kind: 'Now' });
    pace.asked(0);
    expect(pace.turn(of('b'), pods('b-1'), 4_000)).toEqual({ kind: 'Later', ms: 6_000 });
    expect(pace.turn(of('b'), pods('b-1'), 10_000)).toEqual({ kind: 'Now' });
  });

  it('is one pod of an owner at a time', () => {
    const pace = new EvictionPace(60);
    pace.asked(0);
    pace.evicted(of('a'), pods('a-1', 'a-2')(), 0);
    expect(pace.turn(of('a', 'a-2'), pods('a-2'), 30_000)).toEqual({ kind: 'Later', ms: 30_000 });
    expect(pace.turn(of('b'), pods('b-1'), 30_000)).toEqual({ kind: 'Now' });
    expect(pace.turn(of('a', 'a-2'), pods('a-2'), MINUTE)).toEqual({ kind: 'Now' });
  });

  it('ends where the pod in place of an evicted one has no sidecar either', () => {
    const pace = new EvictionPace(60);
    pace.evicted(of('a'), pods('a-1', 'a-2')(), 0);
    const turn = (now: number) => pace.turn(of('a', 'a-2'), pods('a-2', 'a-3'), now);
    expect(turn(MINUTE)).toEqual({ kind: 'Hopeless', ms: HOUR, first: true });
    expect(turn(2 * MINUTE)).toEqual({ kind: 'Hopeless', ms: HOUR - MINUTE, first: false });
    expect(turn(MINUTE + HOUR)).toEqual({ kind: 'Now' });

    // A second time it is longer, and never longer than a day.
    let now = MINUTE + HOUR;
    const waits: number[] = [];
    for (let i = 4; i < 12; i++) {
      pace.evicted(of('a'), pods(`a-${i - 1}`)(), now);
      const next = pace.turn(of('a'), pods(`a-${i}`), now + MINUTE);
      waits.push((next as { ms: number }).ms / HOUR);
      now += MINUTE + (next as { ms: number }).ms;
    }
    expect(waits).toEqual([2, 4, 8, 16, 24, 24, 24, 24]);
  });
});
