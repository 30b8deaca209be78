import { beforeEach, describe, expect, it } from 'vitest';
import { HealthBook } from '../../../../operator/fleet/providers/health.ts';
import { ProvidersTopic } from '../../../../operator/fleet/providers/topic.ts';
import type { HintAudience } from '../../../../operator/fleet/topic.ts';
import type { ProviderHints, SightingReport } from '../../../../sidecar/snapshot/fleet/providers.ts';
import { readProviderHints } from '../../../../sidecar/snapshot/fleet/providers.ts';
import { classOf } from '../../../../sidecar/snapshot/fleet/sketch.ts';
import { podNamed } from '../../sync/support/pods.ts';
import { providerItem, snapshotOf } from '../../sync/support/snapshots.ts';

const ID = 'provider/shop/openai';
const item = providerItem();
const known = {
  ...item,
  body: item.body && { ...item.body, models: [{ name: 'gpt', upstreamName: 'gpt' }] },
};
const snapshot = snapshotOf(known);
const stranger = snapshotOf(providerItem('other'));

const audience = (name: string, namespace = 'shop', of = snapshot): HintAudience => ({
  pod: podNamed(name, {}, namespace),
  snapshot: of,
});
const latency = (ms: number, count: number): number[] => [classOf(ms), count];
const well = (ms = 200, count = 20): SightingReport => ({
  provider: ID,
  model: 'gpt',
  ok: count,
  errors: {},
  latency: latency(ms, count),
});
const failing: SightingReport = {
  provider: ID,
  model: 'gpt',
  ok: 0,
  errors: { ServerError: 8 },
  latency: [],
};

let topic: ProvidersTopic;
let news: string[];

beforeEach(() => {
  news = [];
  topic = new ProvidersTopic({ news: (provider) => void news.push(provider) });
});

const say = (who: HintAudience, sighting: SightingReport, now: number): boolean =>
  topic.accept(who, { ms: 20_000, sightings: [sighting] }, now);
const told = (who: HintAudience, now: number): ProviderHints =>
  readProviderHints(topic.hintsFor(who, now) ?? { holds: 0, hints: [] });
const stateFor = (who: HintAudience, now: number) => told(who, now).hints[0]?.state;

describe('within a namespace', () => {
  it('most pods that saw something decide', () => {
    const [one, two, three, fresh] = ['1', '2', '3', 'fresh'].map((name) => audience(name)) as [
      HintAudience,
      HintAudience,
      HintAudience,
      HintAudience,
    ];
    say(one, failing, 0);
    expect(stateFor(fresh, 0)).toBe('Down');
    say(two, well(), 3_000);
    expect(stateFor(fresh, 3_000)).toBeUndefined();
    say(three, failing, 6_000);
    say(one, failing, 6_000);
    expect(stateFor(fresh, 6_000)).toBe('Down');
    expect(news).toContain(ID);
  });

  it('an open breaker is a word of its own, of the model or of the whole endpoint', () => {
    const open = { provider: ID, ok: 0, errors: {}, latency: [], open: true as const };
    say(audience('1'), open, 0);
    expect(told(audience('2'), 0).hints).toEqual([{ provider: ID, state: 'Down', perMinute: 0 }]);
  });

  it('refusals of a key, and failures of callers, make nobody think that the provider is down', () => {
    for (const name of ['1', '2', '3'])
      say(
        audience(name),
        { ...failing, errors: { Unauthorized: 50, RateLimited: 50, QuotaExhausted: 9 } },
        0,
      );
    expect(stateFor(audience('4'), 0)).toBeUndefined();
  });

  it('what was said is over after a while', () => {
    say(audience('1'), failing, 0);
    expect(stateFor(audience('2'), 40_000)).toBe('Down');
    expect(stateFor(audience('2'), 46_000)).toBeUndefined();
  });
});

describe('across namespaces', () => {
  const fresh = audience('fresh', 'desk');

  it('three pods of two namespaces are needed', () => {
    say(audience('1', 'shop'), failing, 0);
    say(audience('2', 'shop'), failing, 0);
    say(audience('3', 'shop'), failing, 0);
    expect(stateFor(fresh, 0)).toBeUndefined();
    say(audience('4', 'bank'), failing, 3_000);
    expect(stateFor(fresh, 3_000)).toBe('Down');
  });

  it('and most of all that saw something', () => {
    for (const [i, namespace] of ['shop', 'bank', 'farm'].entries())
      say(audience(`${i}`, namespace), failing, 0);
    for (const name of ['a', 'b', 'c']) say(audience(name, 'mill'), well(), 0);
    expect(stateFor(fresh, 0)).toBeUndefined();
  });

  it('one pod that lies persuades nobody elsewhere, and moves what is usual by no more than its weight', () => {
    for (let i = 0; i < 10; i++) say(audience(`p${i}`, `ns${i % 3}`), well(200, 50), 0);
    say(
      audience('liar', 'evil'),
      { ...well(300_000, 9_000_000), errors: { Connect: 9_000_000 }, open: true },
      0,
    );
    const [hint] = told(fresh, 3_000).hints;
    expect(hint?.state).toBeUndefined();
    expect(hint?.p50).toBeLessThan(300);
  });
});

