import { describe, expect, it } from 'vitest';
import { snapshotHash } from '../../../sidecar/snapshot/hash.ts';
import { ConfigHolder } from '../../../sidecar/snapshot/holder.ts';
import { SnapshotRefused } from '../../../sidecar/snapshot/read-snapshot.ts';
import type { RouteItem, Snapshot, SnapshotItem } from '../../../sidecar/snapshot/schema.ts';
import { ManualClock } from '../../operator/support/manual-clock.ts';
import { invalidRoute, providerItem, routeItem, snapshotOf } from '../../operator/sync/support/snapshots.ts';

function running(holder: ConfigHolder) {
  return holder.effective?.routes.map(({ id, generation, body }) => [id, generation, body !== undefined]);
}

/** An item whose body is not what any version sends. */
function broken(name: string, generation: number): RouteItem {
  const item = routeItem(name, generation);
  return { ...item, body: { ...item.body, rules: 'all' } as never };
}

describe('applying a snapshot', () => {
  it('runs every item, ranked, and names no exception', () => {
    const holder = new ConfigHolder({ credentials: { version: 'c1' } });
    const snapshot = snapshotOf(
      providerItem(),
      routeItem('b', 3, { rank: 1 }),
      routeItem('a', 2, { rank: 2 }),
      routeItem('c', 1, { rank: 1 }),
    );
    expect(holder.apply(snapshot)).toEqual({
      hash: snapshot.hash,
      credentialsVersion: 'c1',
      exceptions: [],
    });
    expect(running(holder)).toEqual([
      ['route/shop/b', 3, true],
      ['route/shop/c', 1, true],
      ['route/shop/a', 2, true],
    ]);
    expect(holder.effective?.providers.get('provider/shop/openai')).toMatchObject({
      generation: 1,
      reason: undefined,
      body: { name: 'openai' },
    });
  });

  it('keeps the older version of an invalid item as a whole', () => {
    const holder = new ConfigHolder();
    holder.apply(snapshotOf(routeItem('a', 1, { models: ['gpt-*'], rank: 4 })));
    const next = { ...invalidRoute('a', 2, 'no target'), models: ['claude-*'], rank: 7 };
    const { exceptions } = holder.apply(snapshotOf(next));
    expect(exceptions).toEqual([
      { id: 'route/shop/a', state: 'Stale', runningGeneration: 1, reason: 'no target' },
    ]);
    expect(holder.effective?.routes[0]).toMatchObject({
      models: ['gpt-*'],
      rank: 7,
      generation: 1,
      reason: 'no target',
      body: { name: 'a' },
    });
  });

  it('keeps it for as long as nothing better comes, and replaces it then', () => {
    const holder = new ConfigHolder();
    holder.apply(snapshotOf(routeItem('a', 1)));
    for (const generation of [2, 3, 4]) holder.apply(snapshotOf(invalidRoute('a', generation, 'bad')));
    expect(running(holder)).toEqual([['route/shop/a', 1, true]]);
    expect(holder.apply(snapshotOf(routeItem('a', 5))).exceptions).toEqual([]);
    expect(running(holder)).toEqual([['route/shop/a', 5, true]]);
  });

  it('answers for the patterns of an invalid item without an older version', () => {
    const holder = new ConfigHolder();
    const { exceptions } = holder.apply(snapshotOf(invalidRoute('a', 2, 'no target')));
    expect(exceptions).toEqual([{ id: 'route/shop/a', state: 'Rejected', reason: 'no target' }]);
    expect(holder.effective?.routes).toEqual([
      {
        id: 'route/shop/a',
        rank: 0,
        models: ['a'],
        generation: undefined,
        body: undefined,
        reason: 'no target',
      },
    ]);
  });

  it('judges items itself: a body it does not understand is not run', () => {
    const holder = new ConfigHolder();
    const first = holder.apply(snapshotOf(broken('a', 1), routeItem('b')));
    expect(first.exceptions).toMatchObject([{ id: 'route/shop/a', state: 'Rejected' }]);
    expect(first.exceptions[0]?.reason).toContain('spec.rules');
    holder.apply(snapshotOf(routeItem('a', 2), routeItem('b')));
    const third = holder.apply(snapshotOf(broken('a', 3), routeItem('b', 2)));
    expect(third.exceptions).toMatchObject([{ id: 'route/shop/a', state: 'Stale', runningGeneration: 2 }]);
    expect(running(holder)).toEqual([
      ['route/shop/a', 2, true],
      ['route/shop/b', 2, true],
    ]);
  });

  it('never runs a looser version of what it cannot do', () => {
    const holder = new ConfigHolder();
    holder.apply(snapshotOf(routeItem('a', 1)));
    const { exceptions } = holder.apply(snapshotOf(routeItem('a', 2, { requires: ['guard.redact'] })));
    expect(exceptions).toEqual([
      {
        id: 'route/shop/a',
        state: 'Rejected',
        reason: 'needs feature guard.redact, which this version lacks',
      },
    ]);
    expect(running(holder)).toEqual([['route/shop/a', undefined, false]]);
    // The version before the one that asked for more is not a version to fall back on.
    holder.apply(snapshotOf(invalidRoute('a', 3, 'bad')));
    expect(running(holder)).toEqual([['route/shop/a', undefined, false]]);
  });

  it('removes what is no longer listed, and forgets it', () => {
    const holder = new ConfigHolder();
    holder.apply(snapshotOf(routeItem('a'), routeItem('b'), providerItem()));
    holder.apply(snapshotOf(routeItem('b')));
    expect(running(holder)).toEqual([['route/shop/b', 1, true]]);
    expect(holder.effective?.providers.size).toBe(0);
    holder.apply(snapshotOf(routeItem('b'), invalidRoute('a', 2, 'bad')));
    expect(running(holder)).toEqual([
      ['route/shop/a', undefined, false],
      ['route/shop/b', 1, true],
    ]);
  });

  it('names items of kinds to come and items it cannot name', () => {
    const holder = new ConfigHolder();
    const odd = [
      { kind: 'Cache', id: 'cache/shop/a', generation: 1 },
      { kind: 'Route', id: 7 },
      null,
    ] as unknown as SnapshotItem[];
    const items = [...odd, routeItem('a')];
    const { exceptions } = holder.apply({ version: 1, items, hash: snapshotHash(items) });
    expect(exceptions.map(({ id, state }) => [id, state])).toEqual([
      ['items[0]', 'Rejected'],
      ['items[1]', 'Rejected'],
      ['items[2]', 'Rejected'],
    ]);
    expect(running(holder)).toEqual([['route/shop/a', 1, true]]);
  });
});

