/**
 * Reads `values.yaml` with its comments. The lines of `#` above a key say what it does; a line `# @schema {...}` among them adds
 * to its JSON schema what its default does not tell.
 */
import { load } from 'js-yaml';

export interface Value {
  /** Such as `operator.image.tag`. */
  path: string;
  key: string;
  default: unknown;
  description: string;
  schema: Readonly<Record<string, unknown>>;
  /** Keys below it that have lines of their own; none where it is a value for users to set as a whole. */
  children: Value[];
}

const KEY = /^(?<indent> *)(?<key>[\w-]+):(?<rest>.*)$/;
const SCHEMA = '@schema ';

/** @throws where a value says nothing about itself */
export function readValues(text: string): Value[] {
  const defaults = load(text) as Record<string, unknown>;
  const root: Value[] = [];
  const open: { indent: number; value: Value }[] = [];
  let comment: string[] = [];
  for (const line of text.split('\n')) {
    const found = KEY.exec(line)?.groups as { indent: string; key: string; rest: string } | undefined;
    if (!found) {
      comment = line.trimStart().startsWith('#') ? [...comment, line.trim().replace(/^# ?/, '')] : [];
      continue;
    }
    const indent = found.indent.length;
    while (open.length > 0 && (open.at(-1)?.indent ?? 0) >= indent) open.pop();
    const parent = open.at(-1)?.value;
    const path = parent ? `${parent.path}.${found.key}` : found.key;
    const value: Value = {
      path,
      key: found.key,
      default: at(defaults, path),
      ...readComment(comment, path),
      children: [],
    };
    (parent?.children ?? root).push(value);
    open.push({ indent, value });
    comment = [];
  }
  return root;
}

function readComment(lines: readonly string[], path: string): Pick<Value, 'description' | 'schema'> {
  const annotations = lines.filter((line) => line.startsWith(SCHEMA));
  const schemas = annotations.map((line) => {
    try {
      return JSON.parse(line.slice(SCHEMA.length)) as Record<string, unknown>;
    } catch {
      throw new Error(`${path}: "${line}" is not JSON`);
    }
  });
  const description = lines.filter((line) => !line.startsWith(SCHEMA)).join(' ');
  return { description, schema: Object.assign({}, ...schemas) };
}

function at(values: unknown, path: string): unknown {
  let value = values;
  for (const key of path.split('.')) value = (value as Record<string, unknown>)[key];
  return value;
}

/** Every value that users may set, deepest first named. */
export function leaves(values: readonly Value[]): Value[] {
  return values.flatMap((value) => (value.children.length > 0 ? leaves(value.children) : [value]));
}
