/** Events are served twice, as core/v1 and as events.k8s.io/v1, over one storage in the core form. */
import type { ApiObject } from '../object.ts';
import { objectOf, type Shape } from './shape.ts';

const CORE: Record<string, Shape> = {
  involvedObject: 'reference',
  related: 'reference',
  source: { component: 'text', host: 'text' },
  series: { count: 'integer', lastObservedTime: 'time' },
  count: 'integer',
  ...Object.fromEntries(
    ['firstTimestamp', 'lastTimestamp', 'eventTime'].map((name) => [name, 'time' as const]),
  ),
  ...Object.fromEntries(
    ['type', 'reason', 'message', 'action', 'reportingComponent', 'reportingInstance'].map((name) => [
      name,
      'text' as const,
    ]),
  ),
};
/** Core name -> events.k8s.io name. */
const NEW_NAMES: Record<string, string> = {
  involvedObject: 'regarding',
  message: 'note',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  count: 'deprecatedCount',
  reportingComponent: 'reportingController',
};
const OLD_NAMES = Object.fromEntries(Object.entries(NEW_NAMES).map(([old, name]) => [name, old]));
const rename = <T>(members: Record<string, T>, names: Record<string, string>): Record<string, T> =>
  Object.fromEntries(Object.entries(members).map(([name, value]) => [names[name] ?? name, value]));

/** Field selectors take the reference under its name in the API version; paths are those of storage. */
function selectable(reference: string): Record<string, string> {
  const referred = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
  const paths = referred.map((name) => [`${reference}.${name}`, `.involvedObject.${name}`]);
  return { reason: '.reason', type: '.type', ...Object.fromEntries(paths) };
}

const DESCRIPTION = 'Event reports something that happened.';
export const coreEvent = { schema: objectOf(DESCRIPTION, CORE), selectable: selectable('involvedObject') };
export const newEvent = {
  schema: objectOf(DESCRIPTION, rename(CORE, NEW_NAMES)),
  selectable: selectable('regarding'),
  toStored: (event: ApiObject) => ({ ...rename(event, OLD_NAMES), apiVersion: 'v1' }) as ApiObject,
  fromStored: (event: ApiObject) =>
    ({ ...rename(event, NEW_NAMES), apiVersion: 'events.k8s.io/v1' }) as ApiObject,
};
