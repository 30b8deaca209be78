import { describe, expect, it } from 'vitest';
import { type Deadline, Deadlines } from '../../../sidecar/dispatch/deadlines.ts';
import { VirtualClock } from './virtual-clock.ts';

function entry(deadlines: Deadlines, deadline: number): Deadline & { calls: number[] } {
  const calls: number[] = [];
  const self = {
    deadline,
    slot: -1,
    calls,
    onDeadline(now: number) {
      calls.push(now);
      deadlines.remove(self);
    },
  };
  return self;
}

describe('deadlines', () => {
  it('notices each within a period, never early', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock, 50);
    const start = clock.now;
    const entries = [10, 50, 51, 999].map((ms) => entry(deadlines, start + ms));
    for (const e of entries) deadlines.add(e);
    clock.advance(2000);
    expect(entries.map((e) => e.calls.map((at) => at - start))).toEqual([[50], [50], [100], [1000]]);
  });

  it('follows a deadline that moves, and forgets one that is removed', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock, 50);
    const moved = entry(deadlines, clock.now + 60);
    const removed = entry(deadlines, clock.now + 60);
    deadlines.add(moved);
    deadlines.add(removed);
    deadlines.remove(removed);
    clock.advance(50);
    moved.deadline += 1000;
    clock.advance(900);
    expect(moved.calls).toEqual([]);
    clock.advance(200);
    expect(moved.calls).toHaveLength(1);
    expect(removed.calls).toEqual([]);
  });

  it('keeps apart what is added and removed in any order, during its own round too', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock, 50);
    const entries = Array.from({ length: 9 }, () => entry(deadlines, clock.now + 10));
    for (const e of entries) deadlines.add(e);
    const late = entry(deadlines, clock.now + 10);
    const [first, second, third, meddler] = entries;
    if (!first || !second || !third || !meddler) throw new Error('too few');
    for (const e of [second, third, second]) deadlines.remove(e);
    expect(deadlines.size).toBe(7);
    meddler.onDeadline = () => {
      deadlines.remove(first);
      deadlines.remove(meddler);
      deadlines.add(late);
    };
    clock.advance(100);
    expect(entries.map((e) => e.calls.length)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
    expect(late.calls).toHaveLength(1);
    expect(deadlines.size).toBe(0);
  });

  it('runs no timer when nothing waits', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock, 50);
    for (let i = 0; i < 100; i++) {
      const e = entry(deadlines, Number.POSITIVE_INFINITY);
      deadlines.add(e);
      deadlines.remove(e);
    }
    expect(clock.pending).toBe(1);
    clock.advance(100);
    expect(clock.pending).toBe(0);
    expect(deadlines.size).toBe(0);
  });
});
