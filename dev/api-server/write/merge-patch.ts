/** RFC 7386 merge patch, and what a strategic merge patch adds for kinds that hold maps only. */
import { badRequest } from '../http/status-error.ts';
import { type Fields, isFields } from '../object.ts';

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

const TAKEN_OUT = '$deleteFromPrimitiveList/';

/** `$patch: replace | delete` on maps; finalizers are merged as a set; other lists are replaced. */
export function strategicPatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const { $patch: directive = 'merge', $retainKeys: _, ...changes } = patch;
  if (directive !== 'replace' && directive !== 'merge') {
    throw badRequest(`Unknown patch type found: ${JSON.stringify(directive)}`);
  }
  const result: Fields = isFields(target) && directive === 'merge' ? { ...target } : {};
  const list = (name: string): unknown[] => (Array.isArray(result[name]) ? result[name] : []);
  for (const [name, value] of Object.entries(changes)) {
    if (name.startsWith('$setElementOrder/')) continue;
    if (name.startsWith(TAKEN_OUT)) {
      const from = name.slice(TAKEN_OUT.length);
      result[from] = list(from).filter((item) => !(value as unknown[]).includes(item));
    } else if (value === null || (isFields(value) && value.$patch === 'delete')) delete result[name];
    else if (name === 'finalizers') result[name] = [...new Set([...(value as unknown[]), ...list(name)])];
    else result[name] = strategicPatch(result[name], value);
  }
  return result;
}
