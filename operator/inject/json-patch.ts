/** RFC 6902, the part that injection needs: add and replace, on paths that exist. */

export interface Operation {
  op: 'add' | 'replace';
  /** JSON Pointer (RFC 6901). */
  path: string;
  value: unknown;
}

export const add = (path: string, value: unknown): Operation => ({ op: 'add', path, value });

/** One segment of a JSON Pointer. */
export const segment = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** The document with the operations carried out, in order. What is not named by one is shared with the input, which stays as it is. */
export function applyPatch<T>(document: T, operations: readonly Operation[]): T {
  return operations.reduce<unknown>((current, operation) => {
    const segments = operation.path.split('/').slice(1);
    return change(
      current,
      segments.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')),
      operation,
    );
  }, document) as T;
}

function change(target: unknown, [name, ...rest]: string[], operation: Operation): unknown {
  if (name === undefined) return operation.value;
  if (Array.isArray(target)) {
    const index = name === '-' ? target.length : Number(name);
    const insert = operation.op === 'add' && rest.length === 0;
    const last = insert ? target.length : target.length - 1;
    if (!Number.isInteger(index) || index < 0 || index > last) throw new Error(`no ${operation.path}`);
    return target.toSpliced(index, insert ? 0 : 1, change(target[index], rest, operation));
  }
  if (typeof target !== 'object' || target === null) throw new Error(`no ${operation.path}`);
  const members = target as Record<string, unknown>;
  if ((rest.length > 0 || operation.op === 'replace') && !Object.hasOwn(members, name)) {
    throw new Error(`no ${operation.path}`);
  }
  return { ...members, [name]: change(members[name], rest, operation) };
}

/**
 * The same change in fewer operations: what is added to a list or object that the patch itself added becomes part of that
 * addition.
 */
export function foldPatch(operations: readonly Operation[]): Operation[] {
  const folded: Operation[] = [];
  const added = new Map<string, Operation>();
  for (const operation of operations) {
    const { path, value } = operation;
    const slash = path.lastIndexOf('/');
    const parent = added.get(path.slice(0, slash));
    if (parent && operation.op === 'add') {
      parent.value = applyPatch(parent.value, [{ ...operation, path: path.slice(slash) }]);
      continue;
    }
    const copy = { ...operation };
    folded.push(copy);
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    if (operation.op === 'add' && isEmpty) added.set(path, copy);
  }
  return folded;
}
