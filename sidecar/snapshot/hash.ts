/** The hash that names a snapshot: sha256 over canonical JSON, so that equal content has one name everywhere. */
import { createHash } from 'node:crypto';
import type { SnapshotItem } from './schema.ts';

/**
 * JSON with members sorted by name (UTF-16 code units) and no white space. Undefined members are left out, as
 * `JSON.stringify` does, so a value and its parsed wire form are canonically equal.
 */
export function canonicalJson(value: unknown): string {
  // The engine writes several times faster than we can; and what the operator sends is in order already.
  const ordered = inOrder(value);
  return ordered === UNORDERED ? written(value) : JSON.stringify(ordered);
}

/** Hash of a snapshot with these items, hex. Items unknown to this version count like all others. */
export function snapshotHash(items: readonly SnapshotItem[]): string {
  return createHash('sha256').update(canonicalJson(items)).digest('hex');
}

function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(element).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name];
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${written(member)}`);
  }
  return `{${members.join(',')}}`;
}

function element(value: unknown): string {
  return value === undefined ? 'null' : written(value);
}

const UNORDERED = Symbol('unordered');

/** The value, where members at every depth come in canonical order, else a copy where they do; UNORDERED where no object can have them so. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return elementsInOrder(value);
  const from = value as Record<string, unknown>;
  const names = Object.keys(from);
  const isSorted = names.every((name, i) => i === 0 || name >= (names[i - 1] as string));
  // Names like `10` are enumerated by number, whenever they were set, and `__proto__` would be no member.
  if (!isSorted && names.some((name) => /^\d|^__proto__$/.test(name))) return UNORDERED;
  let copy: Record<string, unknown> | undefined = isSorted ? undefined : {};
  for (const name of isSorted ? names : names.sort()) {
    const member = inOrder(from[name]);
    if (member === UNORDERED) return UNORDERED;
    if (!copy && member !== from[name]) copy = { ...from };
    if (copy) copy[name] = member;
  }
  return copy ?? value;
}

function elementsInOrder(values: readonly unknown[]): unknown {
  let copy: unknown[] | undefined;
  for (const [i, value] of values.entries()) {
    const element = inOrder(value);
    if (element === UNORDERED) return UNORDERED;
    if (element === value) continue;
    copy ??= values.slice();
    copy[i] = element;
  }
  return copy ?? values;
}
