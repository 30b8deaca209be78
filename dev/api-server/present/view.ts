/** How a client sees objects: as they are, or as rows of a `meta.k8s.io/v1` Table, which `kubectl get` prints. */
import { StatusError } from '../http/status-error.ts';
import { apiVersionOf, type Column, type Kind } from '../kinds/kind.ts';
import { type ApiObject, type Fields, isFields, omit, spell } from '../object.ts';

export interface View {
  /** `first`: of a watch, whose tables name their columns once. */
  one(object: ApiObject, first?: boolean): Fields;
  many(objects: ApiObject[], metadata: Fields): Fields;
  /** Whether one object looks the same to every client. */
  plain: boolean;
}

/** Throws 406 where nothing the client accepts can be sent. */
export function viewOf(kind: Kind, query: URLSearchParams, accept: string, now: () => Date): View {
  for (const range of accept.split(',')) {
    const [type = '', ...params] = range.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const table = ['as=Table', 'g=meta.k8s.io', 'v=v1'].every((param) => params.includes(param));
    if (table) return tableView(kind, query.get('includeObject') ?? 'Metadata', now);
    if (!params.some((param) => param.startsWith('as='))) return plainView(kind);
  }
  const message = 'only the following media types are accepted: application/json';
  throw new StatusError(406, 'NotAcceptable', message);
}

const plainView = (kind: Kind): View => ({
  plain: true,
  one: (object) => object,
  many: (objects, metadata) => {
    // Items of built-in kinds are typed by their list.
    const items = kind.custom ? objects : objects.map((object) => omit(object, 'apiVersion', 'kind'));
    return { apiVersion: apiVersionOf(kind), items, kind: `${kind.kind}List`, metadata };
  },
});

const tableView = (kind: Kind, include: string, now: () => Date): View => ({
  plain: false,
  one: (object, first = true) => {
    const { resourceVersion } = object.metadata;
    const columnDefinitions = first ? columnsOf(kind).map(definition) : null;
    const rows = [row(kind, object, include, now())];
    return { ...TABLE, metadata: { resourceVersion }, columnDefinitions, rows };
  },
  many: (objects, all) => {
    const metadata = all.continue ? all : omit(all, 'continue');
    const rows = objects.map((object) => row(kind, object, include, now()));
    return { ...TABLE, metadata, columnDefinitions: columnsOf(kind).map(definition), rows };
  },
});

const TABLE = { kind: 'Table', apiVersion: 'meta.k8s.io/v1' };
const NAME: Column = { name: 'Name', type: 'string', jsonPath: '.metadata.name', description: '' };
const columnsOf = (kind: Kind): Column[] => [NAME, ...kind.columns];

/** `include` says how much of the object a row carries: None, Metadata or Object. */
function row(kind: Kind, object: ApiObject, include: string, now: Date): Fields {
  const partial = { ...TABLE, kind: 'PartialObjectMetadata', metadata: object.metadata };
  const shown = include === 'Metadata' ? partial : include === 'None' ? null : object;
  return { cells: columnsOf(kind).map((column) => cell(column, object, now)), object: shown };
}

function definition(column: Column): Fields {
  const { name, jsonPath, priority = 0 } = column;
  const format = jsonPath === NAME.jsonPath ? 'name' : '';
  const { description = `Custom resource definition column (in JSONPath format): ${jsonPath}` } = column;
  const type = column.type === 'count' ? 'string' : column.type;
  return { name, type, format, description, priority };
}

function cell({ type, jsonPath }: Column, object: ApiObject, now: Date): unknown {
  const value = valueAt(object, jsonPath) ?? null;
  if (type === 'count') return Object.keys(value ?? {}).length;
  if (value === null) return jsonPath === NAME.jsonPath ? '' : null;
  if (type === 'string') return spell(value);
  if (type === 'date') return age(spell(value), now);
  if (type === 'integer') return typeof value === 'number' ? Math.trunc(value) : null;
  return typeof value === type ? value : null;
}

const [MINUTE, HOUR, DAY, YEAR] = [60, 3600, 86_400, 365 * 86_400] as const;
/** Up to when a unit is told, the unit, and the smaller unit told beside it. */
const UNITS: [before: number, unit: number, name: string, smaller?: number, smallerName?: string][] = [
  [2 * MINUTE, 1, 's'],
  [10 * MINUTE, MINUTE, 'm', 1, 's'],
  [3 * HOUR, MINUTE, 'm'],
  [8 * HOUR, HOUR, 'h', MINUTE, 'm'],
  [2 * DAY, HOUR, 'h'],
  [8 * DAY, DAY, 'd', HOUR, 'h'],
  [2 * YEAR, DAY, 'd'],
  [Number.POSITIVE_INFINITY, YEAR, 'y', DAY, 'd'],
];

/** How long ago something was, the way `kubectl get` prints it. */
export function age(since: string, now: Date): string {
  const seconds = Math.trunc((now.getTime() - Date.parse(since)) / 1000);
  if (Number.isNaN(seconds) || seconds < -1) return '<invalid>';
  const [, unit = 1, name, smaller, smallerName] = UNITS.find(([before]) => seconds < before) ?? [];
  const rest = smaller ? Math.floor((seconds % unit) / smaller) : 0;
  return `${Math.max(Math.floor(seconds / unit), 0)}${name}${rest > 0 ? `${rest}${smallerName}` : ''}`;
}

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
