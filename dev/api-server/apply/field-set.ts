/** Sets of field paths, as managedFields spells them: a trie whose edges are `f:name`, `k:{"key":"value"}` and `v:value`. */
import { type Fields, isFields } from '../object.ts';

export interface FieldSet {
  /** Whether the path that ends here is in the set. */
  member: boolean;
  children: Map<string, FieldSet>;
}

export const emptySet = (): FieldSet => ({ member: false, children: new Map() });
export const isEmpty = (set: FieldSet): boolean => !set.member && set.children.size === 0;
const NONE = emptySet();

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

type Keep = (inA: boolean, inB: boolean) => boolean;
function combine(a: FieldSet, b: FieldSet, keep: Keep): FieldSet {
  const result: FieldSet = { member: keep(a.member, b.member), children: new Map() };
  for (const edge of new Set([...a.children.keys(), ...b.children.keys()])) {
    const child = combine(a.children.get(edge) ?? NONE, b.children.get(edge) ?? NONE, keep);
    if (!isEmpty(child)) result.children.set(edge, child);
  }
  return result;
}
export const union = (...sets: FieldSet[]): FieldSet =>
  sets.reduce((sum, set) => combine(sum, set, (inA, inB) => inA || inB), NONE);
export const intersect = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && inB);
export const minus = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && !inB);

/** `a` without the paths of `b` and everything below them. */
export function minusTrees(a: FieldSet, b: FieldSet): FieldSet {
  const kept = [...a.children].filter(([edge]) => !b.children.get(edge)?.member);
  const children = kept.map(([edge, child]): [string, FieldSet] => {
    return [edge, minusTrees(child, b.children.get(edge) ?? NONE)];
  });
  return { member: a.member, children: new Map(children.filter(([, child]) => !isEmpty(child))) };
}

const sorted = (set: FieldSet): [string, FieldSet][] =>
  [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));

/** Every path of the set: at each level its members, then what is below them. */
export function paths(set: FieldSet, above: string[] = []): string[][] {
  const edges = sorted(set);
  const members = edges.filter(([, child]) => child.member).map(([edge]) => [...above, edge]);
  return [...members, ...edges.flatMap(([edge, child]) => paths(child, [...above, edge]))];
}

/** The `fieldsV1` form: a lone member is `{}`, a member with more below carries `.`. */
export function encode(set: FieldSet): Fields {
  const below = Object.fromEntries(sorted(set).map(([edge, child]) => [edge, encode(child)]));
  return set.member && set.children.size > 0 ? { '.': {}, ...below } : below;
}

export function decode(fieldsV1: unknown): FieldSet {
  const { '.': own, ...below } = isFields(fieldsV1) ? fieldsV1 : {};
  const children = Object.entries(below).map(([edge, child]): [string, FieldSet] => [edge, decode(child)]);
  return { member: own !== undefined || children.length === 0, children: new Map(children) };
}

/** `.spec.rules`, `.status.conditions[type="Ready"].status`: how conflicts name a field. */
export const printPath = (path: readonly string[]): string => path.map(printEdge).join('');
function printEdge(edge: string): string {
  const rest = edge.slice(2);
  if (edge.startsWith('f:')) return `.${rest}`;
  if (edge.startsWith('v:')) return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Fields);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
