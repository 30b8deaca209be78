/**
 * Checks a parsed rule against the schema it stands in, as the API server does when a CRD is applied: every field exists,
 * every operator and function gets the types it takes, and the whole is a boolean. A typo in a rule fails the generator.
 */
import type { StructuralSchema } from '../structural.ts';
import { CelSyntaxError, type Expression } from './ast.ts';

type CelType =
  | { is: 'bool' | 'int' | 'string' | 'null' | 'opaque' }
  | { is: 'list'; item: CelType | undefined }
  | { is: 'map'; value: StructuralSchema }
  | { is: 'object'; fields: Record<string, StructuralSchema> };
type Scope = Readonly<Record<string, CelType>>;

const BOOL: CelType = { is: 'bool' };
const INT: CelType = { is: 'int' };
const STRING: CelType = { is: 'string' };

/** Throws CelSyntaxError. `self` is a value of `schema`. */
export function check(rule: string, expression: Expression, schema: StructuralSchema): void {
  const fail = (at: number, message: string): never => {
    throw new CelSyntaxError(rule, at, message);
  };
  const want = (wanted: CelType['is'], node: Expression, scope: Scope): void => {
    const got = infer(node, scope);
    if (got.is !== wanted) fail(node.at, `a ${wanted} is wanted here, not a ${got.is}`);
  };

  const infer = (node: Expression, scope: Scope): CelType => {
    switch (node.type) {
      case 'literal':
        return literalType(node.value);
      case 'list': {
        const types = node.items.map((item) => infer(item, scope));
        if (types.some((type) => type.is !== types[0]?.is)) fail(node.at, 'a list holds values of one type');
        return { is: 'list', item: types[0] };
      }
      case 'identifier': {
        const type = Object.hasOwn(scope, node.name) ? scope[node.name] : undefined;
        return (
          type ?? fail(node.at, `"${node.name}" is not declared; a rule knows self and its own variables`)
        );
      }
      case 'select': {
        const object = infer(node.object, scope);
        if (object.is === 'map') {
          return node.test ? BOOL : typeOf(object.value);
        }
        if (object.is !== 'object') return fail(node.at, `a ${object.is} has no field "${node.field}"`);
        const field = Object.hasOwn(object.fields, node.field) ? object.fields[node.field] : undefined;
        if (!field) {
          return fail(
            node.at,
            `no field "${node.field}"; there are ${Object.keys(object.fields).join(', ')}`,
          );
        }
        return node.test ? BOOL : typeOf(field);
      }
      case 'index': {
        const object = infer(node.object, scope);
        if (object.is === 'list') {
          want('int', node.index, scope);
          return object.item ?? fail(node.at, 'the list is empty');
        }
        if (object.is !== 'map') return fail(node.at, `a ${object.is} cannot be indexed`);
        want('string', node.index, scope);
        return typeOf(object.value);
      }
      case 'not':
        want('bool', node.operand, scope);
        return BOOL;
      case 'ternary': {
        want('bool', node.condition, scope);
        const yes = infer(node.yes, scope);
        if (infer(node.no, scope).is !== yes.is) fail(node.at, 'both branches must have one type');
        return yes;
      }
      case 'binary':
        return inferBinary(node, scope);
      case 'call': {
        const target = infer(node.target, scope);
        if (node.argument) {
          if (target.is !== 'string') fail(node.at, `${node.method}() takes a string, not a ${target.is}`);
          want('string', node.argument, scope);
          return BOOL;
        }
        if (target.is !== 'string' && target.is !== 'list' && target.is !== 'map') {
          fail(node.at, `a ${target.is} has no size`);
        }
        return INT;
      }
      case 'macro': {
        const target = infer(node.target, scope);
        if (target.is !== 'list' && target.is !== 'map')
          fail(node.at, `${node.macro}() takes a list or a map`);
        const item = target.is === 'list' ? (target.item ?? BOOL) : STRING;
        want('bool', node.predicate, { ...scope, [node.variable]: item });
        return BOOL;
      }
    }
  };

  const inferBinary = (node: Extract<Expression, { type: 'binary' }>, scope: Scope): CelType => {
    if (node.operator === '&&' || node.operator === '||') {
      want('bool', node.left, scope);
      want('bool', node.right, scope);
      return BOOL;
    }
    const left = infer(node.left, scope);
    const right = infer(node.right, scope);
    if (node.operator === 'in') {
      const item = right.is === 'list' ? right.item : right.is === 'map' ? STRING : undefined;
      if (item?.is !== left.is) fail(node.at, `a ${left.is} cannot be in this ${right.is}`);
      return BOOL;
    }
    if (left.is !== right.is || left.is === 'opaque') {
      fail(node.at, `a ${left.is} cannot be compared with a ${right.is}`);
    }
    const ordered = node.operator !== '==' && node.operator !== '!=';
    if (ordered && left.is !== 'int' && left.is !== 'string') fail(node.at, `a ${left.is} has no order`);
    return BOOL;
  };

  want('bool', expression, { self: typeOf(schema) });
}

function literalType(value: string | number | boolean | null): CelType {
  if (value === null) return { is: 'null' };
  if (typeof value === 'string') return STRING;
  return typeof value === 'number' ? INT : BOOL;
}

/** A node that keeps unknown fields has no type a rule could read. */
function typeOf(schema: StructuralSchema): CelType {
  switch (schema.type) {
    case 'boolean':
      return BOOL;
    case 'integer':
      return INT;
    case 'string':
      return STRING;
    case 'array':
      return { is: 'list', item: schema.items && typeOf(schema.items) };
    case 'object':
      return schema.additionalProperties
        ? { is: 'map', value: schema.additionalProperties }
        : { is: 'object', fields: schema.properties ?? {} };
    case undefined:
      return { is: 'opaque' };
  }
}
