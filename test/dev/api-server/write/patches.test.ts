import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonPatch, mergePatch, strategicPatch } from '../../../../dev/api-server/write/patches.ts';

describe('merge patch', () => {
  // The test cases of RFC 7386.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j by %j is %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('changes a copy, and twice is once', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const before = structuredClone(target);
        const once = mergePatch(target, patch);
        expect(target).toEqual(before);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });
});

describe('strategic merge patch', () => {
  it('is a merge patch of maps', () => {
    const target = { data: { a: '1', b: '2' }, metadata: { labels: { x: 'y' } } };
    const patch = { data: { a: null, c: '3' }, metadata: { labels: { z: 'w' } } };
    expect(strategicPatch(target, patch)).toEqual({
      data: { b: '2', c: '3' },
      metadata: { labels: { x: 'y', z: 'w' } },
    });
  });

  it('replaces a map on demand, and takes one out', () => {
    const target = { data: { a: '1' }, metadata: { labels: { x: 'y' } } };
    const patch = { data: { $patch: 'replace', b: '2' }, metadata: { labels: { $patch: 'delete' } } };
    expect(strategicPatch(target, patch)).toEqual({ data: { b: '2' }, metadata: {} });
  });

  it('merges finalizers as a set, and takes single ones out', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } };
    const added = strategicPatch(target, { metadata: { finalizers: ['c', 'a'] } });
    expect(added).toEqual({ metadata: { finalizers: ['c', 'a', 'b'] } });
    const order = { '$setElementOrder/finalizers': ['b'], '$deleteFromPrimitiveList/finalizers': ['a'] };
    expect(strategicPatch(target, { metadata: order })).toEqual({ metadata: { finalizers: ['b'] } });
  });

  it('refuses directives that it does not know', () => {
    expect(() => strategicPatch({}, { data: { $patch: 'twist' } })).toThrow(
      'Unknown patch type found: twist',
    );
  });
});

describe('JSON patch', () => {
  // The examples of RFC 6902, appendix A.
  it.each([
    ['A.1', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
    ['A.2', { foo: [1, 3] }, [{ op: 'add', path: '/foo/1', value: 2 }], { foo: [1, 2, 3] }],
    ['A.3', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    ['A.4', { foo: [1, 2, 3] }, [{ op: 'remove', path: '/foo/1' }], { foo: [1, 3] }],
    ['A.5', { baz: 'qux' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo' }],
    [
      'A.6',
      { foo: { a: 1 }, qux: {} },
      [{ op: 'move', from: '/foo/a', path: '/qux/b' }],
      { foo: {}, qux: { b: 1 } },
    ],
    ['A.7', { foo: [1, 2, 3] }, [{ op: 'move', from: '/foo/1', path: '/foo/2' }], { foo: [1, 3, 2] }],
    [
      'A.8',
      { baz: 'qux', foo: ['a'] },
      [{ op: 'test', path: '/foo/0', value: 'a' }],
      { baz: 'qux', foo: ['a'] },
    ],
    [
      'A.10',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { a: {} } }],
      { foo: 'bar', child: { a: {} } },
    ],
    ['A.11', { foo: 'bar' }, [{ op: 'add', path: '/b', value: 'q', xyz: 123 }], { foo: 'bar', b: 'q' }],
    ['A.14', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    ['A.16', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc'] }], { foo: ['bar', ['abc']] }],
    ['a whole document', { foo: 1 }, [{ op: 'replace', path: '', value: { bar: 2 } }], { bar: 2 }],
    ['a copy', { foo: [1] }, [{ op: 'copy', from: '/foo', path: '/bar' }], { foo: [1], bar: [1] }],
  ])('%s', (_, target, patch, result) => {
    const before = structuredClone(target);
    expect(jsonPatch(target, patch)).toEqual(result);
    expect(target).toEqual(before);
  });

  it.each([
    ['A.9: a failed test', { baz: 'qux' }, { op: 'test', path: '/baz', value: 'bar' }],
    ['A.12: a missing container', { foo: 'bar' }, { op: 'add', path: '/baz/bat', value: 'qux' }],
    ['A.15: text for a number', { '~1': 10 }, { op: 'test', path: '/~01', value: '10' }],
    ['removal of what is not there', { foo: 'bar' }, { op: 'remove', path: '/baz' }],
    ['an index beyond the end', { foo: [1] }, { op: 'add', path: '/foo/2', value: 2 }],
    ['an index that is none', { foo: [1] }, { op: 'add', path: '/foo/x', value: 2 }],
    ['removal at the end', { foo: [1] }, { op: 'remove', path: '/foo/-' }],
    ['a pointer without a slash', { foo: 1 }, { op: 'replace', path: 'foo', value: 2 }],
    ['no path', { foo: 1 }, { op: 'add', value: 2 }],
    ['an unknown operation', { foo: 1 }, { op: 'merge', path: '/foo', value: 2 }],
    ['no operation', { foo: 1 }, null],
    ['a way through text', { foo: 'bar' }, { op: 'add', path: '/foo/bar', value: 2 }],
  ])('refuses %s', (_, target, operation) => {
    expect(() => jsonPatch(target, [operation])).toThrow('the server rejected our request');
  });

  it('is a list', () => {
    expect(() => jsonPatch({}, { op: 'add' })).toThrow('cannot unmarshal object into Go value');
  });

  it('never reaches the prototype of an object', () => {
    const patch = [{ op: 'add', path: '/__proto__/polluted', value: true }];
    expect(() => jsonPatch({}, patch)).toThrow('the server rejected our request');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
