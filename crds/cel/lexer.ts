/** CEL source -> tokens. */
import { CelSyntaxError } from './ast.ts';

export interface Token {
  type: 'name' | 'string' | 'int' | 'symbol' | 'end';
  /** The name or symbol, or the decoded text of a string. */
  text: string;
  at: number;
}

const SYMBOL = /(?:&&|\|\||==|!=|<=|>=|[<>!?:.,()[\]])/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const INT = /-?[0-9]+/y;
const SPACE = /\s+/y;
const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};

export function tokenize(rule: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(rule)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  while (at < rule.length) {
    if (take(SPACE)) continue;
    const start = at;
    const quote = rule.charAt(at);
    if (quote === "'" || quote === '"') {
      const { text, end } = readString(rule, at, quote);
      at = end;
      tokens.push({ type: 'string', text, at: start });
      continue;
    }
    const name = take(NAME);
    if (name !== undefined) {
      tokens.push({ type: 'name', text: name, at: start });
      continue;
    }
    const int = take(INT);
    if (int !== undefined) {
      if (/[.A-Za-z_]/.test(rule.charAt(at))) {
        throw new CelSyntaxError(rule, start, 'only decimal whole numbers may be used');
      }
      tokens.push({ type: 'int', text: int, at: start });
      continue;
    }
    const symbol = take(SYMBOL);
    if (symbol === undefined) throw new CelSyntaxError(rule, at, `unexpected ${JSON.stringify(quote)}`);
    tokens.push({ type: 'symbol', text: symbol, at: start });
  }
  tokens.push({ type: 'end', text: '', at });
  return tokens;
}

function readString(rule: string, start: number, quote: string): { text: string; end: number } {
  let text = '';
  let at = start + 1;
  for (;;) {
    const char = rule.charAt(at);
    if (char === '' || char === '\n') throw new CelSyntaxError(rule, start, 'the string does not end');
    if (char === quote) return { text, end: at + 1 };
    if (char === '\\') {
      const escaped = ESCAPES[rule.charAt(at + 1)];
      if (escaped === undefined) throw new CelSyntaxError(rule, at, 'this escape may not be used');
      text += escaped;
      at += 2;
    } else {
      text += char;
      at += 1;
    }
  }
}
