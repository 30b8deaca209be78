import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, snapshotHash } from '../../../sidecar/snapshot/hash.ts';
import { routeItem } from '../../operator/sync/support/snapshots.ts';

describe('canonical JSON', () => {
  it('sorts members at every depth and leaves undefined ones out', () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined }, undefined], a: 'é"\n' })).toBe(
      '{"a":"é\\"\\n","b":[{"d":1},null]}',
    );
  });

  it('leaves the value as it is', () => {
    const value = { b: [{ d: 1, c: { f: 1, e: 2 } }], a: 1 };
    expect(canonicalJson(value)).toBe('{"a":1,"b":[{"c":{"e":2,"f":1},"d":1}]}');
    expect(JSON.stringify(value)).toBe('{"b":[{"d":1,"c":{"f":1,"e":2}}],"a":1}');
  });

  it('has members of any name', () => {
    const value = JSON.parse('{"b":{"y":1,"x":2},"__proto__":{"d":1,"c":2}}') as object;
    expect(canonicalJson(value)).toBe('{"__proto__":{"c":2,"d":1},"b":{"x":2,"y":1}}');
  });

  it('is the same for a value and for what arrives of it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(JSON.stringify(value)))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order in which members were set', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      }),
    );
  });
});

describe('the hash of a snapshot', () => {
  it('is that of its items', () => {
    expect(snapshotHash([])).toBe('4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
    expect(snapshotHash([routeItem('a')])).toBe(snapshotHash([JSON.parse(JSON.stringify(routeItem('a')))]));
    expect(snapshotHash([routeItem('a')])).not.toBe(snapshotHash([routeItem('a', 2)]));
  });
});

describe('names that look like numbers', () => {
  it('are sorted as text', () => {
    expect(canonicalJson({ 10: 1, 9: 2, a: { 2: 1, 11: 1 } })).toBe('{"10":1,"9":2,"a":{"11":1,"2":1}}');
    expect(canonicalJson({ 1: 1, 2: 2 })).toBe('{"1":1,"2":2}');
    expect(canonicalJson([{ b: 1, a: { 5: 1, $: 2 } }])).toBe('[{"a":{"$":2,"5":1},"b":1}]');
  });
});
