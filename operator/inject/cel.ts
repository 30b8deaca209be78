/** CEL as text. */

export const celString = (text: string): string => JSON.stringify(text);
export const celList = (texts: readonly string[]): string => `[${texts.map(celString).join(', ')}]`;

/** Names that CEL keeps for itself; a field of such a name would have to be written differently. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

export function celObject(type: string, fields: readonly (readonly [string, string])[]): string {
  const wrong = fields.find(([name]) => RESERVED.has(name) || !/^[a-zA-Z]+$/.test(name));
  if (wrong) throw new Error(`"${wrong[0]}" cannot be written as a field in CEL`);
  return `${type}{${fields.map(([name, value]) => `${name}: ${value}`).join(', ')}}`;
}

/** `path` and `value` are CEL expressions. */
export const celAdd = (path: string, value: string): string =>
  `JSONPatch{op: "add", path: ${path}, value: ${value}}`;

/** One list of several; each part is an expression that gives a list. */
export const celConcat = (parts: readonly string[]): string => parts.join('\n+ ');

export interface CelVariable {
  name: string;
  expression: string;
}
