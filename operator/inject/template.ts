/**
 * Pieces of a pod with holes where a pod's own values go. One template is filled in by the webhook and the command line, and
 * written out as a CEL expression for the policy, so that all doors insert the same.
 */
import { VALUE_NAMES, type ValueName, type Values } from './annotations.ts';
import { celObject, celString } from './cel.ts';

/** Takes the value of a pod; as text it may stand between other text. */
export class Hole {
  readonly value: ValueName;
  readonly as: 'Text' | 'Integer';
  readonly before: string;
  readonly after: string;

  constructor(value: ValueName, as: 'Text' | 'Integer', before = '', after = '') {
    this.value = value;
    this.as = as;
    this.before = before;
    this.after = after;
  }
}

/** A map whose keys are data, unlike the fields of an object. A hole without a value leaves its key out. */
export class Entries {
  readonly of: Readonly<Record<string, string | Hole>>;

  constructor(of: Readonly<Record<string, string | Hole>>) {
    this.of = of;
  }
}

export type Node =
  | string
  | number
  | boolean
  | Hole
  | Entries
  | readonly Node[]
  | { readonly [field: string]: Node };

const isList = (node: Node): node is readonly Node[] => Array.isArray(node);

export function fill(node: Node, values: Values): unknown {
  if (node instanceof Hole) {
    const value = values[node.value];
    if (value === undefined) return undefined;
    return node.as === 'Integer' ? Number(value) : node.before + value + node.after;
  }
  if (typeof node !== 'object') return node;
  if (isList(node)) return node.map((item) => fill(item, values));
  const members = node instanceof Entries ? node.of : node;
  const filled = Object.entries(members).map(([name, member]) => [name, fill(member, values)]);
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

/** Name of the CEL variable that holds a value of the pod: text, empty where there is none. */
export const celVariable = (value: ValueName): string => `variables.${value}`;

/**
 * @param type CEL type of the node, such as `Object.spec.initContainers`
 * @param present values that every pod has; keys of maps with any other value may be left out
 */
export function celOf(node: Node, type: string, present: ReadonlySet<ValueName>): string {
  if (node instanceof Hole) return celHole(node);
  if (typeof node === 'string') return celString(node);
  if (typeof node !== 'object') return String(node);
  if (isList(node)) return `[${node.map((item) => celOf(item, type, present)).join(', ')}]`;
  if (node instanceof Entries) return celEntries(node, present);
  const fields = Object.entries(node).map(
    ([name, member]) => [name, celOf(member, `${type}.${name}`, present)] as const,
  );
  return celObject(type, fields);
}

function celHole({ value, as, before, after }: Hole): string {
  const variable = celVariable(value);
  if (as === 'Integer') return `int(${variable})`;
  return [before && celString(before), variable, after && celString(after)]
    .filter((part) => part !== '')
    .join(' + ');
}

/**
 * A choice between whole maps. Optional entries (`?"cpu": ...`) would say it shorter; the type checker of API servers up to 1.36
 * fails on them with an index out of range where the value is of dynamic type.
 */
function celEntries({ of }: Entries, present: ReadonlySet<ValueName>): string {
  const keys = Object.keys(of);
  const unsure = VALUE_NAMES.filter((name) =>
    keys.some((key) => {
      const entry = of[key];
      return entry instanceof Hole && entry.value === name && !present.has(name);
    }),
  );
  const choose = ([name, ...rest]: ValueName[], left: ReadonlySet<ValueName>): string => {
    if (name === undefined) {
      const kept = keys.filter((key) => {
        const entry = of[key];
        return !(entry instanceof Hole && left.has(entry.value));
      });
      const entries = kept.map((key) => {
        const entry = of[key] as string | Hole;
        return `${celString(key)}: ${entry instanceof Hole ? celHole(entry) : celString(entry)}`;
      });
      return `{${entries.join(', ')}}`;
    }
    return `(${celVariable(name)} == "" ? ${choose(rest, new Set([...left, name]))} : ${choose(rest, left)})`;
  };
  return choose(unsure, new Set());
}
