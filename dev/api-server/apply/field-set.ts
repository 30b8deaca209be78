/** Sets of field paths, as managedFields spells them: a trie whose edges are `f:name`, `k:{"key":"value"}` and `v:value`. */
import { type Fields, isFields } from '../object.ts';

export interface FieldSet {
  /** Whether the path that ends here is in the set. */
  member: boolean;
  children: Map<string, FieldSet>;
}

export const emptySet = (): FieldSet => ({ member: false, children: new Map() });
export const isEmpty = (set: FieldSet): boolean => !set.member && set.children.size === 0;

export function insert(set: FieldSet, path: readonly string[]): void {
  let at = set;
  for (const edge of path) {
    const next = at.children.get(edge) ?? emptySet();
    at.children.set(edge, next);
    at = next;
  }
  at.member = true;
}

export function setOfPaths(paths: string[][]): FieldSet {
  const set = emptySet();
  for (const path of paths) insert(set, path);
  return set;
}

/** A set over the edges of `set` and `other`; children that come out empty are left out. */
function build(set: FieldSet, other: FieldSet, member: boolean, child: (edge: string) => FieldSet): FieldSet {
  const edges = new Set([...set.children.keys(), ...other.children.keys()]);
  const children = [...edges].map((edge): [string, FieldSet] => [edge, child(edge)]);
  return { member, children: new Map(children.filter(([, inner]) => !isEmpty(inner))) };
}

type Keep = (inA: boolean, inB: boolean) => boolean;
const NONE = emptySet();
const combine = (a: FieldSet, b: FieldSet, keep: Keep): FieldSet =>
  build(a, b, keep(a.member, b.member), (edge) =>
    combine(a.children.get(edge) ?? NONE, b.children.get(edge) ?? NONE, keep),
  );
export const union = (...sets: FieldSet[]): FieldSet =>
  sets.reduce((sum, set) => combine(sum, set, (inA, inB) => inA || inB), NONE);
export const intersect = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && inB);
export const minus = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && !inB);

/** `a` without the paths of `b` and everything below them. */
export const minusTrees = (a: FieldSet, b: FieldSet): FieldSet =>
  build(a, NONE, a.member, (edge) => {
    const other = b.children.get(edge) ?? NONE;
    return other.member ? NONE : minusTrees(a.children.get(edge) ?? NONE, other);
  });

const sorted = (set: FieldSet): [string, FieldSet][] =>
  [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));

/** Every path of the set, in the order of their spelling. */
export const paths = (set: FieldSet, above: string[] = []): string[][] =>
  sorted(set).flatMap(([edge, child]) => {
    const path = [...above, edge];
    return [...(child.member ? [path] : []), ...paths(child, path)];
  });

/** The `fieldsV1` form: a lone member is `{}`, a member with more below carries `.`. */
export function encode(set: FieldSet): Fields {
  const below = Object.fromEntries(sorted(set).map(([edge, child]) => [edge, encode(child)]));
  return set.member && set.children.size > 0 ? { '.': {}, ...below } : below;
}

export function decode(fieldsV1: unknown): FieldSet {
  const edges = isFields(fieldsV1) ? Object.entries(fieldsV1) : [];
  return {
    member: edges.length === 0 || edges.some(([edge]) => edge === '.'),
    children: new Map(edges.filter(([edge]) => edge !== '.').map(([edge, child]) => [edge, decode(child)])),
  };
}

/** `.spec.rules`, `.status.conditions[type="Ready"].status`: how conflicts name a field. */
export const printPath = (path: readonly string[]): string =>
  path
    .map((edge) => {
      const rest = edge.slice(2);
      if (edge.startsWith('f:')) return `.${rest}`;
      if (edge.startsWith('v:')) return `[=${rest}]`;
      const keys = Object.entries(JSON.parse(rest) as Fields);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
