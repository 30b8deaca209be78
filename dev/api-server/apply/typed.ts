/** Objects seen through their schema: which fields they set, how two merge, what taking fields away leaves. */
import type { Schema } from '../kinds/kind.ts';
import { equal, isFields, isHollow } from '../object.ts';
import { memberSchema } from '../schema/schema.ts';
import { emptySet, type FieldSet, insert } from './field-set.ts';

type MaybeSchema = Schema | undefined;
/** A leaf is owned and replaced whole; members and items are merged one by one. */
type Shape = 'leaf' | 'members' | 'items';

function shapeOf(schema: MaybeSchema, value: unknown): Shape {
  if (isFields(value)) return schema?.['x-kubernetes-map-type'] === 'atomic' ? 'leaf' : 'members';
  const list = schema?.['x-kubernetes-list-type'];
  return Array.isArray(value) && (list === 'map' || list === 'set') ? 'items' : 'leaf';
}

/** How an item is found in its list: by its keys, or by being itself. */
function edgeOf(schema: MaybeSchema, item: unknown): string {
  const keys = schema?.['x-kubernetes-list-map-keys'];
  if (!keys || !isFields(item)) return `v:${JSON.stringify(item)}`;
  const named = [...keys].sort().filter((key) => item[key] !== undefined);
  return `k:${JSON.stringify(Object.fromEntries(named.map((key) => [key, item[key]])))}`;
}

/** `declared`: the schema names the member. */
type Part = { value: unknown; schema: MaybeSchema; declared: boolean };
/** Members and items by their edge; of several items with the same one the first counts. */
function partsOf(schema: MaybeSchema, value: unknown): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
    const edge = edgeOf(schema, item);
    if (!parts.has(edge)) parts.set(edge, { value: item, schema: schema?.items, declared: false });
  }
  for (const [name, member] of isFields(value) ? Object.entries(value) : []) {
    const declared = Object.hasOwn(schema?.properties ?? {}, name);
    parts.set(`f:${name}`, { value: member, schema: memberSchema(schema, name) ?? undefined, declared });
  }
  return parts;
}

/** A value of the shape with these parts. */
const joined = (shape: Shape, parts: [string, unknown][]): unknown =>
  shape === 'items'
    ? parts.map(([, item]) => item)
    : Object.fromEntries(parts.map(([edge, member]) => [edge.slice(2), member]));

/** Every field that `value` sets. */
export function fieldsOf(schema: MaybeSchema, value: unknown): FieldSet {
  const set = emptySet();
  const visit = (at: MaybeSchema, inner: unknown, path: string[]): void => {
    if (shapeOf(at, inner) === 'leaf') return insert(set, path);
    for (const [edge, part] of partsOf(at, inner)) {
      const below = [...path, edge];
      visit(part.schema, part.value, below);
      if (!part.declared || (isHollow(part.value) && !Array.isArray(part.value))) insert(set, below);
    }
  };
  visit(schema, value, []);
  return set;
}

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

export function compare(schema: MaybeSchema, before: unknown, after: unknown): Comparison {
  const result: Comparison = { added: emptySet(), modified: emptySet(), removed: emptySet() };
  const visit = (at: MaybeSchema, a: unknown, b: unknown, path: string[]): void => {
    const sides = [a, b].filter((side) => side !== undefined);
    const shape = shapeOf(at, b ?? a);
    // Two empty containers are leaves, so that empty and absent stay apart.
    if (shape !== 'leaf' && sides.every((one) => shapeOf(at, one) === shape) && !sides.every(isHollow)) {
      const [left, right] = [partsOf(at, a), partsOf(at, b)];
      for (const [edge, part] of new Map([...left, ...right])) {
        visit(part.schema, left.get(edge)?.value, right.get(edge)?.value, [...path, edge]);
      }
    } else if (sides.length === 2 && !equal(a, b)) insert(result.modified, path);
    if (a === undefined) insert(result.added, path);
    else if (b === undefined) insert(result.removed, path);
  };
  visit(schema, before, after, []);
  return result;
}

/** `applied` laid over `live`: what it sets wins, and keyed lists keep the order it asks for. */
export function merge(schema: MaybeSchema, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  const shape = shapeOf(schema, applied);
  if (shape === 'leaf' || shapeOf(schema, live) !== shape) return applied;
  const [left, right] = [partsOf(schema, live), partsOf(schema, applied)];
  const parts = mergedOrder([...left.keys()], [...right.keys()]).map((edge): [string, unknown] => {
    const [ours, theirs] = [left.get(edge), right.get(edge)];
    return [edge, merge((theirs ?? ours)?.schema, ours?.value, theirs?.value)];
  });
  return joined(shape, parts);
}

/** Live items keep their places between the applied ones, which stand in the applied order. */
function mergedOrder(live: string[], applied: string[]): string[] {
  const shared = applied.filter((edge) => live.includes(edge));
  const order = new Set<string>();
  let [l, r] = [0, 0];
  while (l < live.length || r < applied.length) {
    const [left, right] = [live[l], applied[r]];
    const next = shared.find((edge) => !order.has(edge));
    const wanted = left !== undefined && applied.includes(left);
    if (left !== undefined && (left === right || !wanted)) {
      order.add(left);
      if (left === right) r++;
      l++;
    } else if (left !== undefined && right !== undefined && next !== undefined && next !== left) {
      // A shared item whose turn has not come: its place is decided by the applied order.
      l++;
    } else {
      if (left !== undefined && order.has(left)) l++;
      if (right !== undefined) order.add(right);
      r++;
    }
  }
  return [...order];
}

/** `value` without the fields in `set`. A container that loses all it had is left empty. */
export function without(schema: MaybeSchema, value: unknown, set: FieldSet | undefined): unknown {
  const shape = shapeOf(schema, value);
  if (!set || set.children.size === 0 || shape === 'leaf') return value;
  const left = [...partsOf(schema, value)].filter(([edge]) => !set.children.get(edge)?.member);
  const parts = left.map(([edge, part]): [string, unknown] => {
    return [edge, without(part.schema, part.value, set.children.get(edge))];
  });
  return joined(shape, parts);
}

/** The set with every declared member on the way to one of its paths: removing it removes what it leaves hollow. */
export function withContainers(schema: MaybeSchema, set: FieldSet): FieldSet {
  const children = [...set.children].map(([edge, child]): [string, FieldSet] => {
    const name = edge.startsWith('f:') ? edge.slice(2) : undefined;
    const inner = name === undefined ? schema?.items : memberSchema(schema, name);
    const declared = name !== undefined && Object.hasOwn(schema?.properties ?? {}, name);
    return [edge, { ...withContainers(inner ?? undefined, child), member: child.member || declared }];
  });
  return { member: set.member, children: new Map(children) };
}
