/** Service meshes that injection has to get along with. */

export interface Mesh {
  /** Name of its proxy's container. */
  proxy: string;
  /** Annotation that keeps ports out of the capture of outgoing connections: numbers, separated by commas. */
  excludedPorts: string;
  /** Signs that its proxy will be added after us: any of these labels or annotations with one of these values. */
  announced: readonly Announcement[];
}

export interface Announcement {
  on: 'Namespace label' | 'Pod label' | 'Pod annotation';
  name: string;
  /** Empty: any value. */
  values: readonly string[];
}

export const MESHES: readonly Mesh[] = [
  {
    proxy: 'istio-proxy',
    excludedPorts: 'traffic.sidecar.istio.io/excludeOutboundPorts',
    announced: [
      { on: 'Namespace label', name: 'istio-injection', values: ['enabled'] },
      { on: 'Namespace label', name: 'istio.io/rev', values: [] },
      { on: 'Pod label', name: 'sidecar.istio.io/inject', values: ['true'] },
      { on: 'Pod label', name: 'istio.io/rev', values: [] },
    ],
  },
  {
    proxy: 'linkerd-proxy',
    excludedPorts: 'config.linkerd.io/skip-outbound-ports',
    announced: [{ on: 'Pod annotation', name: 'linkerd.io/inject', values: ['enabled', 'ingress'] }],
  },
];

export const MESH_PROXIES = MESHES.map(({ proxy }) => proxy);

/** Containers that belong to a mesh and not to the app: they get no variables, and are nobody's default container. */
export const MESH_CONTAINERS = [
  ...MESH_PROXIES,
  'istio-init',
  'istio-validation',
  'linkerd-init',
  'linkerd-network-validator',
];
