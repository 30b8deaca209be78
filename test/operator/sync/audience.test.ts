import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FleetKnowledge } from '../../../operator/fleet/knowledge.ts';
import { Audience } from '../../../operator/sync/audience.ts';
import { Bodies } from '../../../operator/sync/bodies.ts';
import { noMetrics } from '../../../operator/sync/metrics.ts';
import type { LivePod } from '../../../operator/sync/pods.ts';
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

  it('keep no more than themselves', async () => {
    const pod = pods.set(podNamed('one'));
    audience.publish(compiledOf({ app: '*', snapshot: first }));
    const body = await audience.body(pod, first.hash)?.compressed;
    expect(body?.buffer.byteLength).toBe(body?.length);
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

describe('what pods report', () => {
  const features = (...names: string[]) => names.map((name) => `feature.of.${name}`);
  const report = (pod: LivePod, said: string[]) => {
    audience.reported(pod, {
      epoch: 'e',
      ack: { hash: '', credentialsVersion: '', exceptions: [] },
      rows: [],
      proxyVersion: '1',
      features: said,
    });
    return audience.registry.get(pod.uid)?.features;
  };

  it('is kept once where it is the same, however many versions come and go', () => {
    const [one, other] = [pods.set(podNamed('one')), pods.set(podNamed('other'))];
    const first = report(one, features('a', 'b'));
    expect(report(other, features('a', 'b'))).toBe(first);
    for (let n = 0; n < 20; n++) expect(report(other, features('a', `${n}`))).toEqual(features('a', `${n}`));
    expect(audience.registry.get(one.uid)?.features).toEqual(features('a', 'b'));
  });
});

describe('what the fleet knows', () => {
  it('is merged from reports and told to streams, each pod what its snapshot lets it know', () => {
    const merged: [string, string, unknown][] = [];
    const fleet = new FleetKnowledge({
      pods,
      topics: [
        {
          name: 'providers',
          accept: ({ pod, snapshot }, value) => merged.push([pod.name, snapshot.hash, value]) > 0,
          hintsFor: ({ snapshot }) => ({ about: snapshot.hash }),
          forget: () => {},
        },
      ],
    });
    const knowing = new Audience({
      pods,
      clock,
      metrics: noMetrics,
      heartbeatMs: 15_000,
      drainMs: 30_000,
      reportWindowMs: 50_000,
      fleet,
    });
    const pod = pods.set(podNamed('one'));
    knowing.publish(compiledOf({ app: '*', snapshot: first }));
    const texts: string[] = [];
    const sink = {
      write: (text: string, written: () => void) => {
        texts.push(text);
        written();
      },
      end: () => {},
      destroy: () => {},
    };
    knowing.open({ pod, serviceAccount: 'default', expiresAt: Number.MAX_SAFE_INTEGER }, sink);
    knowing.reported(pod, {
      epoch: 'e',
      ack: { hash: '', credentialsVersion: '', exceptions: [] },
      rows: [],
      proxyVersion: '1',
      features: [],
      fleet: { sequence: 1, providers: 'slow' },
    });
    expect(merged).toEqual([['one', first.hash, 'slow']]);
    expect(knowing.hintsFor(pod)).toEqual({ providers: { about: first.hash } });
    knowing.hint();
    expect(texts.at(-1)).toBe(`event: hints\ndata: {"providers":{"about":"${first.hash}"}}\n\n`);
    knowing.close();
    fleet.stop();
  });
});

describe('the audience', () => {
  it('lets go of the Pod cache and of time when it ends', () => {
    expect([pods.listeners, clock.waits.length]).toEqual([1, 1]);
    audience.close();
    expect([pods.listeners, clock.waits.length]).toEqual([0, 0]);
  });
});