describe('a snapshot that is unusable as a whole', () => {
  const good = snapshotOf(routeItem('a'));
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'not an object'],
    ['a text', 'snapshot', 'not an object'],
    ['no items', { version: 1, hash: good.hash }, 'hash or items are missing'],
    ['no hash', { version: 1, items: [] }, 'hash or items are missing'],
    ['a version to come', { ...good, version: 2 }, 'its version is 2; this sidecar runs 1'],
    ['no version', { ...good, version: undefined }, 'its version is undefined'],
    ['another hash', { ...good, hash: 'f'.repeat(64) }, `its hash is ${'f'.repeat(64)} but its items have`],
    ['changed items', { ...good, items: [routeItem('a', 2)] }, 'its hash is'],
    ['one id twice', { ...good, items: [routeItem('a'), routeItem('a', 2)] }, 'two items have one id'],
    ['too many items', { ...good, items: Array(20_001).fill(0) }, 'more than 20000'],
  ])('(%s) changes nothing', (_, snapshot, reason) => {
    const holder = new ConfigHolder();
    holder.apply(snapshotOf(routeItem('b')));
    const before = holder.effective;
    expect(() => holder.apply(snapshot as Snapshot)).toThrow(reason);
    expect(() => holder.apply(snapshot as Snapshot)).toThrow(SnapshotRefused);
    expect(holder.effective).toBe(before);
    expect(holder.status()).toMatchObject({ origin: 'Live', hash: snapshotOf(routeItem('b')).hash });
  });

  it('may be of the version before, where there is one, and runs as this version says it', () => {
    // Version 0 named the field otherwise.
    const previous = (item: unknown) => {
      const { names, ...rest } = item as { names: string[] };
      return { ...rest, models: names } as unknown as SnapshotItem;
    };
    const { models, ...rest } = routeItem('a');
    const items = [{ ...rest, names: models } as unknown as SnapshotItem];
    const older = { version: 0, hash: snapshotHash(items), items };
    const holder = new ConfigHolder({ previous });
    expect(holder.apply(older).exceptions).toEqual([]);
    expect(holder.effective?.routes[0]).toMatchObject({ models: ['a'], generation: 1 });
    // What is remembered is what came, so that its hash still holds.
    expect(holder.remembered()?.snapshot).toEqual(older);
    expect(() => new ConfigHolder().apply(older)).toThrow('its version is 0; this sidecar runs 1');
    expect(() => holder.apply({ ...older, version: -1 })).toThrow('this sidecar runs 1 and 0');
  });
});

