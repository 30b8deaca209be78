/**
 * A schema as far as Anthropic holds an answer, or the input of a strict tool, to one: objects name all their members, and
 * limits on numbers and lengths are not known. What is not known goes into the description, where the model reads it.
 */
import type { Losses } from '../../canonical/losses.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readJson } from '../../json/tape.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';

/** Kept as they are. */
const KEPT = new Set(['type', '$ref', 'enum', 'const', 'required', 'title', 'default', 'description']);
/** Hold one schema, a list of them, or some by name. */
const NESTED = new Set(['items', 'anyOf', 'oneOf', 'allOf', 'properties', '$defs', 'definitions']);
const BY_NAME = new Set(['properties', '$defs', 'definitions']);
const FORMATS = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);

/** `parameter`: what the caller knows the schema as. */
export function outputSchema(schema: JsonText, parameter: string, losses: Losses): JsonText {
  return new Narrowing(parameter, losses).schema(readJson(Buffer.from(schema)));
}

class Narrowing {
  readonly #parameter: string;
  readonly #losses: Losses;

  constructor(parameter: string, losses: Losses) {
    this.#parameter = parameter;
    this.#losses = losses;
  }

  schema(node: JsonNode): JsonText {
    if (!node.isObject) return node.raw;
    const members: Record<string, JsonText> = {};
    const told: string[] = [];
    for (const [name, value] of node.members()) {
      if (NESTED.has(name)) members[name === 'oneOf' ? 'anyOf' : name] = this.#nested(name, value);
      else if (KEPT.has(name) || isKnown(name, value)) members[name] = value.raw;
      // It names the language of the schema, and constrains nothing.
      else if (name !== '$schema' && name !== 'additionalProperties') told.push(`${name}: ${value.raw}`);
    }
    if (isObjectSchema(node)) {
      members['additionalProperties'] = 'false';
      if (node.at('additionalProperties')?.boolean !== false)
        this.#changed('objects hold the members they name only');
    }
    if (told.length > 0) {
      const before = node.at('description')?.text;
      members['description'] = json(`${before === undefined ? '' : `${before}\n`}(${told.join(', ')})`);
      this.#changed('what anthropic does not hold an answer to is told the model in descriptions');
    }
    return object(members);
  }

  #nested(name: string, node: JsonNode): JsonText {
    if (BY_NAME.has(name) && node.isObject) {
      return object(
        Object.fromEntries([...node.members()].map(([member, value]) => [member, this.schema(value)])),
      );
    }
    if (node.isArray) return array(Array.from(node.elements(), (element) => this.schema(element)));
    return this.schema(node);
  }

  #changed(detail: string): void {
    this.#losses.changed(this.#parameter, detail);
  }
}

function isObjectSchema(node: JsonNode): boolean {
  const type = node.at('type');
  if (type === undefined) return node.at('properties') !== undefined;
  return type.text === 'object' || Array.from(type.elements()).some((one) => one.text === 'object');
}

function isKnown(name: string, value: JsonNode): boolean {
  if (name === 'format') return FORMATS.has(value.text ?? '');
  return name === 'minItems' && (value.raw === '0' || value.raw === '1');
}
