/**
 * Objects of other API groups: only what every object has, and what the project itself reads of Secrets and Namespaces.
 *
 * Values are never part of these findings: a Secret's would be secrets.
 */
import type { PathPart } from '../problem.ts';
import type { Finding } from './finding.ts';

export function foreignFindings(object: Record<string, unknown>): Finding[] {
  const { metadata } = object;
  if (!isMap(metadata)) return [missing(['metadata'], 'an object with name')];
  const found: Finding[] = [];
  if (metadata.name === undefined) {
    if (metadata.generateName === undefined) found.push(missing(['metadata', 'name'], 'a name'));
  } else if (typeof metadata.name !== 'string' || metadata.name === '') {
    found.push(wrong(['metadata', 'name'], 'a non-empty string'));
  }
  if (metadata.namespace !== undefined && typeof metadata.namespace !== 'string') {
    found.push(wrong(['metadata', 'namespace'], 'a string'));
  }
  found.push(...texts(metadata, ['metadata'], 'labels'), ...texts(metadata, ['metadata'], 'annotations'));
  if (object.kind === 'Secret' && object.apiVersion === 'v1') {
    found.push(...texts(object, [], 'data'), ...texts(object, [], 'stringData'));
  }
  return found;
}

function texts(parent: Record<string, unknown>, path: PathPart[], field: string): Finding[] {
  const map = parent[field];
  if (map === undefined || map === null) return [];
  if (!isMap(map)) return [wrong([...path, field], 'a map of strings')];
  return Object.keys(map)
    .filter((key) => typeof map[key] !== 'string')
    .map((key) => wrong([...path, field, key], 'a string: put it in quotes'));
}

const missing = (path: PathPart[], expected: string): Finding => ({
  ...wrong(path, expected),
  message: `is required: ${expected}`,
});

const wrong = (path: PathPart[], expected: string): Finding => ({
  source: 'Schema',
  path,
  value: undefined,
  message: `must be ${expected}`,
  expected,
});

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