describe('what is told about it', () => {
  it('starts with nothing', () => {
    const holder = new ConfigHolder();
    expect(holder.effective).toBeUndefined();
    expect(holder.remembered()).toBeUndefined();
    expect(holder.acknowledgement()).toEqual({ hash: '', credentialsVersion: '', exceptions: [] });
    expect(holder.status()).toEqual({
      origin: 'None',
      degraded: false,
      hash: '',
      ageMs: undefined,
      exceptions: [],
    });
  });

  it('ages until it is confirmed', () => {
    const clock = new ManualClock();
    const holder = new ConfigHolder({ clock });
    const { hash } = holder.apply(snapshotOf(routeItem('a')));
    clock.advance(5_000);
    expect(holder.status().ageMs).toBe(5_000);
    expect(holder.confirm('0'.repeat(64))).toBe(false);
    expect(holder.status().ageMs).toBe(5_000);
    expect(holder.confirm(hash)).toBe(true);
    expect(holder.status().ageMs).toBe(0);
  });

  it('is degraded on the last known good until live configuration arrives', () => {
    const clock = new ManualClock();
    const first = new ConfigHolder({ clock });
    first.apply(snapshotOf(routeItem('a'), routeItem('b')));
    first.apply(snapshotOf(invalidRoute('a', 2, 'bad'), routeItem('b', 2)));
    const remembered = JSON.parse(JSON.stringify(first.remembered())) as ReturnType<typeof first.remembered>;
    const second = new ConfigHolder({ clock });
    second.restore(remembered as NonNullable<typeof remembered>, 9_000);
    expect(second.effective).toEqual(first.effective);
    expect(second.acknowledgement()).toEqual(first.acknowledgement());
    expect(second.status()).toMatchObject({ origin: 'LastKnownGood', degraded: true, ageMs: 9_000 });
    second.apply(snapshotOf(routeItem('a', 3)));
    expect(second.status()).toMatchObject({ origin: 'Live', degraded: false, ageMs: 0 });
  });

  it('restores no older version that it would not accept today', () => {
    const holder = new ConfigHolder();
    const kept = [broken('a', 1), routeItem('b', 1, { requires: ['gone'] })];
    holder.restore(
      { snapshot: snapshotOf(invalidRoute('a', 2, 'bad'), invalidRoute('b', 2, 'bad')), kept },
      0,
    );
    expect(running(holder)).toEqual([
      ['route/shop/a', undefined, false],
      ['route/shop/b', undefined, false],
    ]);
  });

  it('reaches every listener, one that throws notwithstanding', () => {
    const errors: unknown[] = [];
    const holder = new ConfigHolder({ onListenerError: (error) => errors.push(error) });
    const heard: string[] = [];
    holder.onChange(() => {
      throw new Error('listener');
    });
    const stop = holder.onChange(({ hash }) => heard.push(hash));
    const first = holder.apply(snapshotOf(routeItem('a')));
    stop();
    holder.apply(snapshotOf(routeItem('b')));
    expect(heard).toEqual([first.hash]);
    expect(errors).toHaveLength(2);
  });
});
