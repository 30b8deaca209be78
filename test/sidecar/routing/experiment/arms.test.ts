import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routingState } from '../../../../sidecar/routing/state.ts';
import type { ExperimentBody } from '../../../../sidecar/snapshot/shapes/experiment.ts';
import { facts, health, planned, provider, rule, target } from '../support.ts';

const PROVIDERS = ['a', 'b', 'c'].map((name) => provider(name));
const TARGETS = ['a', 'b', 'c'].map((name) => target(name, { model: 'm' }));
const from = (user: string) => facts({}, { 'x-user': user });

function experiment(over: Partial<ExperimentBody> = {}): ExperimentBody {
  return {
    name: 'trial',
    stickyBy: { type: 'Header', header: 'x-user' },
    arms: [
      { name: 'one', targets: ['a'], percent: 50 },
      { name: 'two', targets: ['b', 'c'], percent: 50 },
    ],
    onArmExhausted: 'Stay',
    mirror: [],
    ...over,
  };
}

const withArms = (over: Partial<ExperimentBody>) =>
  rule('r', { targets: TARGETS, experiment: experiment(over) });
const percents = (list: Record<string, number>): ExperimentBody['arms'] =>
  Object.entries(list).map(([name, percent], i) => ({ name, targets: ['abc'[i] as string], percent }));

const USERS = 4000;
function armsOf(over: Partial<ExperimentBody>, step?: number): string[] {
  const body = withArms(over);
  const state = routingState();
  if (step !== undefined) state.canaries.set('ns/r trial', step);
  return Array.from({ length: USERS }, (_, i) => {
    const made = planned(body, PROVIDERS, { facts: from(`user ${i}`), random: [0.5], state });
    return made.arm?.arm.name ?? '';
  });
}
const share = (arms: readonly string[], name: string): number =>
  arms.filter((arm) => arm === name).length / arms.length;

describe('arms', () => {
  it('choose targets, and everything outside falls with the reason', () => {
    const body = withArms({ arms: [{ name: 'two', targets: ['b', 'c'], percent: 100 }] });
    const made = planned(body, PROVIDERS, { facts: from('u') });
    expect(made.order.toSorted()).toEqual(['b', 'c']);
    expect(made.reasons['a']).toBe('OtherArm');
    expect(made.arm?.arm.name).toBe('two');
    expect(made.steps).toEqual([
      { stage: 'plan', what: 'experiment trial', detail: 'arm two, 100% of requests, by Header' },
    ]);
  });

  it('stay with a user, and split users by percent', () => {
    const arms = armsOf({ arms: percents({ one: 70, two: 30 }) });
    expect(armsOf({ arms: percents({ one: 70, two: 30 }) })).toEqual(arms);
    expect(share(arms, 'two')).toBeCloseTo(0.3, 1);
    // Another name is another draw.
    const other = armsOf({ name: 'other', arms: percents({ one: 70, two: 30 }) });
    const both = arms.filter((arm, i) => arm === 'two' && other[i] === 'two').length / USERS;
    expect(both).toBeCloseTo(0.09, 1);
  });

  it('send what is left to the targets that no arm names', () => {
    const body = withArms({ arms: [{ name: 'one', targets: ['a'], percent: 20 }] });
    const made = Array.from({ length: 500 }, (_, i) => planned(body, PROVIDERS, { facts: from(`u${i}`) }));
    const rest = made.filter(({ arm }) => arm?.arm.name === '_rest');
    expect(rest.length / made.length).toBeCloseTo(0.8, 1);
    for (const { order } of rest) expect(order.toSorted()).toEqual(['b', 'c']);
  });

  it('move exactly the share that a ramp between two moves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 49 }), (percent, more) => {
        const before = armsOf({ arms: percents({ one: percent, two: 100 - percent }) });
        const after = armsOf({ arms: percents({ one: percent + more, two: 100 - percent - more }) });
        const moved = before.filter((arm, i) => arm !== after[i]);
        expect(new Set([...moved, 'two'])).toEqual(new Set(['two']));
        expect(Math.abs(moved.length / USERS - more / 100)).toBeLessThan(0.04);
      }),
      { numRuns: 8 },
    );
  });

  it('move only keys between a canary and the others, each of which keeps its place among them', () => {
    const over = {
      arms: [
        { name: 'one', targets: ['a'], percent: 60 },
        { name: 'two', targets: ['b'], percent: 20 },
        { name: 'new', targets: ['c'], percent: 0 },
      ],
      canary: { arm: 'new', steps: [1, 5, 25, 50, 100], intervalMs: 1000, minRequests: 1, bounds: {} },
    };
    // What is left beside the arms needs a target of its own.
    over.arms[0] = { name: 'one', targets: ['a'], percent: 80 };
    let before = armsOf(over, 0);
    expect(share(before, 'new')).toBe(0);
    for (const step of [1, 5, 25, 50, 100]) {
      const after = armsOf(over, step);
      expect(before.filter((arm, i) => arm !== after[i] && after[i] !== 'new')).toEqual([]);
      expect(Math.abs(share(after, 'new') - step / 100)).toBeLessThan(0.03);
      before = after;
    }
  });

  it('are drawn by chance where a request says nothing to keep it by', () => {
    const body = withArms({ stickyBy: { type: 'User' } });
    const made = (chance: number) => planned(body, PROVIDERS, { random: [chance] }).arm;
    expect(made(0.1)?.arm.name).toBe('one');
    expect(made(0.9)?.arm.name).toBe('two');
    expect(made(0.9)?.sticky).toBe('Chance');
  });
});

describe('an arm whose targets are ill', () => {
  const arms = [{ name: 'one', targets: ['a', 'b'], percent: 100 }];
  const ill = health({ ejected: { a: { until: 5 }, b: { until: 2 } } });

  it('is stayed in, with its targets as a last resort', () => {
    const made = planned(withArms({ arms }), PROVIDERS, { facts: from('u'), health: ill });
    expect(made.order).toEqual(['b', 'a']);
    expect(made.reasons).toEqual({ a: 'LastResort', b: 'LastResort', c: 'OtherArm' });
  });

  it('is left where the experiment says so, behind everything of its own', () => {
    const body = withArms({ arms, onArmExhausted: 'Leave' });
    expect(planned(body, PROVIDERS, { facts: from('u'), health: ill }).order).toEqual(['c']);
    const well = planned(body, PROVIDERS, { facts: from('u') });
    expect(well.order[2]).toBe('c');
    expect(well.order.slice(0, 2).toSorted()).toEqual(['a', 'b']);
  });
});
