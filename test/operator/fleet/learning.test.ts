import { describe, expect, it } from 'vitest';
import { AdaptiveTopic } from '../../../operator/fleet/learning/adaptive-topic.ts';
import { QualityTopic } from '../../../operator/fleet/learning/quality-topic.ts';
import type { HintAudience } from '../../../operator/fleet/topic.ts';
import { learnTogether } from '../../../sidecar/routing/learning/fleet.ts';
import { routingState } from '../../../sidecar/routing/state.ts';
import {
  MAX_ARM_ENTRIES,
  readArms,
  readQuality,
  writeArms,
} from '../../../sidecar/snapshot/fleet/learning.ts';
import { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import type { Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { planned, provider, route, rule, target } from '../../sidecar/routing/support.ts';
import { podNamed } from '../sync/support/pods.ts';

const adaptive = { cost: 20, latency: 20, minSharePercent: 1, memory: 100 };
const body = rule('r', {
  strategy: { type: 'Adaptive', adaptive },
  targets: [target('a'), target('b')],
});
const snapshot: Snapshot = {
  version: 1,
  hash: 'h',
  items: [
    {
      kind: 'Route',
      id: 'route/ns/shop',
      generation: 1,
      state: 'Valid',
      requires: [],
      rank: 0,
      models: ['*'],
      body: {
        ...(route('shop', ['*'], [body, rule('plain')]).body as NonNullable<
          ReturnType<typeof route>['body']
        >),
      },
    },
    {
      kind: 'Provider',
      id: 'provider/ns/a',
      generation: 1,
      state: 'Valid',
      requires: [],
      body: provider('a'),
    },
  ],
};
const audience = (name: string, namespace = 'ns'): HintAudience => ({
  pod: { ...podNamed(name), namespace },
  snapshot,
});
const sums = (served: number, failed = 0, scores = 0, score = 0) => [
  served,
  failed,
  scores,
  score,
  0,
  0,
  0,
  0,
  0,
  0,
];
const said = (entries: [string, number, string, number[]][]) =>
  writeArms(entries.map(([rule, context, target, each]) => ({ rule, context, target, sums: each })));

describe('what pods learn of targets', () => {
  it('is added up for the pods of the namespace, and told to those alone', () => {
    const topic = new AdaptiveTopic();
    expect(topic.accept(audience('one'), said([['ns/shop r', 0, 'a', sums(10)]]))).toBe(true);
    expect(topic.accept(audience('two'), said([['ns/shop r', 0, 'a', sums(5, 5)]]))).toBe(true);
    const [hint] = readArms(topic.hintsFor(audience('three'))) ?? [];
    expect(hint).toMatchObject({ rule: 'ns/shop r', context: 0, target: 'a' });
    expect(hint?.sums[0]).toBeCloseTo(15, 0);
    expect(hint?.sums[1]).toBeCloseTo(5);
    expect(topic.hintsFor(audience('four', 'other'))).toBeUndefined();
  });

  it('is not believed of rules and targets that the pod does not run, nor in any number', () => {
    const topic = new AdaptiveTopic();
    const claims = said([
      ['ns/shop plain', 0, 'p', sums(10)],
      ['ns/shop r', 0, 'zzz', sums(10)],
      ['ns/elsewhere r', 0, 'a', sums(10)],
    ]);
    expect(topic.accept(audience('one'), claims)).toBe(true);
    expect(topic.hintsFor(audience('one'))).toBeUndefined();
    topic.accept(audience('one'), said([['ns/shop r', 0, 'a', sums(1e12, 1e12)]]));
    const [hint] = readArms(topic.hintsFor(audience('one'))) ?? [];
    expect((hint?.sums[0] ?? 0) + (hint?.sums[1] ?? 0)).toBe(2000);
  });

  it.each([
    [undefined],
    ['nonsense'],
    [[1]],
    [Array(MAX_ARM_ENTRIES + 1).fill(said([['x', 0, 'a', sums(1)]])[0])],
  ])('is refused in another form', (value) =>
    expect(new AdaptiveTopic().accept(audience('one'), value)).toBe(false),
  );

  it('fades with what comes after it', () => {
    const topic = new AdaptiveTopic();
    topic.accept(audience('one'), said([['ns/shop r', 0, 'a', sums(100, 0, 100, 100)]]));
    for (let i = 0; i < 40; i++) topic.accept(audience('one'), said([['ns/shop r', 0, 'b', sums(100)]]));
    const hints = readArms(topic.hintsFor(audience('one'))) ?? [];
    const a = hints.find((hint) => hint.target === 'a');
    expect(a?.sums[0]).toBeLessThan(20);
    // Nobody said anything more of answers.
    expect(a?.sums[3]).toBeCloseTo(100);
    expect(hints[0]?.target).toBe('b');
  });
});

describe('what apps say of answers', () => {
  const entry = (n: number, sum: number) => [['provider/ns/a', 'm', 'default', n, sum]];

  it('is added up by namespace, fades, and takes corrections', () => {
    const topic = new QualityTopic();
    topic.accept(audience('one'), entry(10, 8), 0);
    topic.accept(audience('two'), entry(10, 2), 0);
    topic.accept(audience('two'), entry(0, -1), 0);
    expect(readQuality(topic.hintsFor(audience('three'), 0))).toEqual([
      { provider: 'provider/ns/a', model: 'm', task: 'default', n: 20, sum: 9 },
    ]);
    expect(topic.hintsFor(audience('three', 'other'), 0)).toBeUndefined();
    expect(readQuality(topic.hintsFor(audience('one'), 24 * 3_600_000))?.[0]).toMatchObject({
      n: 10,
      sum: 4.5,
    });
    expect(topic.hintsFor(audience('one'), 30 * 24 * 3_600_000)).toBeUndefined();
  });

  it('is not believed of providers that the pod does not use, nor in any number', () => {
    const topic = new QualityTopic();
    topic.accept(audience('one'), [['provider/ns/zzz', 'm', 'default', 1, 1]], 0);
    expect(topic.hintsFor(audience('one'), 0)).toBeUndefined();
    topic.accept(audience('one'), entry(1e9, 1e9), 0);
    expect(readQuality(topic.hintsFor(audience('one'), 0))?.[0]).toMatchObject({ n: 2000, sum: 2000 });
    expect(topic.accept(audience('one'), entry(1, 5), 0)).toBe(false);
  });
});

it('a pod that has seen nothing chooses as the others have learned to', () => {
  const pods = ['one', 'two', 'new'].map((name) => {
    const state = routingState();
    const link = new FleetLink();
    learnTogether(link, state, () => 0);
    return { name, state, link };
  });
  const topic = new AdaptiveTopic();
  const qualities = new QualityTopic();
  for (const { name, state, link } of pods.slice(0, 2)) {
    for (let i = 0; i < 50; i++) {
      for (const [arm, score] of [
        ['a', 0.1],
        ['b', 0.9],
      ] as const) {
        state.adaptive.step('ns/shop r', 0);
        state.adaptive.served('ns/shop r', 0, arm, 100, { costMicroUsd: 1, latencyMs: 1 });
        state.adaptive.scored('ns/shop r', 0, arm, 100, score, undefined);
      }
    }
    const [candidate] = planned(rule('p', { targets: [target('a')] }), [provider('a')]).candidates;
    if (candidate)
      for (let i = 0; i < 30; i++) state.quality.observe(candidate, 'default', 0.9, undefined, 0);
    const report = link.compose();
    expect(topic.accept(audience(name), report?.adaptive)).toBe(true);
    expect(qualities.accept(audience(name), report?.quality, 0)).toBe(true);
  }
  const fresh = pods[2] as (typeof pods)[number];
  fresh.link.hear({
    adaptive: topic.hintsFor(audience('new')),
    quality: qualities.hintsFor(audience('new'), 0),
  });
  const made = fresh.state.adaptive.sums('ns/shop r', 0, 'b', 100);
  expect(made[0]).toBeCloseTo(10, 0);
  expect((made[3] as number) / (made[2] as number)).toBeCloseTo(0.9, 1);
  const [candidate] = planned(rule('p', { targets: [target('a')] }), [provider('a')]).candidates;
  expect(candidate && fresh.state.quality.score(candidate, 'default', 0)).toBeGreaterThan(80);
  fresh.link.hear({ adaptive: 'nonsense', quality: { lies: true } });
  expect(fresh.state.adaptive.sums('ns/shop r', 0, 'b', 100)[0]).toBe(0);
});
