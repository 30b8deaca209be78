/** The hash that names a snapshot: sha256 over canonical JSON, so that equal content has one name everywhere. */
import { createHash } from 'node:crypto';
import type { SnapshotItem } from './schema.ts';

/**
 * JSON with members sorted by name (UTF-16 code units) and no white space. Undefined members are left out, as
 * `JSON.stringify` does, so a value and its parsed wire form are canonically equal.
 */
export function canonicalJson(value: unknown): string {
  // What the operator sends is in order already, and the engine writes it several times faster than we can.
  return isSorted(value) ? JSON.stringify(value) : written(value);
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

/** Whether members at every depth come in canonical order. Names like `10` are enumerated by number, and rightly fail. */
function isSorted(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  let last = '';
  for (const name of Object.keys(value)) {
    if (name < last || !isSorted((value as Record<string, unknown>)[name])) return false;
    last = name;
  }
  return true;
}
