/** A CEL rule of a schema, ready to be evaluated. */
import type { StructuralSchema } from '../structural.ts';
import { CelError } from './ast.ts';
import { check } from './check.ts';
import { evaluate } from './evaluate.ts';
import { parse } from './parse.ts';

export interface CompiledRule {
  /** Throws CelError where the rule cannot be evaluated for `self`. */
  holds(self: unknown): boolean;
}

/** Throws CelSyntaxError where the rule uses what the project's rules may not use, or does not fit the schema. */
export function compileRule(rule: string, schema: StructuralSchema): CompiledRule {
  const expression = parse(rule);
  check(rule, expression, schema);
  return {
    holds(self) {
      const result = evaluate(expression, { self });
      if (typeof result !== 'boolean') throw new CelError('the rule is not a condition');
      return result;
    },
  };
}
