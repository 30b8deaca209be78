/** `meta.k8s.io/v1` Table: what `kubectl get` prints. */
import type { Column, Kind } from '../kinds/kind.ts';
import { type ApiObject, type Fields, spell } from '../object.ts';
import { valueAt } from './json-path.ts';

export interface TableOptions {
  now: Date;
  /** How much of each object a row carries: None, Metadata or Object. */
  include: string;
  /** Watches send the column definitions once. */
  headers: boolean;
  /** An object in storage form as the client sees it. */
  shown: (object: ApiObject) => ApiObject;
}

export function tableOf(
  kind: Kind,
  stored: readonly ApiObject[],
  metadata: Fields,
  options: TableOptions,
): Fields {
  const { now, include, headers, shown } = options;
  const columns = [NAME, ...kind.columns];
  const rowObject = (object: ApiObject): unknown => {
    if (include !== 'Metadata') return include === 'None' ? null : shown(object);
    return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
  };
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: headers ? columns.map(definition) : null,
    rows: stored.map((object) => {
      return { cells: columns.map((column) => cell(column, object, now)), object: rowObject(object) };
    }),
  };
}

const NAME: Column = {
  name: 'Name',
  type: 'string',
  jsonPath: '.metadata.name',
  description: 'Name of the object.',
};

function definition({ name, type, jsonPath, description, priority = 0 }: Column): Fields {
  const format = jsonPath === NAME.jsonPath ? 'name' : '';
  const fallback = `Custom resource definition column (in JSONPath format): ${jsonPath}`;
  return {
    name,
    type: type === 'count' ? 'string' : type,
    format,
    description: description ?? fallback,
    priority,
  };
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

/** Largest count of a unit before the next one takes over, its seconds, and whether the next smaller unit is told too. */
const UNITS: [most: number, unit: number, name: string, smaller?: number, smallerName?: string][] = [
  [120, 1, 's'],
  [10 * 60, 60, 'm', 1, 's'],
  [3 * 3600, 60, 'm'],
  [8 * 3600, 3600, 'h', 60, 'm'],
  [2 * 86_400, 3600, 'h'],
  [8 * 86_400, 86_400, 'd', 3600, 'h'],
  [730 * 86_400, 86_400, 'd'],
  [Number.POSITIVE_INFINITY, 365 * 86_400, 'y', 86_400, 'd'],
];

/** How long ago something was, the way `kubectl get` prints it. */
export function age(since: string, now: Date): string {
  const seconds = Math.trunc((now.getTime() - Date.parse(since)) / 1000);
  if (Number.isNaN(seconds) || seconds < -1) return '<invalid>';
  const [, unit = 1, name = 's', smaller, smallerName] = UNITS.find(([most]) => seconds < most) ?? [];
  const rest = smaller ? Math.floor((seconds % unit) / smaller) : 0;
  return `${Math.max(Math.floor(seconds / unit), 0)}${name}${rest > 0 ? `${rest}${smallerName}` : ''}`;
}
