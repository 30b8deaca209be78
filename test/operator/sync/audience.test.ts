import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Audience } from '../../../operator/sync/audience.ts';
import { Bodies } from '../../../operator/sync/bodies.ts';
import { noMetrics } from '../../../operator/sync/metrics.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ListedPods, podNamed } from './support/pods.ts';
import { compiledOf, routeItem, snapshotOf } from './support/snapshots.ts';

const first = snapshotOf(routeItem('a'));
const second = snapshotOf(routeItem('a', 2));

let clock: ManualClock;
let pods: ListedPods;
let audience: Audience;

beforeEach(() => {
  clock = new ManualClock();
  pods = new ListedPods();
  audience = new Audience({
    pods,
    clock,
    metrics: noMetrics,
    heartbeatMs: 15_000,
    drainMs: 30_000,
    reportWindowMs: 50_000,
  });
});
afterEach(() => audience.close());

describe('bodies', () => {
  it('are compressed once per hash, whoever asks', async () => {
    const [one, other] = [pods.set(podNamed('one')), pods.set(podNamed('other'))];
    audience.publish(compiledOf({ app: '*', snapshot: first }));
    const body = audience.body(one, first.hash)?.compressed;
    expect(audience.body(other, first.hash)?.compressed).toBe(body);
    expect((await body)?.length).toBeGreaterThan(0);
  });

  it('are dropped once nobody should run them', () => {
    const pod = pods.set(podNamed('one'));
    audience.publish(compiledOf({ app: '*', snapshot: first }));
    const before = audience.body(pod, first.hash)?.compressed;
    audience.publish(compiledOf({ app: '*', snapshot: second }));
    audience.publish(compiledOf({ app: '*', snapshot: first }));
    expect(audience.body(pod, first.hash)?.compressed).not.toBe(before);
  });

  it('are kept while somebody should', () => {
    const bodies = new Bodies();
    const [one, two] = [bodies.compressed(first), bodies.compressed(second)];
    bodies.retain(new Set([second.hash]));
    expect(bodies.compressed(second)).toBe(two);
    expect(bodies.compressed(first)).not.toBe(one);
  });
});

describe('the audience', () => {
  it('lets go of the Pod cache and of time when it ends', () => {
    expect([pods.listeners, clock.waits.length]).toEqual([1, 1]);
    audience.close();
    expect([pods.listeners, clock.waits.length]).toEqual([0, 0]);
  });
});
