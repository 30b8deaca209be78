/** The sidecar's container and volumes: what every injected pod gets. */

import {
  ADMIN_PORT_NAME,
  CA_CONFIG_MAP,
  CA_KEY,
  CA_VOLUME,
  CONTAINER,
  type SIDECAR_VARIABLES,
  SPOOL_URL,
  STATE_VOLUME,
  TOKEN_VOLUME,
} from './names.ts';
import type { InjectionSettings } from './settings.ts';
import { Entries, Hole, type Node } from './template.ts';

type Fields = { readonly [field: string]: Node };

const TOKEN_DIRECTORY = '/var/run/secrets/outrider';
const TOKEN_FILE = 'token';
const CA_DIRECTORY = '/etc/outrider/ca';
const STATE_DIRECTORY = '/var/lib/outrider';

/**
 * Kept for ten minutes without configuration before the kubelet starts it anew: a restart cures nothing while no operator
 * answers, and each one would lengthen the kubelet's own pause before the next.
 */
const STARTUP_FAILURES = 600;

export function sidecarContainer(settings: InjectionSettings): Fields {
  return {
    name: CONTAINER,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    // A native sidecar: started before what follows it, stopped after the app, no obstacle to the end of a Job.
    restartPolicy: 'Always',
    env: environment(settings),
    ports: [{ name: ADMIN_PORT_NAME, containerPort: new Hole('adminPort', 'Integer'), protocol: 'TCP' }],
    // Ready means: configuration is loaded, be it the last known good. What follows in the pod starts after that.
    startupProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: STARTUP_FAILURES },
    // A restart cuts every stream of the pod, so only a process that answers nothing for a minute is worth one.
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    // No readiness probe: once started, the sidecar serves from its last known good whatever happens around it, and the pod
    // must not lose its Services' traffic because of what goes out of it.
    resources: {
      requests: new Entries({ cpu: text('cpuRequest'), memory: text('memoryRequest') }),
      limits: new Entries({ cpu: text('cpuLimit'), memory: text('memoryLimit') }),
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      ...(settings.runAsUser === null
        ? {}
        : { runAsUser: settings.runAsUser, runAsGroup: settings.runAsUser }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: TOKEN_VOLUME, mountPath: TOKEN_DIRECTORY, readOnly: true },
      { name: CA_VOLUME, mountPath: CA_DIRECTORY, readOnly: true },
      { name: STATE_VOLUME, mountPath: STATE_DIRECTORY },
    ],
  };
}

export function sidecarVolumes(settings: InjectionSettings): (Fields & { name: string })[] {
  return [
    {
      name: TOKEN_VOLUME,
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: settings.tokenAudience,
              expirationSeconds: settings.tokenLifetimeSeconds,
              path: TOKEN_FILE,
            },
          },
        ],
      },
    },
    { name: CA_VOLUME, configMap: { name: CA_CONFIG_MAP } },
    // In memory, because the last known good holds keys.
    { name: STATE_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: settings.stateSize } },
  ];
}

const text = (value: ConstructorParameters<typeof Hole>[0]): Hole => new Hole(value, 'Text');

function probe(path: string): Fields {
  return { httpGet: { path, port: new Hole('adminPort', 'Integer') } };
}

function environment(settings: InjectionSettings): Node[] {
  const own: Record<(typeof SIDECAR_VARIABLES)[number], string | Hole> = {
    OUTRIDER_OPERATOR: settings.operatorUrl,
    OUTRIDER_TOKEN_FILE: `${TOKEN_DIRECTORY}/${TOKEN_FILE}`,
    OUTRIDER_CA_FILE: `${CA_DIRECTORY}/${CA_KEY}`,
    OUTRIDER_STATE_DIR: STATE_DIRECTORY,
    OUTRIDER_LISTEN: new Hole('port', 'Text', '127.0.0.1:'),
    OUTRIDER_ADMIN: new Hole('adminPort', 'Text', `${settings.adminHost}:`),
    OUTRIDER_STARTUP: text('startup'),
  };
  const variables = (values: Readonly<Record<string, string | Hole>>): Fields[] =>
    Object.entries(values).map(([name, value]) => ({ name, value }));
  return [
    ...variables(own),
    ...region(settings),
    ...podIdentity(settings),
    ...variables(settings.env),
    ...fromSecret(CACHE_URL, settings.cacheURLSecret, settings),
    ...fromSecret(SPOOL_URL, settings.spoolURLSecret, settings),
  ];
}

const REGION = 'OUTRIDER_REGION';
const CACHE_URL = 'OUTRIDER_CACHE_URL';

/** Read when the container starts: by then the pod has its node, and where Kubernetes copies them, its node's labels. */
function region({ env }: InjectionSettings): Fields[] {
  if (REGION in env) return [];
  const fieldPath = `metadata.labels['topology.kubernetes.io/region']`;
  return [{ name: REGION, valueFrom: { fieldRef: { fieldPath } } }];
}

/** A URL of a store: with the password that it may hold, it is in no pod's spec. */
function fromSecret(
  name: string,
  secret: { name: string; key: string } | undefined,
  { env }: InjectionSettings,
): Fields[] {
  if (secret === undefined || name in env) return [];
  return [{ name, valueFrom: { secretKeyRef: { ...secret, optional: true } } }];
}

/** Spans say which pod they come from; needed only where they are sent somewhere. */
function podIdentity({ env }: InjectionSettings): Fields[] {
  const traces = 'OTEL_EXPORTER_OTLP_ENDPOINT' in env || 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' in env;
  if (!traces || 'OTEL_RESOURCE_ATTRIBUTES' in env) return [];
  const facts = [
    ['POD_NAMESPACE', 'metadata.namespace', 'k8s.namespace.name'],
    ['POD_NAME', 'metadata.name', 'k8s.pod.name'],
    ['POD_UID', 'metadata.uid', 'k8s.pod.uid'],
    ['NODE_NAME', 'spec.nodeName', 'k8s.node.name'],
  ] as const;
  return [
    ...facts.map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
    {
      name: 'OTEL_RESOURCE_ATTRIBUTES',
      value: facts.map(([name, , attribute]) => `${attribute}=$(${name})`).join(','),
    },
  ];
}
