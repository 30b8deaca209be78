import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import { ManualClock } from '../../operator/support/manual-clock.ts';

const set = (version: string, values: Record<string, string>) => ({
  version,
  credentials: Object.entries(values).map(([id, value]) => ({ id, value })),
});

describe('credentials', () => {
  it('are those of the last set', () => {
    const store = new CredentialStore();
    expect([store.version, store.has('a'), store.get('a')]).toEqual(['', false, undefined]);
    store.apply(set('1', { a: 'x', b: 'y' }));
    store.apply(set('2', { b: 'y', c: 'z' }));
    expect([store.get('a'), store.get('b'), store.get('c'), store.version]).toEqual([
      undefined,
      'y',
      'z',
      '2',
    ]);
    expect(store.current()).toEqual(set('2', { b: 'y', c: 'z' }));
  });

  it('keep the value before a rotation for a short grace', () => {
    const clock = new ManualClock();
    const store = new CredentialStore({ clock, graceMs: 1_000 });
    store.apply(set('1', { a: 'old' }));
    expect(store.previous('a')).toBeUndefined();
    store.apply(set('2', { a: 'new' }));
    expect([store.get('a'), store.previous('a')]).toEqual(['new', 'old']);
    clock.advance(999);
    store.apply(set('3', { a: 'new', b: 'x' }));
    expect(store.previous('a')).toBe('old');
    clock.advance(1);
    expect(store.previous('a')).toBeUndefined();
  });

  it('have one previous value: the one that get returned before', () => {
    const clock = new ManualClock();
    const store = new CredentialStore({ clock, graceMs: 1_000 });
    for (const value of ['one', 'two', 'three']) store.apply(set(value, { a: value }));
    expect([store.get('a'), store.previous('a')]).toEqual(['three', 'two']);
  });

  it('are gone at once when they are withdrawn, previous values included', () => {
    const store = new CredentialStore({ clock: new ManualClock() });
    store.apply(set('1', { a: 'old' }));
    store.apply(set('2', { a: 'new' }));
    store.apply(set('3', {}));
    expect([store.get('a'), store.previous('a'), store.has('a')]).toEqual([undefined, undefined, false]);
    store.apply(set('4', { a: 'again' }));
    expect(store.previous('a')).toBeUndefined();
  });

  it('only grow in the first half of a change', () => {
    const store = new CredentialStore();
    store.apply(set('1', { a: 'x' }));
    const next = set('2', { b: 'y' });
    store.merge(next);
    expect([store.get('a'), store.get('b'), store.version]).toEqual(['x', 'y', '1']);
    store.apply(next);
    expect([store.get('a'), store.get('b'), store.version]).toEqual([undefined, 'y', '2']);
  });

  it('do not show themselves', () => {
    const store = new CredentialStore();
    store.apply(set('1', { a: 'sk-secret' }));
    const shown = inspect(store, { depth: 9, showHidden: true }) + JSON.stringify(store);
    expect(shown).not.toContain('sk-secret');
  });
});
