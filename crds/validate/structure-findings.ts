/**
 * Walks an object along its structural schema for what zod does not say: entries of a set or keyed list that occur twice,
 * maps that are too large, and the CEL rules.
 */
import { CelError } from '../cel/ast.ts';
import { type CompiledRule, compileRule } from '../cel/rule.ts';
import type { CelRule } from '../common.ts';
import type { PathPart } from '../problem.ts';
import type { StructuralSchema } from '../structural.ts';
import { expected } from './expected.ts';
import { type Finding, valueAt } from './finding.ts';

/** `broken` holds what the schema already refuses; a rule that would read it is not asked. */
export function structureFindings(
  schema: StructuralSchema,
  value: unknown,
  path: PathPart[],
  broken: readonly Finding[],
): Finding[] {
  const found: Finding[] = [];
  walk(schema, value, path, broken, found);
  return found;
}

function walk(
  schema: StructuralSchema,
  value: unknown,
  path: PathPart[],
  broken: readonly Finding[],
  found: Finding[],
): void {
  if (value === undefined || value === null) return;
  const before = found.length;
  if (schema.type === 'array' && Array.isArray(value)) {
    if (schema.maxItems !== undefined && value.length > schema.maxItems) return;
    duplicates(schema, value, path, found);
    const { items } = schema;
    if (items) value.forEach((item, i) => walk(items, item, [...path, i], broken, found));
  } else if (schema.type === 'object' && typeof value === 'object' && !Array.isArray(value)) {
    const { properties = {}, additionalProperties, maxProperties } = schema;
    const entries = Object.entries(value);
    if (maxProperties !== undefined && entries.length > maxProperties) {
      const right = expected(schema);
      found.push({ source: 'Schema', path, value, message: `must be ${right}`, expected: right });
    }
    for (const [name, child] of entries) {
      const childSchema = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
      if (childSchema) walk(childSchema, child, [...path, name], broken, found);
    }
  }
  if (schema['x-kubernetes-validations'] && !found.slice(before).some((f) => f.source === 'Schema')) {
    rules(schema, value, path, broken, found);
  }
}

function rules(
  schema: StructuralSchema,
  value: unknown,
  path: PathPart[],
  broken: readonly Finding[],
  found: Finding[],
): void {
  // A field that is misspelt or wrong would make rules of the same object, or of the list around it, complain as well.
  const depth = Array.isArray(value) ? 2 : 1;
  if (broken.some((finding) => near(finding.path, path, depth))) return;
  for (const { rule, compiled } of compiledRules(schema)) {
    const outcome = ask(compiled, value);
    if (outcome === true) continue;
    const field = rule.fieldPath?.split('.').filter(Boolean) ?? [];
    const at = [...path, ...field];
    if (outcome === false) {
      const there = valueAt(value, field);
      found.push({ source: 'Rule', path: at, value: there, message: rule.message, expected: rule.message });
    } else if (outcome.pattern !== undefined) {
      found.push({
        source: 'Pattern',
        path: at,
        value: outcome.pattern,
        message: `${rule.message}: ${outcome.message}`,
        expected: rule.message,
      });
    } else if (broken.length === 0) {
      throw new Error(`CEL rule "${rule.rule}" failed: ${outcome.message}`);
    }
  }
}

/** Whether a problem stands around a node, at it, or at most `depth` levels inside. */
const near = (problem: readonly PathPart[], node: readonly PathPart[], depth: number): boolean =>
  problem.length <= node.length + depth &&
  node.every((part, i) => i >= problem.length || problem[i] === part);

function ask(rule: CompiledRule, value: unknown): boolean | CelError {
  try {
    return rule.holds(value);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

function duplicates(schema: StructuralSchema, value: unknown[], path: PathPart[], found: Finding[]): void {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Map<string, number>();
  value.forEach((item, index) => {
    const key = type === 'set' ? [item] : keys.map((name) => valueAt(item, [name]));
    if (key.includes(undefined)) return;
    const text = JSON.stringify(key);
    const first = seen.get(text);
    if (first === undefined) {
      seen.set(text, index);
      return;
    }
    const right = type === 'set' ? 'values that differ' : `a ${keys.join(' and ')} of its own in each entry`;
    found.push({
      source: 'Schema',
      path: [...path, index],
      value: key[0],
      message: `is there already as entry ${first}; the list takes ${right}`,
      expected: right,
    });
  });
}

const cache = new WeakMap<StructuralSchema, { rule: CelRule; compiled: CompiledRule }[]>();
function compiledRules(schema: StructuralSchema): { rule: CelRule; compiled: CompiledRule }[] {
  let compiled = cache.get(schema);
  if (!compiled) {
    const list = schema['x-kubernetes-validations'] ?? [];
    compiled = list.map((rule) => ({ rule, compiled: compileRule(rule.rule, schema) }));
    cache.set(schema, compiled);
  }
  return compiled;
}
