/** Pods of all sorts: with meshes, ports, sources and variables that meet those of the sidecar, annotations good and bad. */
import * as fc from 'fast-check';
import type { Container, Pod } from '../../../../operator/inject/pod.ts';

const NAMES = ['a', 'b', 'c', 'istio-proxy', 'istio-init', 'linkerd-proxy', 'linkerd-init'];
const VALUES: Record<string, string[]> = {
  'outrider.dev/port': ['4000', '4100', 'x'],
  'outrider.dev/admin-port': ['4200', '0'],
  'outrider.dev/startup': ['Wait', 'Proceed'],
  'outrider.dev/env': ['None', 'Inject'],
  'outrider.dev/cpu-limit': ['1', '500m'],
  'outrider.dev/spool-size': ['0', '64Mi', '1Mi'],
  'outrider.dev/spool-volume': ['cache', 'Cache'],
  'outrider.dev/termination-grace': ['1s', '10m'],
  'traffic.sidecar.istio.io/excludeOutboundPorts': ['1,2', '8443', ''],
  'linkerd.io/inject': ['enabled'],
  'kubectl.kubernetes.io/default-container': ['a'],
  'example.com/a~b': ['~1'],
};

const source = fc.record(
  {
    prefix: fc.constantFrom('', 'DB_', 'OPENAI_'),
    configMapRef: fc.record({ name: fc.constantFrom('outrider-env', 'web') }),
  },
  { requiredKeys: ['configMapRef'] },
);
const variable = fc.record({ name: fc.constantFrom('A', 'OPENAI_BASE_URL', 'ANTHROPIC_BASE_URL') });
const container = fc.record(
  {
    name: fc.constantFrom(...NAMES),
    image: fc.constant('image'),
    env: fc.uniqueArray(variable, { maxLength: 3, selector: ({ name }) => name }),
    envFrom: fc.array(source, { maxLength: 3 }),
    ports: fc.array(fc.record({ containerPort: fc.constantFrom(80, 4000, 4100) }), { maxLength: 2 }),
  },
  { requiredKeys: ['name', 'image'] },
);
const containers = (minLength: number) =>
  fc.uniqueArray<Container, string>(container, { minLength, maxLength: 4, selector: ({ name }) => name });
const annotations = fc
  .subarray(Object.keys(VALUES))
  .chain((names) =>
    fc.record(Object.fromEntries(names.map((name) => [name, fc.constantFrom(...(VALUES[name] ?? []))]))),
  );
export const pod: fc.Arbitrary<Pod> = fc.record({
  metadata: fc.record(
    {
      name: fc.constant('web'),
      labels: fc.constantFrom<Record<string, string>>({}, { app: 'web' }, { 'outrider.dev/sidecar': 'no' }),
      annotations,
    },
    { requiredKeys: ['name'] },
  ),
  spec: fc.record(
    {
      containers: containers(1),
      initContainers: containers(0),
      volumes: fc.constantFrom([], [{ name: 'cache' }], [{ name: 'outrider-ca' }]),
      terminationGracePeriodSeconds: fc.constantFrom(0, 30, 900),
    },
    { requiredKeys: ['containers'] },
  ),
});
