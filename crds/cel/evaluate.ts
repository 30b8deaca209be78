/**
 * Evaluates a parsed rule over plain JSON, with CEL's semantics: `&&`, `||`, `all` and `exists` absorb an error of one
 * operand where the other decides the result.
 */
import { RE2JS } from 're2js';
import { CelError, type Expression, type Macro, type Operator } from './ast.ts';

type Scope = { readonly [name: string]: unknown };

/** Throws CelError where CEL would: an absent field, an index out of bounds, a bad pattern, mismatched types. */
export function evaluate(expression: Expression, scope: Scope): unknown {
  switch (expression.type) {
    case 'literal':
      return expression.value;
    case 'list':
      return expression.items.map((item) => evaluate(item, scope));
    case 'identifier':
      if (!Object.hasOwn(scope, expression.name)) {
        throw new CelError(`undeclared reference to "${expression.name}"`);
      }
      return scope[expression.name];
    case 'select': {
      const object = evaluate(expression.object, scope);
      if (!isMap(object)) throw new CelError(`no such field: ${expression.field}`);
      const there = Object.hasOwn(object, expression.field);
      if (expression.test) return there;
      if (!there) throw new CelError(`no such key: ${expression.field}`);
      return object[expression.field];
    }
    case 'index':
      return element(evaluate(expression.object, scope), evaluate(expression.index, scope));
    case 'not':
      return !truth(evaluate(expression.operand, scope));
    case 'binary':
      return binary(expression.operator, expression.left, expression.right, scope);
    case 'ternary':
      return truth(evaluate(expression.condition, scope))
        ? evaluate(expression.yes, scope)
        : evaluate(expression.no, scope);
    case 'call': {
      const target = evaluate(expression.target, scope);
      if (!expression.argument) return size(target);
      const argument = evaluate(expression.argument, scope);
      if (typeof target !== 'string' || typeof argument !== 'string') throw noOverload(expression.method);
      return expression.method === 'startsWith'
        ? target.startsWith(argument)
        : compiled(argument).test(target);
    }
    case 'macro':
      return macro(expression.macro, evaluate(expression.target, scope), (item) =>
        truth(evaluate(expression.predicate, { ...scope, [expression.variable]: item })),
      );
  }
}

function binary(operator: Operator, left: Expression, right: Expression, scope: Scope): boolean {
  if (operator === '&&' || operator === '||') {
    const deciding = operator === '||';
    let failure: unknown;
    for (const side of [left, right]) {
      try {
        if (truth(evaluate(side, scope)) === deciding) return deciding;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure) throw failure;
    return !deciding;
  }
  const a = evaluate(left, scope);
  const b = evaluate(right, scope);
  if (operator === '==') return equal(a, b);
  if (operator === '!=') return !equal(a, b);
  if (operator === 'in') {
    if (Array.isArray(b)) return b.some((item) => equal(a, item));
    if (isMap(b) && typeof a === 'string') return Object.hasOwn(b, a);
    throw noOverload('in');
  }
  const order = compare(a, b);
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

function macro(name: Macro, target: unknown, holds: (item: unknown) => boolean): boolean {
  if (!Array.isArray(target) && !isMap(target)) throw noOverload(name);
  const items: unknown[] = Array.isArray(target) ? target : Object.keys(target);
  if (name === 'exists_one') return items.filter(holds).length === 1;
  const deciding = name === 'exists';
  let failure: unknown;
  for (const item of items) {
    try {
      if (holds(item) === deciding) return deciding;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return !deciding;
}

function element(object: unknown, index: unknown): unknown {
  if (Array.isArray(object) && typeof index === 'number') {
    if (index < 0 || index >= object.length) throw new CelError(`index out of bounds: ${index}`);
    return object[index];
  }
  if (!isMap(object) || typeof index !== 'string') throw noOverload('[]');
  if (!Object.hasOwn(object, index)) throw new CelError(`no such key: ${index}`);
  return object[index];
}

function size(value: unknown): number {
  if (typeof value === 'string') return Array.from(value).length;
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw noOverload('size');
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  }
  if (!isMap(a) || !isMap(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
  );
}

/** Strings are ordered by code point, as CEL does, not by UTF-16 unit. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  throw noOverload('comparison');
}

function truth(value: unknown): boolean {
  if (typeof value !== 'boolean') throw noOverload('condition');
  return value;
}

/** Rules are few, but patterns can come from objects: the cache is dropped when it has grown. */
const patterns = new Map<string, RE2JS>();
function compiled(pattern: string): RE2JS {
  let found = patterns.get(pattern);
  if (!found) {
    try {
      found = RE2JS.compile(pattern);
    } catch (error) {
      throw new CelError(error instanceof Error ? error.message : String(error), pattern);
    }
    if (patterns.size >= 256) patterns.clear();
    patterns.set(pattern, found);
  }
  return found;
}

const noOverload = (what: string) => new CelError(`no such overload: ${what}`);

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
