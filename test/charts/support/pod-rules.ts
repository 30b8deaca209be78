/** The restricted Pod Security Standard, and what linters of charts ask besides, for the pods of our own manifests. */
import type { Manifest } from './renders.ts';

interface Context {
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seccompProfile?: { type: string };
  allowPrivilegeEscalation?: boolean;
  readOnlyRootFilesystem?: boolean;
  privileged?: boolean;
  capabilities?: { drop?: string[]; add?: string[] };
}

interface Container {
  name: string;
  image: string;
  securityContext?: Context;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  ports?: { name: string; containerPort: number; hostPort?: number }[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: object } }[];
  livenessProbe?: object;
  readinessProbe?: object;
  startupProbe?: object;
  volumeMounts?: { name: string }[];
}

/** Volumes that the standard allows, without those nobody needs here. */
const VOLUMES = ['configMap', 'emptyDir', 'projected', 'secret', 'downwardAPI'];

/** @returns a line for each rule that a workload breaks */
export function brokenRules(workload: Manifest, all: readonly Manifest[]): string[] {
  const { spec, metadata } = workload.spec.template;
  const containers: Container[] = [...(spec.initContainers ?? []), ...spec.containers];
  const pod: Context = spec.securityContext ?? {};
  const volumes: Record<string, unknown>[] = spec.volumes ?? [];
  const has = (kind: string, test: (object: Manifest) => boolean) =>
    all.some((object) => object.kind === kind && test(object));
  const selects = (selector: Record<string, string> = {}) =>
    Object.entries(selector).every(([key, value]) => metadata.labels[key] === value);
  const replicas = workload.spec.replicas ?? 1;
  const rules: [string, boolean][] = [
    ['host-namespaces', !spec.hostNetwork && !spec.hostPID && !spec.hostIPC],
    [
      'volume-types',
      volumes.every((volume) => Object.keys(volume).every((key) => key === 'name' || VOLUMES.includes(key))),
    ],
    ['mismatching-selector', selects(workload.spec.selector.matchLabels)],
    [
      'no-liveness-probe',
      spec.containers.every((container: Container) => container.livenessProbe !== undefined),
    ],
    [
      'no-readiness-probe',
      spec.containers.every((container: Container) => container.readinessProbe !== undefined),
    ],
    [
      'dangling-volume',
      containers.every(({ volumeMounts = [] }) =>
        volumeMounts.every(({ name }) => volumes.some((volume) => volume.name === name)),
      ),
    ],
    [
      'default-service-account',
      spec.serviceAccountName !== undefined && spec.serviceAccountName !== 'default',
    ],
    ['service-links', spec.enableServiceLinks === false],
    ['no-anti-affinity', replicas < 2 || spec.affinity?.podAntiAffinity !== undefined],
    [
      'no-disruption-budget',
      replicas < 2 || has('PodDisruptionBudget', (budget) => selects(budget.spec.selector.matchLabels)),
    ],
    ['dangling-service', has('Service', (service) => selects(service.spec.selector))],
    [
      'dangling-port',
      all
        .filter(({ kind }) => kind === 'Service')
        .every((service) =>
          service.spec.ports.every(({ targetPort }: { targetPort: string }) =>
            containers.some(({ ports = [] }) => ports.some(({ name }) => name === targetPort)),
          ),
        ),
    ],
    ...containers.flatMap((container) => containerRules(container, pod)),
  ];
  return rules.filter(([, holds]) => !holds).map(([name]) => name);
}

function containerRules(container: Container, pod: Context): [string, boolean][] {
  const own = container.securityContext ?? {};
  const named = (rule: string) => `${rule} (${container.name})`;
  const { requests = {}, limits = {} } = container.resources ?? {};
  return [
    [
      named('run-as-non-root'),
      (own.runAsNonRoot ?? pod.runAsNonRoot) === true && (own.runAsUser ?? pod.runAsUser) !== 0,
    ],
    [named('no-read-only-root-fs'), own.readOnlyRootFilesystem === true],
    [named('privilege-escalation'), own.allowPrivilegeEscalation === false && own.privileged !== true],
    [named('drop-capabilities'), own.capabilities?.drop?.includes('ALL') === true && !own.capabilities.add],
    [named('seccomp'), (own.seccompProfile ?? pod.seccompProfile)?.type === 'RuntimeDefault'],
    [named('host-port'), (container.ports ?? []).every(({ hostPort }) => hostPort === undefined)],
    [named('unset-cpu-requirements'), requests.cpu !== undefined],
    [named('unset-memory-requirements'), requests.memory !== undefined && limits.memory !== undefined],
    [named('latest-tag'), /@sha256:[0-9a-f]{64}$|:(?!latest$)[\w.-]+$/.test(container.image)],
    [
      named('env-var-secret'),
      (container.env ?? []).every(
        ({ name, value, valueFrom }) =>
          !valueFrom?.secretKeyRef &&
          !(value && /secret$|password|_key$/i.test(name) && !value.startsWith('/')),
      ),
    ],
    [
      named('duplicate-env-var'),
      new Set((container.env ?? []).map(({ name }) => name)).size === (container.env ?? []).length,
    ],
  ];
}
