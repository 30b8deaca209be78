/** RFC 6902 JSON patch. */
import { badRequest, StatusError } from '../http/status-error.ts';
import { equal, type Fields, isFields } from '../object.ts';

const MAX_OPERATIONS = 10_000;
/** The real server says no more than this about an operation that does not apply. */
const rejected = (): StatusError =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** Answers a patched copy. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    const found = isFields(operations) ? 'object' : typeof operations;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (operations.length > MAX_OPERATIONS) {
    const message = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`;
    throw new StatusError(413, 'RequestEntityTooLarge', message);
  }
  // Wrapped, so that an operation on the whole document has a container too.
  const root = { '': structuredClone(target) };
  for (const operation of operations as unknown[]) step(root, isFields(operation) ? operation : {});
  return root[''];
}

function step(root: Fields, { op, path, from, value }: Fields): void {
  if (op === 'test' && equal(read(root, path), value)) return;
  if (op === 'add') write(root, path, structuredClone(value), true);
  else if (op === 'copy') write(root, path, structuredClone(read(root, from)), true);
  else if (op === 'move') write(root, path, take(root, from), true);
  else if (op === 'remove') take(root, path);
  else if (op === 'replace' && read(root, path) !== undefined)
    write(root, path, structuredClone(value), false);
  else throw rejected();
}

function tokens(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) throw rejected();
  return pointer.split('/').map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The member of a container that a token names; throws where there is none. */
function member(container: unknown, token: string): unknown {
  const found = typeof container === 'object' && container !== null && Object.hasOwn(container, token);
  if (!found || (Array.isArray(container) && !/^\d+$/.test(token))) throw rejected();
  return (container as Fields)[token];
}

const read = (root: Fields, pointer: unknown): unknown => tokens(pointer).reduce<unknown>(member, root);

function place(root: Fields, pointer: unknown): { container: unknown; last: string } {
  const path = tokens(pointer);
  const last = path.pop() ?? '';
  return { container: path.reduce<unknown>(member, root), last };
}

function write(root: Fields, pointer: unknown, value: unknown, insert: boolean): void {
  const { container, last } = place(root, pointer);
  if (Array.isArray(container)) {
    const index = last === '-' ? container.length : Number(last);
    if (!/^(-|\d+)$/.test(last) || index > container.length) throw rejected();
    container.splice(index, insert ? 0 : 1, value);
  } else if (isFields(container)) container[last] = value;
  else throw rejected();
}

function take(root: Fields, pointer: unknown): unknown {
  const { container, last } = place(root, pointer);
  const taken = member(container, last);
  if (Array.isArray(container)) container.splice(Number(last), 1);
  else delete (container as Fields)[last];
  return taken;
}
