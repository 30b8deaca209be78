/** A short notation for schemas of built-in kinds. */
import { mapFields } from '../object.ts';
import type { Schema } from './kind.ts';

/**
 * A word is a scalar, a map of text or anything at all; `[shape, ...keys]` is a list merged by its keys, replaced whole
 * without them, and a set with the key `set`; `...: true` keeps members that are not named.
 */
export type Shape = keyof typeof WORDS | [Shape, ...string[]] | { [member: string]: Shape | true };

const BASE64 = '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';
const OPEN = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;
const WORDS = {
  text: { type: 'string' },
  time: { type: 'string', format: 'date-time' },
  integer: { type: 'integer', format: 'int64' },
  flag: { type: 'boolean' },
  texts: { type: 'object', additionalProperties: { type: 'string' } },
  bytesByName: { type: 'object', additionalProperties: { type: 'string', pattern: BASE64 } },
  any: OPEN,
  reference: { ...OPEN, 'x-kubernetes-map-type': 'atomic' },
} as const satisfies Record<string, Schema>;

export function schemaOf(shape: Shape): Schema {
  if (typeof shape === 'string') return WORDS[shape];
  if (Array.isArray(shape)) {
    const [items, ...keys] = shape;
    const type = keys.length === 0 ? 'atomic' : keys[0] === 'set' ? 'set' : 'map';
    const list: Schema = { type: 'array', items: schemaOf(items), 'x-kubernetes-list-type': type };
    return type === 'map' ? { ...list, 'x-kubernetes-list-map-keys': keys } : list;
  }
  const { '...': open, ...members } = shape;
  const properties = mapFields(members as Record<string, Shape>, schemaOf);
  return { ...(open && OPEN), type: 'object', properties };
}

/** Members of one shape. */
export const all = (shape: Shape, ...names: string[]): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, shape]));

export const OBJECT_META: Schema = {
  description: 'What every object has: its name, labels, and what the server keeps about it.',
  ...schemaOf({
    ...all('text', 'name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'selfLink'),
    ...all('texts', 'labels', 'annotations'),
    ...all('time', 'creationTimestamp', 'deletionTimestamp'),
    ...all('integer', 'generation', 'deletionGracePeriodSeconds'),
    finalizers: ['text', 'set'],
    ownerReferences: ['reference', 'uid'],
    managedFields: ['any'],
  }),
};
