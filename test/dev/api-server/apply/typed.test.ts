import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sets from '../../../../dev/api-server/apply/field-set.ts';
import { compare, fieldsOf, merge, without } from '../../../../dev/api-server/apply/typed.ts';
import type { Schema } from '../../../../dev/api-server/kinds/kind.ts';

const text: Schema = { type: 'string' };
const list = (items: Schema, type: 'atomic' | 'set' | 'map'): Schema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': type,
  ...(type === 'map' && { 'x-kubernetes-list-map-keys': ['name'] }),
});
const item: Schema = { type: 'object', properties: { name: text, value: text, tags: list(text, 'set') } };
const schema: Schema = {
  type: 'object',
  properties: {
    keyed: list(item, 'map'),
    marks: list(text, 'set'),
    whole: list(item, 'atomic'),
    labels: { type: 'object', additionalProperties: text },
    reference: { type: 'object', properties: { name: text }, 'x-kubernetes-map-type': 'atomic' },
  },
};

/** JSON knows no other objects. */
const plain = { noNullPrototype: true };
const letter = fc.constantFrom('a', 'b', 'c');
const marks = fc.uniqueArray(letter, { maxLength: 3 });
const anItem = fc.record({ name: letter, value: letter, tags: marks }, { ...plain, requiredKeys: ['name'] });
const keyed = fc.uniqueArray(anItem, { selector: ({ name }) => name, maxLength: 3 });
const object = fc.record(
  {
    keyed,
    marks,
    whole: fc.array(anItem, { maxLength: 2 }),
    labels: fc.dictionary(letter, letter, plain),
    reference: fc.record({ name: letter }, { ...plain, requiredKeys: [] }),
  },
  { ...plain, requiredKeys: [] },
);

describe('objects with a schema', () => {
  it('differ from themselves in nothing', () => {
    fc.assert(
      fc.property(object, (one) => {
        const { added, modified, removed } = compare(schema, one, structuredClone(one));
        expect([added, modified, removed].map(sets.isEmpty)).toEqual([true, true, true]);
      }),
    );
  });

  it('differ the other way round in the opposite', () => {
    fc.assert(
      fc.property(object, object, (one, other) => {
        const [there, back] = [compare(schema, one, other), compare(schema, other, one)];
        expect(sets.paths(there.added)).toEqual(sets.paths(back.removed));
        expect(sets.paths(there.modified)).toEqual(sets.paths(back.modified));
      }),
    );
  });

  it('are merged into what says all that was applied, and once is enough', () => {
    fc.assert(
      fc.property(object, object, (live, applied) => {
        const merged = merge(schema, live, applied);
        expect(merge(schema, merged, applied)).toEqual(merged);
        const { modified, removed } = compare(schema, merged, applied);
        const claimed = fieldsOf(schema, applied);
        for (const lost of [modified, removed]) expect(sets.paths(sets.intersect(lost, claimed))).toEqual([]);
      }),
    );
  });

  it('keep in the merge all that was not applied', () => {
    fc.assert(
      fc.property(object, object, (live, applied) => {
        const { removed } = compare(schema, live, merge(schema, live, applied));
        // Lists and maps that are replaced whole may take fields with them; all others stay.
        const lost = sets.paths(removed).filter(([top]) => top !== 'f:whole' && top !== 'f:reference');
        expect(lost).toEqual([]);
      }),
    );
  });

  it('lose the fields that are taken out, and no others', () => {
    fc.assert(
      fc.property(object, object, (one, other) => {
        const out = fieldsOf(schema, other);
        const left = fieldsOf(schema, without(schema, one, out));
        expect(sets.paths(sets.intersect(left, sets.intersect(fieldsOf(schema, one), out)))).toEqual([]);
      }),
    );
  });

  it.each([
    ['applied items in their order', 'ab', 'ba', 'ba'],
    ['live items between them', 'axb', 'ab', 'axb'],
    ['live items before and after', 'xaby', 'ab', 'xaby'],
    ['new items where they were applied', 'ac', 'abc', 'abc'],
    ['new items beside live ones', 'ax', 'ab', 'axb'],
    ['nothing applied', 'abc', '', 'abc'],
  ])('keep the order of lists: %s', (_, live, applied, merged) => {
    const marked = (letters: string) => ({ marks: letters.split('') });
    expect(merge(schema, marked(live), marked(applied))).toEqual(marked(merged));
  });
});
