/**
 * The JSONPath of printer columns: members, indexes and one equality filter, such as `.a.b[?(@.type=="Ready")].c`; of paths
 * joined by `|` the first that leads somewhere counts.
 */
import { isFields } from '../object.ts';

const STEP =
  /\.([A-Za-z_][\w-]*)|\['([^']+)'\]|\[(\d+)\]|\[\?\(@\.([\w.]+)\s*==\s*(?:"([^"]*)"|'([^']*)')\)\]/y;

/** The first value at `path`, or undefined. Throws an Error on syntax it does not know. */
export function valueAt(root: unknown, path: string): unknown {
  const [only = '', ...others] = path.split('|');
  let value = root;
  STEP.lastIndex = 0;
  while (STEP.lastIndex < only.length) {
    const at = STEP.lastIndex;
    const step = STEP.exec(only);
    if (!step) throw new Error(`JSONPath "${path}" is not understood from "${only.slice(at)}"`);
    const [, member, quoted, index, filterMember = '', double, single] = step;
    const name = member ?? quoted;
    if (name !== undefined) value = isFields(value) ? value[name] : undefined;
    else if (!Array.isArray(value)) value = undefined;
    else if (index !== undefined) value = (value as unknown[])[Number(index)];
    else value = value.find((item) => isFields(item) && String(item[filterMember]) === (double ?? single));
  }
  return value ?? (others.length > 0 ? valueAt(root, others.join('|')) : undefined);
}
