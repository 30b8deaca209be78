/** The built-in kinds the project needs, with what is particular about each. */
import { type ApiObject, type Fields, mapFields } from '../object.ts';
import type { Column, Kind, Schema } from './kind.ts';
import { all, OBJECT_META, type Shape, schemaOf } from './shape.ts';

const NAMES = { group: '', version: 'v1', shortNames: [], categories: [] };
const TRAITS = { namespaced: true, custom: false, status: false, generation: false, strategicPatch: true };
type Members = { [member: string]: Shape };
/** A kind of the core group; `members` are what its objects have besides metadata. */
function builtin(description: string, members: Members, columns: Column[], more: Partial<Kind>): Kind {
  const [kind = ''] = description.split(' ');
  const singular = kind.toLowerCase();
  const { properties } = schemaOf({ apiVersion: 'text', kind: 'text', ...members });
  const whole = { ...properties, metadata: OBJECT_META };
  const schema: Schema = { description, type: 'object', properties: whole };
  return { ...NAMES, ...TRAITS, kind, singular, plural: `${singular}s`, schema, columns, ...more };
}

const column = (name: string, jsonPath: string, type: Column['type'] = 'string', priority = 0): Column => {
  return { name, type, jsonPath, description: '', priority };
};
const AGE = column('Age', '.metadata.creationTimestamp', 'date');
const DATA = column('Data', '.data', 'count');
/** Field selectors by the path they stand for. */
const selectable = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `.${name}`]));

/** Text becomes base64, as on the real server. */
function prepareSecret(secret: ApiObject): void {
  const { data: given, stringData = {} } = secret as ApiObject & { data?: object; stringData?: Fields };
  const data = { ...given, ...mapFields(stringData, (text) => Buffer.from(String(text)).toString('base64')) };
  delete secret.stringData;
  if (Object.keys(data).length > 0) secret.data = data;
  secret.type ??= 'Opaque';
}

const status: Shape = { phase: 'text', conditions: ['any', 'type'], '...': true };
export const namespaces = builtin(
  'Namespace is a scope for names.',
  { spec: { finalizers: ['text', 'set'] }, status },
  [column('Status', '.status.phase'), AGE],
  {
    shortNames: ['ns'],
    namespaced: false,
    status: true,
    selectable: selectable('status.phase'),
    prepare: ({ metadata }) => {
      metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
    },
    initial: { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } },
  },
);

const ports: Shape = ['any', 'containerPort', 'protocol'];
const containers: Shape = [
  { ...all('text', 'name', 'image'), ports, env: ['any', 'name'], '...': true },
  'name',
];
const pods = builtin(
  'Pod is a group of containers that run together.',
  {
    spec: { ...all(containers, 'containers', 'initContainers'), volumes: ['any', 'name'], '...': true },
    status,
  },
  [
    column('Ready', '.status.conditions[?(@.type=="Ready")].status'),
    column('Status', '.status.phase'),
    AGE,
    column('IP', '.status.podIP', 'string', 1),
    column('Node', '.spec.nodeName', 'string', 1),
  ],
  {
    shortNames: ['po'],
    categories: ['all'],
    status: true,
    generation: true,
    strategicPatch: false,
    selectable: selectable('spec.nodeName', 'spec.serviceAccountName', 'status.phase', 'status.podIP'),
    initial: { status: { phase: 'Pending' } },
  },
);

const secrets = builtin(
  'Secret holds values that few may read, in base64; stringData is merged into data.',
  { type: 'text', immutable: 'flag', data: 'bytesByName', stringData: 'texts' },
  [column('Type', '.type'), DATA, AGE],
  { selectable: selectable('type'), prepare: prepareSecret },
);

const configMaps = builtin(
  'ConfigMap holds configuration.',
  { immutable: 'flag', data: 'texts', binaryData: 'bytesByName' },
  [DATA, AGE],
  { shortNames: ['cm'] },
);

const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
const events = builtin(
  'Event reports something that happened.',
  {
    ...all('text', 'type', 'reason', 'message', 'action', 'reportingComponent', 'reportingInstance'),
    ...all('time', 'firstTimestamp', 'lastTimestamp', 'eventTime'),
    ...all('reference', 'involvedObject', 'related'),
    ...all('any', 'source', 'series'),
    count: 'integer',
  },
  [
    column('Last Seen', '.series.lastObservedTime|.lastTimestamp|.eventTime', 'date'),
    column('Type', '.type'),
    column('Reason', '.reason'),
    column('Object', '.involvedObject.name'),
    column('Message', '.message'),
  ],
  {
    shortNames: ['ev'],
    createOnUpdate: true,
    selectable: selectable('reason', 'type', ...involved.map((name) => `involvedObject.${name}`)),
  },
);

const times = all('time', 'acquireTime', 'renewTime');
const counts = all('integer', 'leaseDurationSeconds', 'leaseTransitions');
const leases = builtin(
  'Lease is held by one of many, for leader election.',
  { spec: { holderIdentity: 'text', ...times, ...counts } },
  [column('Holder', '.spec.holderIdentity'), AGE],
  { group: 'coordination.k8s.io', createOnUpdate: true },
);

export const BUILTIN_KINDS: Kind[] = [namespaces, pods, secrets, configMaps, events, leases];
