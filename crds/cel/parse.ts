/** CEL source -> syntax tree. Anything outside the small language of `ast.ts` is an error that says so. */
import {
  CelSyntaxError,
  type Expression,
  MACROS,
  type Macro,
  METHODS,
  type Method,
  OPERATORS,
  type Operator,
  RESERVED,
} from './ast.ts';
import { type Token, tokenize } from './lexer.ts';

const includes = <T extends string>(list: readonly T[], text: string): text is T =>
  (list as readonly string[]).includes(text);

/** Throws CelSyntaxError. */
export function parse(rule: string): Expression {
  const parser = new Parser(rule);
  const expression = parser.ternary();
  parser.end();
  return expression;
}

class Parser {
  readonly #rule: string;
  readonly #tokens: Token[];
  #next = 0;

  constructor(rule: string) {
    this.#rule = rule;
    this.#tokens = tokenize(rule);
  }

  end(): void {
    if (this.#peek().type !== 'end') this.#fail(`unexpected "${this.#peek().text}"`);
  }

  ternary(): Expression {
    const condition = this.#or();
    const at = this.#peek().at;
    if (!this.#accept('?')) return condition;
    const yes = this.#or();
    this.#expect(':');
    return { type: 'ternary', at, condition, yes, no: this.ternary() };
  }

  #or(): Expression {
    return this.#chain('||', () => this.#chain('&&', () => this.#relation()));
  }

  #chain(operator: '||' | '&&', operand: () => Expression): Expression {
    let left = operand();
    for (let at = this.#peek().at; this.#accept(operator); at = this.#peek().at) {
      left = { type: 'binary', at, operator, left, right: operand() };
    }
    return left;
  }

  #relation(): Expression {
    let left = this.#unary();
    for (let operator = this.#relationalOperator(); operator; operator = this.#relationalOperator()) {
      const { at } = this.#take();
      left = { type: 'binary', at, operator, left, right: this.#unary() };
    }
    return left;
  }

  #relationalOperator(): Operator | undefined {
    const { type, text } = this.#peek();
    if (type !== 'symbol' && text !== 'in') return undefined;
    return includes(OPERATORS, text) && text !== '&&' && text !== '||' ? text : undefined;
  }

  #unary(): Expression {
    const at = this.#peek().at;
    if (this.#accept('!')) return { type: 'not', at, operand: this.#unary() };
    return this.#member();
  }

  #member(): Expression {
    let object = this.#primary();
    for (;;) {
      const at = this.#peek().at;
      if (this.#accept('.')) {
        const field = this.#name('a field');
        object = this.#accept('(')
          ? this.#method(field, object)
          : { type: 'select', at: field.at, object, field: this.#unescape(field), test: false };
      } else if (this.#accept('[')) {
        const index = this.ternary();
        this.#expect(']');
        object = { type: 'index', at, object, index };
      } else {
        return object;
      }
    }
  }

  #method(name: Token, target: Expression): Expression {
    if (includes(MACROS, name.text)) return this.#macro(name.at, name.text, target);
    if (!includes(METHODS, name.text)) return this.#unknownFunction(name);
    const argument = name.text === 'size' ? undefined : this.ternary();
    this.#expect(')');
    return { type: 'call', at: name.at, method: name.text satisfies Method, target, argument };
  }

  #macro(at: number, macro: Macro, target: Expression): Expression {
    const variable = this.#name('a variable');
    if (RESERVED.has(variable.text) || variable.text === 'self') {
      throw new CelSyntaxError(this.#rule, variable.at, `"${variable.text}" cannot name a variable`);
    }
    this.#expect(',');
    const predicate = this.ternary();
    this.#expect(')');
    return { type: 'macro', at, macro, target, variable: variable.text, predicate };
  }

  #primary(): Expression {
    const token = this.#take();
    const { at, text } = token;
    switch (token.type) {
      case 'string':
        return { type: 'literal', at, value: text };
      case 'int':
        return { type: 'literal', at, value: Number(text) };
      case 'symbol':
        if (text === '(') {
          const inner = this.ternary();
          this.#expect(')');
          return inner;
        }
        if (text === '[') return { type: 'list', at, items: this.#items() };
        break;
      case 'name':
        if (text === 'true' || text === 'false') return { type: 'literal', at, value: text === 'true' };
        if (text === 'null') return { type: 'literal', at, value: null };
        if (this.#accept('(')) return this.#function(token);
        if (RESERVED.has(text)) break;
        return { type: 'identifier', at, name: text };
      case 'end':
        throw new CelSyntaxError(this.#rule, at, 'the rule ends too early');
    }
    throw new CelSyntaxError(this.#rule, at, `unexpected "${text}"`);
  }

  #function(name: Token): Expression {
    const argument = this.ternary();
    this.#expect(')');
    if (name.text === 'size') {
      return { type: 'call', at: name.at, method: 'size', target: argument, argument: undefined };
    }
    if (name.text !== 'has') return this.#unknownFunction(name);
    if (argument.type !== 'select') {
      throw new CelSyntaxError(this.#rule, name.at, 'has() takes a field, such as has(self.url)');
    }
    return { ...argument, test: true };
  }

  #items(): Expression[] {
    const items: Expression[] = [];
    if (this.#accept(']')) return items;
    do items.push(this.ternary());
    while (this.#accept(','));
    this.#expect(']');
    return items;
  }

  #unescape(field: Token): string {
    if (RESERVED.has(field.text)) {
      throw new CelSyntaxError(this.#rule, field.at, `write "__${field.text}__" for the field`);
    }
    const inner = /^__(.+)__$/.exec(field.text)?.[1];
    return inner !== undefined && RESERVED.has(inner) ? inner : field.text;
  }

  #unknownFunction(name: Token): never {
    throw new CelSyntaxError(
      this.#rule,
      name.at,
      `${name.text}() may not be used; rules have has, ${[...METHODS, ...MACROS].join(', ')}`,
    );
  }

  #name(what: string): Token {
    const token = this.#take();
    if (token.type !== 'name') throw new CelSyntaxError(this.#rule, token.at, `${what} is missing`);
    return token;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.type !== 'end') this.#next += 1;
    return token;
  }

  #accept(symbol: string): boolean {
    const { type, text } = this.#peek();
    if (type !== 'symbol' || text !== symbol) return false;
    this.#next += 1;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#accept(symbol)) this.#fail(`"${symbol}" is missing`);
  }

  #fail(message: string): never {
    throw new CelSyntaxError(this.#rule, this.#peek().at, message);
  }
}