describe('what a pod is told', () => {
  it('is of its own snapshot only, and it has a word in nothing else', () => {
    for (const [i, namespace] of ['shop', 'bank', 'farm'].entries())
      say(audience(`${i}`, namespace), failing, 0);
    const other = audience('x', 'desk', stranger);
    expect(told(other, 0).hints).toEqual([]);
    say(audience('y', 'shop', stranger), { ...failing, provider: 'provider/secret/keys' }, 0);
    expect(topic.health('provider/secret/keys', 0)).toBeUndefined();
    say(audience('1', 'shop'), { ...failing, model: 'invented-by-a-caller' }, 0);
    expect(told(audience('z', 'shop'), 3_000).hints.map(({ model }) => model)).toEqual(['gpt']);
  });

  it('is how long answers take and how often all ask, where it saw it too or many did', () => {
    say(audience('1'), well(200, 20), 0);
    const [hint] = told(audience('2'), 0).hints;
    expect(hint?.p50).toBeGreaterThan(150);
    expect(hint?.p50).toBeLessThan(260);
    expect(hint?.p95).toBeGreaterThan(hint?.p50 as number);
    expect(hint?.perMinute).toBe(60);
    expect(told(audience('fresh', 'desk'), 0).hints).toEqual([]);
  });

  it('says slow where answers take twice as long as they use to', () => {
    const pods = ['1', '2', '3'].map((name) => audience(name));
    let now = 0;
    for (; now < 600_000; now += 20_000) for (const pod of pods) say(pod, well(300), now);
    expect(stateFor(audience('fresh'), now)).toBeUndefined();
    for (const end = now + 200_000; now < end; now += 20_000)
      for (const pod of pods) say(pod, well(1500), now);
    expect(stateFor(audience('fresh'), now)).toBe('Slow');
  });
});

describe('who probes', () => {
  const probed = snapshotOf({
    ...item,
    body: item.body && {
      ...item.body,
      active: { path: '/models', intervalMs: 10_000, timeoutMs: 1000, unhealthyAfter: 3, healthyAfter: 2 },
    },
  });
  const probers = (names: string[], now: number): string[] =>
    names.filter((name) => told(audience(name, 'shop', probed), now).probe?.includes(ID));

  it('are three at most, and others once they are gone', () => {
    const names = ['1', '2', '3', '4', '5'];
    expect(probers(names, 0)).toEqual(['1', '2', '3']);
    expect(probers(names, 20_000)).toEqual(['1', '2', '3']);
    topic.forget(audience('2').pod.uid);
    expect(probers(['5', '4', '1'], 40_000)).toEqual(['5', '1']);
    expect(probers(['4'], 101_000)).toEqual(['4']);
    expect(told(audience('1'), 0).probe).toEqual([]);
  });
});

describe('a report that is not of the agreed form', () => {
  it.each([
    ['no object', 3],
    ['no list', { ms: 1 }],
    ['too long a list', { ms: 1, sightings: Array.from({ length: 65 }, () => well()) }],
    ['a class of failures that is none', { ms: 1, sightings: [{ ...well(), errors: { 'evil one': 1 } }] }],
    ['a class of latency beyond the last', { ms: 1, sightings: [{ ...well(), latency: [32, 1] }] }],
    ['a negative count', { ms: 1, sightings: [{ ...well(), ok: -1 }] }],
    ['an endless count', { ms: 1, sightings: [{ ...well(), ok: Number.MAX_SAFE_INTEGER }] }],
    ['a name that is none', { ms: 1, sightings: [{ ...well(), provider: {} }] }],
  ])('such as %s is left aside', (_, value) => {
    expect(topic.accept(audience('1'), value, 0)).toBe(false);
    expect(topic.hintsFor(audience('2'), 0)).toBeUndefined();
  });
});

describe('condition Healthy', () => {
  it('says what is new only once it has held for a while', () => {
    const pod = audience('1');
    const reasons: (string | undefined)[] = [];
    const at = (now: number) => topic.health(ID, now)?.reason;
    expect(at(0)).toBeUndefined();
    say(pod, well(), 0);
    reasons.push(at(0));
    // Flaps every few seconds: nothing is said of it.
    for (let now = 8_000; now < 60_000; now += 4_000) {
      say(pod, now % 8_000 === 0 ? { ...failing, errors: { ServerError: 90 } } : well(200, 500), now);
      expect(at(now)).toBe('Answering');
    }
    for (let now = 64_000; now < 100_000; now += 4_000) {
      say(pod, { ...failing, errors: { ServerError: 500 } }, now);
      reasons.push(at(now));
    }
    expect(reasons[0]).toBe('Answering');
    expect(reasons.at(-1)).toBe('Down');
    expect(topic.health(ID, 100_000)).toMatchObject({
      status: 'False',
      message: 'gpt: 1 of 1 pods find it down',
    });
    expect(at(200_000)).toBe('Down');
    expect(at(200_000 + 300_000)).toBe('NoTraffic');
  });

  it('is not there where nobody ever called', () => {
    expect(new HealthBook().of(ID, [], 0)).toBeUndefined();
  });
});
