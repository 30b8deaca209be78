/** Takes values of a kind out of a document; whatever is of another kind becomes an error that names the member. */
import { OutriderError } from '../../../errors/table.ts';
import type { Said } from './said.ts';
import type { JsonNode } from './tape.ts';

/** Longest piece of a caller's value that an error repeats. */
const SHOWN = 40;

/** Throws `invalid_member` (400). */
export function unexpected(node: JsonNode, member: string, expected: string): never {
  const { raw } = node;
  const value = raw.length > SHOWN ? `${raw.slice(0, SHOWN)}...` : raw;
  throw new OutriderError('invalid_member', { member, value, expected });
}

export function expectText(node: JsonNode, member: string): string {
  return node.text ?? unexpected(node, member, 'a string');
}

export function expectSaid(node: JsonNode, member: string): Said {
  return node.said ?? unexpected(node, member, 'a string');
}

/** Undefined for null. */
export function optionalText(node: JsonNode, member: string): string | undefined {
  return node.isNull ? undefined : expectText(node, member);
}

/** Undefined for null. */
export function optionalNumber(node: JsonNode, member: string): number | undefined {
  return node.isNull ? undefined : (node.number ?? unexpected(node, member, 'a number'));
}

/** Undefined for null. */
export function optionalInteger(node: JsonNode, member: string): number | undefined {
  const value = optionalNumber(node, member);
  return value === undefined || Number.isInteger(value) ? value : unexpected(node, member, 'an integer');
}

/** Undefined for null. */
export function optionalBoolean(node: JsonNode, member: string): boolean | undefined {
  return node.isNull ? undefined : (node.boolean ?? unexpected(node, member, 'true or false'));
}

/** Undefined for null: the value as it was written. */
export function optionalObject(node: JsonNode, member: string): string | undefined {
  if (node.isNull) return undefined;
  return node.isObject ? node.raw : unexpected(node, member, 'an object');
}
