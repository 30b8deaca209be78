/** RFC 7386 merge patch, what a strategic merge patch adds for kinds that hold maps only, and RFC 6902 JSON patch. */
import { badRequest, StatusError } from '../http/status-error.ts';
import { equal, type Fields, isFields, spell } from '../object.ts';

const TAKEN_OUT = '$deleteFromPrimitiveList/';
const DIRECTIVES = [undefined, 'merge', 'replace'];

/**
 * Merge patch. A strategic one knows `$patch: replace | delete` on maps, and merges finalizers as a set; other lists are
 * replaced, as the kinds that take it hold none.
 */
function merged(target: unknown, patch: unknown, strategic: boolean): unknown {
  if (!isFields(patch)) return patch;
  const { $patch: directive, ...changes } = strategic ? patch : { ...patch, $patch: undefined };
  if (!DIRECTIVES.includes(directive as string))
    throw badRequest(`Unknown patch type found: ${spell(directive)}`);
  const result: Fields = isFields(target) && directive !== 'replace' ? { ...target } : {};
  const list = (name: string): unknown[] => (Array.isArray(result[name]) ? result[name] : []);
  for (const [name, value] of Object.entries(changes)) {
    const gone = value === null || (strategic && isFields(value) && value.$patch === 'delete');
    if (gone) delete result[name];
    else if (strategic && name.startsWith(TAKEN_OUT)) {
      const from = name.slice(TAKEN_OUT.length);
      result[from] = list(from).filter((item) => !(value as unknown[]).includes(item));
    } else if (strategic && name === 'finalizers') {
      result[name] = [...new Set([...(value as unknown[]), ...list(name)])];
    } else if (!strategic || !name.startsWith('$')) result[name] = merged(result[name], value, strategic);
  }
  return result;
}
export const mergePatch = (target: unknown, patch: unknown): unknown => merged(target, patch, false);
export const strategicPatch = (target: unknown, patch: unknown): unknown => merged(target, patch, true);

/** The real server says no more than this about an operation that does not apply. */
const rejected = (): StatusError =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** Answers a patched copy. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    const found = isFields(operations) ? 'object' : typeof operations;
    const why = `json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`;
    throw badRequest(`error decoding patch: ${why}`);
  }
  // Wrapped, so that an operation on the whole document has a container too.
  const root = { '': structuredClone(target) };
  for (const operation of operations as unknown[]) step(root, isFields(operation) ? operation : {});
  return root[''];
}

function step(root: Fields, { op, path, from, value }: Fields): void {
  const at = () => place(root, path);
  if (op === 'test' && equal(read(at()), value)) return;
  if (op === 'add') write(at(), structuredClone(value), true);
  else if (op === 'copy') write(at(), structuredClone(read(place(root, from))), true);
  else if (op === 'move') {
    const moved = take(place(root, from));
    write(at(), moved, true);
  } else if (op === 'remove') take(at());
  else if (op === 'replace' && read(at()) !== undefined) write(at(), structuredClone(value), false);
  else throw rejected();
}

/** Where a pointer leads: the container, which exists, and the name in it, which may not. */
type Place = { container: unknown; last: string };

function place(root: Fields, pointer: unknown): Place {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) throw rejected();
  const path = pointer.split('/').map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = path.pop() ?? '';
  const container = path.reduce<unknown>((outer, token) => read({ container: outer, last: token }), root);
  return { container, last };
}

/** As on the real server an absent member reads as null, where an absent item is an error. */
function read({ container, last }: Place): unknown {
  if (isFields(container)) return Object.hasOwn(container, last) ? container[last] : null;
  const found = Array.isArray(container) && /^\d+$/.test(last) && Object.hasOwn(container, last);
  if (!found) throw rejected();
  return (container as unknown[])[Number(last)];
}

function write({ container, last }: Place, value: unknown, insert: boolean): void {
  if (Array.isArray(container)) {
    const index = last === '-' ? container.length : Number(last);
    if (!/^(-|\d+)$/.test(last) || index > container.length) throw rejected();
    container.splice(index, insert ? 0 : 1, value);
  } else if (isFields(container)) container[last] = value;
  else throw rejected();
}

function take({ container, last }: Place): unknown {
  const taken = read({ container, last });
  if (Array.isArray(container)) container.splice(Number(last), 1);
  else if (!isFields(container) || !Object.hasOwn(container, last)) throw rejected();
  else delete container[last];
  return taken;
}
