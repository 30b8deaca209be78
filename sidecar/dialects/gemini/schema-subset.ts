/**
 * JSON schema as models before 2.0 take it: a subset of OpenAPI 3.0, without references. Members keep their order and
 * numbers their form; what the subset cannot say is left out.
 */
import { type JsonNode, tryReadJson } from '../json/tape.ts';
import { array, type JsonText, json, object } from '../json/write.ts';

export interface Subset {
  schema: JsonText;
  /** Something was left out that restricts what is valid. */
  looser: boolean;
}

/** Members that are taken as they are. */
const PLAIN = new Set([
  'description',
  'title',
  'nullable',
  'default',
  'example',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
  'pattern',
  'required',
  'propertyOrdering',
]);
/** Members that say nothing about what is valid. */
const SILENT = new Set([
  '$schema',
  '$id',
  '$defs',
  'definitions',
  '$comment',
  '$anchor',
  'strict',
  'examples',
  'deprecated',
]);
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  STRING: ['enum', 'date-time'],
  NUMBER: ['float', 'double'],
  INTEGER: ['int32', 'int64'],
};
const ANYTHING = '{"type":"OBJECT"}';
/** References may double what they refer to again and again. */
const MAX_NODES = 4096;
const MAX_DEPTH = 32;

/** Undefined: not a JSON object. */
export function schemaSubset(schema: JsonText): Subset | undefined {
  const root = tryReadJson(Buffer.from(schema));
  if (!root?.isObject) return undefined;
  const writer = new SubsetWriter(root);
  const text = writer.write(root, []);
  return { schema: text, looser: writer.looser };
}

class SubsetWriter {
  looser = false;
  readonly #root: JsonNode;
  #nodes = 0;

  constructor(root: JsonNode) {
    this.#root = root;
  }

  /** `within`: references that are being followed. */
  write(node: JsonNode, within: readonly string[]): JsonText {
    if (++this.#nodes > MAX_NODES || within.length > MAX_DEPTH || !node.isObject) {
      this.looser = true;
      return ANYTHING;
    }
    const reference = node.at('$ref')?.text;
    if (reference !== undefined) return this.#follow(reference, within);
    const members: Record<string, JsonText | undefined> = {};
    const { type, nullable } = typeOf(node);
    if (type !== undefined) members.type = json(type);
    for (const [name, value] of node.members()) {
      if (value.isNull && name !== 'default' && name !== 'const') continue;
      this.#member(name, value, type, members, within);
    }
    if (nullable) members.nullable = 'true';
    return object(members);
  }

  #member(
    name: string,
    value: JsonNode,
    type: string | undefined,
    members: Record<string, JsonText | undefined>,
    within: readonly string[],
  ): void {
    if (name === 'type') return;
    if (PLAIN.has(name)) members[name] = value.raw;
    else if (name === 'properties') members.properties = this.#properties(value, within);
    else if (name === 'items' && value.isObject) members.items = this.write(value, [...within, '']);
    else if (name === 'anyOf' || name === 'oneOf') this.#alternatives(value, members, within);
    else if (name === 'allOf') this.#merge(value, members, within);
    else if (name === 'enum' || name === 'const') this.#values(name, value, members);
    else if (name === 'format') {
      const known = type === undefined ? undefined : FORMATS[type];
      if (known?.includes(value.text ?? '')) members.format = value.raw;
      else this.looser = true;
    } else if (!SILENT.has(name)) this.looser = true;
  }

  /** Members of an object of ours would be put in another order where names look like integers. */
  #properties(value: JsonNode, within: readonly string[]): JsonText {
    const parts: JsonText[] = [];
    for (const [name, schema] of value.members()) {
      parts.push(`${json(name)}:${this.write(schema, [...within, ''])}`);
    }
    return `{${parts.join(',')}}`;
  }

  #alternatives(
    value: JsonNode,
    members: Record<string, JsonText | undefined>,
    within: readonly string[],
  ): void {
    const parts: JsonText[] = [];
    for (const part of value.elements()) {
      if (part.at('type')?.text === 'null') members.nullable = 'true';
      else parts.push(this.write(part, [...within, '']));
    }
    if (parts.length > 0) members.anyOf = array(parts);
  }

  /** Of several schemas that must all hold, members of the first that names them stand. */
  #merge(value: JsonNode, members: Record<string, JsonText | undefined>, within: readonly string[]): void {
    const parts = [...value.elements()];
    if (parts.length > 1) this.looser = true;
    for (const part of parts) {
      const written = tryReadJson(Buffer.from(this.write(part, [...within, ''])));
      for (const [name, inner] of written?.members() ?? []) members[name] ??= inner.raw;
    }
  }

  /** Only strings may be listed; numbers are listed as text. */
  #values(name: string, value: JsonNode, members: Record<string, JsonText | undefined>): void {
    const texts: JsonText[] = [];
    for (const element of name === 'const' ? [value] : value.elements()) {
      if (element.isNull) members.nullable = 'true';
      else texts.push(json(element.text ?? element.raw));
    }
    members.enum = array(texts);
    members.type ??= json('STRING');
  }

  #follow(reference: string, within: readonly string[]): JsonText {
    const target = within.includes(reference) ? undefined : resolve(this.#root, reference);
    if (target !== undefined) return this.write(target, [...within, reference]);
    this.looser = true;
    return ANYTHING;
  }
}

/** `["string", "null"]` is a string that may be null; of several types the first stands. */
function typeOf(node: JsonNode): { type: string | undefined; nullable: boolean } {
  const value = node.at('type');
  if (value?.isArray) {
    const names = [...value.elements()].map((element) => element.text ?? '');
    const type = names.find((name) => name !== 'null');
    return { type: type?.toUpperCase(), nullable: names.includes('null') };
  }
  return { type: value?.text?.toUpperCase(), nullable: false };
}

/** `#/$defs/Name`, with the escapes of a JSON pointer. */
function resolve(root: JsonNode, reference: string): JsonNode | undefined {
  if (reference === '#') return root;
  if (!reference.startsWith('#/')) return undefined;
  let node: JsonNode | undefined = root;
  for (const step of reference.slice(2).split('/')) {
    node = node?.get(step.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return node;
}
