/** The built-in kinds the project needs, with what is particular about each. */
import { type ApiObject, mapFields } from '../object.ts';
import { coreEvent, newEvent } from './events.ts';
import type { Column, Kind } from './kind.ts';
import { objectOf, type Shape } from './shape.ts';

const builtin = (kind: Partial<Kind> & Pick<Kind, 'kind' | 'plural' | 'schema' | 'columns'>): Kind => ({
  group: '',
  version: 'v1',
  singular: kind.kind.toLowerCase(),
  shortNames: [],
  categories: [],
  namespaced: true,
  custom: false,
  status: false,
  generation: false,
  strategicPatch: true,
  ...kind,
});

const column = (name: string, jsonPath: string, type: Column['type'] = 'string', priority = 0): Column => {
  return { name, type, jsonPath, description: '', priority };
};
const AGE = column('Age', '.metadata.creationTimestamp', 'date');

/** Text becomes base64, as on the real server. */
function prepareSecret(secret: ApiObject): void {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const texts = mapFields((secret.stringData ?? {}) as Record<string, string>, encode);
  const data = { ...((secret.data ?? {}) as Record<string, string>), ...texts };
  delete secret.stringData;
  if (Object.keys(data).length > 0) secret.data = data;
  secret.type ??= 'Opaque';
}

const container: Shape = {
  name: 'text',
  image: 'text',
  ports: ['any', 'containerPort', 'protocol'],
  env: ['any', 'name'],
  '...': true,
};
const podSpec: Shape = {
  containers: [container, 'name'],
  initContainers: [container, 'name'],
  volumes: ['any', 'name'],
  '...': true,
};
const leaseSpec: Shape = {
  holderIdentity: 'text',
  leaseDurationSeconds: 'integer',
  acquireTime: 'time',
  renewTime: 'time',
  leaseTransitions: 'integer',
};
const status: Shape = { phase: 'text', conditions: ['any', 'type'], '...': true };
const event = {
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  createOnUpdate: true,
  columns: [
    column('Last Seen', '.series.lastObservedTime|.lastTimestamp|.eventTime', 'date'),
    column('Type', '.type'),
    column('Reason', '.reason'),
    column('Kind', '.involvedObject.kind'),
    column('Object', '.involvedObject.name'),
    column('Message', '.message'),
  ],
};

export const BUILTIN_KINDS: Kind[] = [
  builtin({
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    namespaced: false,
    status: true,
    schema: objectOf('Namespace is a scope for names.', { spec: { finalizers: ['text', 'set'] }, status }),
    columns: [column('Status', '.status.phase'), AGE],
    selectable: { 'status.phase': '.status.phase' },
    prepare: ({ metadata }) => {
      metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
    },
    initial: { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } },
  }),
  builtin({
    kind: 'Pod',
    plural: 'pods',
    shortNames: ['po'],
    categories: ['all'],
    status: true,
    generation: true,
    strategicPatch: false,
    schema: objectOf('Pod is a group of containers that run together.', { spec: podSpec, status }),
    columns: [
      column('Ready', '.status.conditions[?(@.type=="Ready")].status'),
      column('Status', '.status.phase'),
      AGE,
      column('IP', '.status.podIP', 'string', 1),
      column('Node', '.spec.nodeName', 'string', 1),
    ],
    selectable: Object.fromEntries(
      ['spec.nodeName', 'spec.serviceAccountName', 'status.phase', 'status.podIP'].map((name) => [
        name,
        `.${name}`,
      ]),
    ),
    initial: { status: { phase: 'Pending' } },
  }),
  builtin({
    kind: 'Secret',
    plural: 'secrets',
    schema: objectOf('Secret holds values that few may read, in base64; stringData is merged into data.', {
      type: 'text',
      immutable: 'flag',
      data: 'bytesByName',
      stringData: 'texts',
    }),
    columns: [column('Type', '.type'), column('Data', '.data', 'count'), AGE],
    selectable: { type: '.type' },
    prepare: prepareSecret,
  }),
  builtin({
    kind: 'ConfigMap',
    plural: 'configmaps',
    shortNames: ['cm'],
    schema: objectOf('ConfigMap holds configuration.', {
      immutable: 'flag',
      data: 'texts',
      binaryData: 'bytesByName',
    }),
    columns: [column('Data', '.data', 'count'), AGE],
  }),
  builtin({ ...event, ...coreEvent }),
  builtin({ ...event, ...newEvent, group: 'events.k8s.io' }),
  builtin({
    group: 'coordination.k8s.io',
    kind: 'Lease',
    plural: 'leases',
    schema: objectOf('Lease is held by one of many, for leader election.', { spec: leaseSpec }),
    columns: [column('Holder', '.spec.holderIdentity'), AGE],
    createOnUpdate: true,
  }),
];
