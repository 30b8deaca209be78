/** The syntax tree of a CEL rule, and the error that names the place in it. */

/** Functions a rule may call; everything else is refused when the CRDs are generated. */
export const MACROS = ['all', 'exists', 'exists_one'] as const;
export type Macro = (typeof MACROS)[number];
export const METHODS = ['size', 'matches', 'startsWith'] as const;
export type Method = (typeof METHODS)[number];
export const OPERATORS = ['==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'] as const;
export type Operator = (typeof OPERATORS)[number];

export type Expression = { at: number } & (
  | { type: 'literal'; value: string | number | boolean | null }
  | { type: 'list'; items: Expression[] }
  | { type: 'identifier'; name: string }
  /** `test` is true inside `has()`: asks whether the field is there instead of reading it. */
  | { type: 'select'; object: Expression; field: string; test: boolean }
  | { type: 'index'; object: Expression; index: Expression }
  | { type: 'not'; operand: Expression }
  | { type: 'binary'; operator: Operator; left: Expression; right: Expression }
  | { type: 'ternary'; condition: Expression; yes: Expression; no: Expression }
  | { type: 'call'; method: Method; target: Expression; argument: Expression | undefined }
  | { type: 'macro'; macro: Macro; target: Expression; variable: string; predicate: Expression }
);

/** A rule that cannot be parsed or checked: a mistake in the schema, found when the CRDs are generated. */
export class CelSyntaxError extends Error {
  constructor(rule: string, at: number, message: string) {
    super(`CEL rule "${rule}" at character ${at}: ${message}`);
    this.name = 'CelSyntaxError';
  }
}

/** A rule that could not be evaluated for a value, such as one that reads a field the value lacks. */
export class CelError extends Error {
  /** Set when `matches` was given a pattern that is not RE2. */
  readonly pattern: string | undefined;

  constructor(message: string, pattern?: string) {
    super(message);
    this.name = 'CelError';
    this.pattern = pattern;
  }
}

/**
 * Words CEL reserves; a field called so is written `__word__` in a rule, as `self.provider.__namespace__`.
 */
export const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return'.split(
    ' ',
  ),
);
