/**
 * YAML as kubectl reads it: YAML 1.1 booleans, octal numbers, merge keys; no dates. A manifest must not mean two things.
 *
 * One difference: kubectl reads `on` and its like as true even where they are the name of a field. Here a name keeps its text, and
 * `ambiguousKeys` of an object lets the validator say that kubectl needs it in quotes.
 */
import {
  boolCoreTag,
  CORE_SCHEMA,
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  intCoreTag,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  seqTag,
} from 'js-yaml';
import { yesNo } from './yes-no.ts';

/** A word of which only its place tells whether it is a boolean or a name. */
class YesNo {
  readonly text: string;
  readonly value: boolean;

  constructor(text: string, value: boolean) {
    this.text = text;
    this.value = value;
  }
}
const asKey = (key: unknown): unknown => (key instanceof YesNo ? key.text : key);
/** The value itself, where it is no such word. */
export const asValue = (value: unknown): unknown => (value instanceof YesNo ? value.value : value);

const yesNoTag = defineScalarTag(boolCoreTag.tagName, {
  implicit: true,
  implicitFirstChars: 'tTfFyYnNoO'.split(''),
  resolve(source, isExplicit, tagName) {
    const value = yesNo(source);
    if (value !== undefined) return new YesNo(source, value);
    return boolCoreTag.resolve(source, isExplicit, tagName);
  },
  identify: () => false,
});

const INTEGER = /^([-+]?)(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[0-9]+)$/;

const integerTag = defineScalarTag(intCoreTag.tagName, {
  implicit: true,
  implicitFirstChars: '-+0123456789'.split(''),
  resolve(source) {
    const [, sign, digits] = INTEGER.exec(source.replaceAll('_', '')) ?? [];
    if (digits === undefined || source.startsWith('_')) return NOT_RESOLVED;
    const value = Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
    return sign === '-' ? -value : value;
  },
  identify: () => false,
});

const namesTag = defineMappingTag(mapTag.tagName, {
  create: mapTag.create,
  addPair: (carrier, key, value) => mapTag.addPair(carrier, asKey(key), asValue(value)),
  has: (carrier, key) => mapTag.has(carrier, asKey(key)),
  keys: mapTag.keys,
  get: mapTag.get,
  identify: () => false,
});

const itemsTag = defineSequenceTag(seqTag.tagName, {
  create: seqTag.create,
  addItem: (carrier, item, index) => seqTag.addItem(carrier, asValue(item), index),
  identify: () => false,
});

export const MANIFEST_SCHEMA = CORE_SCHEMA.withTags(mergeTag, yesNoTag, integerTag, namesTag, itemsTag);
