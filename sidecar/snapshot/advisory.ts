/** Leaves out of an item what it calls advisory and this version does not know. What is known here is never left out. */
import type { Fields } from './fields.ts';

/** Longest list of advisory fields that is read. */
const MAX_ADVISORY = 64;

/** `item` itself where nothing is to be left out, else a copy. */
export function withoutUnknownAdvice(item: object, known: Fields): object {
  const { advisory } = item as { advisory?: unknown };
  if (!Array.isArray(advisory)) return item;
  const unknown = advisory
    .slice(0, MAX_ADVISORY)
    .filter((path): path is string => typeof path === 'string' && path.length <= 256 && !known.has(path));
  return unknown.reduce<object>((rest, path) => without(rest, path.split('.')) as object, item);
}

/** A copy without the member at the path; members on the way are copied, others shared. */
function without(value: unknown, [first = '', ...rest]: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const isList = first.endsWith('[]');
  const name = isList ? first.slice(0, -2) : first;
  if (!Object.hasOwn(value, name)) return value;
  const { [name]: member, ...others } = value as Record<string, unknown>;
  if (rest.length === 0) return isList ? value : others;
  const inner =
    isList && Array.isArray(member) ? member.map((each) => without(each, rest)) : without(member, rest);
  return { ...others, [name]: inner };
}
