/** Objects that the suite applies: what a user of the product would write, and what stands in for vendors. */

import { imageOf } from './images.ts';
import { PROGRAMS_CONFIG_MAP, PROGRAMS_DIRECTORY, type ProgramName, programFile } from './programs.ts';

const NODE = '/usr/local/bin/node';
export const KEYS_SECRET = 'vendor-keys';
export const ROUTE = 'assistant';

type Variables = Readonly<Record<string, string>>;
type Texts = Readonly<Record<string, string>>;

export const namespace = (name: string, labels: Texts = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  // What we put into pods must stand the strictest of the standards.
  metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', ...labels } },
});

/** Keys by vendor. */
export const keys = (stringData: Texts) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: KEYS_SECRET, labels: { 'outrider.dev/provider-credential': 'true' } },
  stringData,
});

export const provider = (name: string, namespace: string) => ({
  apiVersion: 'outrider.dev/v1alpha1',
  kind: 'LLMProvider',
  metadata: { name },
  spec: {
    type: 'OpenAICompatible',
    endpoint: { url: `http://${name}.${namespace}.svc:8000/v1` },
    credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: KEYS_SECRET, key: name } }],
    models: [
      {
        name: 'scripted-large',
        capabilities: ['Chat', 'Tools'],
        contextWindow: 128_000,
        pricing: [
          { unit: 'InputToken', perMillion: '100' },
          { unit: 'OutputToken', perMillion: '1000' },
        ],
      },
    ],
  },
});

export interface Target {
  name: string;
  vendor: string;
  priority?: number;
}

const target = ({ name, vendor, priority }: Target) => ({
  name,
  provider: { name: vendor },
  model: 'scripted-large',
  ...(priority === undefined ? {} : { priority }),
});

export const rules = (targets: readonly Target[]) => [{ name: 'all', targets: targets.map(target) }];

/** Enough for any run, so that what it refuses is a mistake: of each workload by estimate, of all never exceeded. */
export const budgets = [
  { name: 'each', amount: '100000', period: { unit: 'Month' }, key: [{ by: 'Workload' }] },
  { name: 'all', amount: '1000000', period: { unit: 'Month' }, enforcement: 'Strict' },
];

export const route = (targets: readonly Target[]) => ({
  apiVersion: 'outrider.dev/v1alpha1',
  kind: 'LLMRoute',
  metadata: { name: ROUTE },
  spec: { models: ['assistant'], rules: rules(targets) },
});

/** Set aside, so that on a busy node what measures is not what waits. */
const SHARE = { requests: { cpu: '100m', memory: '64Mi' } };

function container(name: string, command: readonly string[], env: Variables = {}) {
  const { repository, tag } = imageOf('sidecar');
  return {
    name,
    image: `${repository}:${tag}`,
    imagePullPolicy: 'IfNotPresent',
    command: [NODE, ...command],
    env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
    volumeMounts: [{ name: 'programs', mountPath: PROGRAMS_DIRECTORY, readOnly: true }],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
}

const program = (name: ProgramName, env: Variables = {}) => ({
  ...container(name, [programFile(name)], env),
  resources: SHARE,
});

const podSpec = (containers: readonly object[], more: object = {}) => ({
  containers,
  volumes: [{ name: 'programs', configMap: { name: PROGRAMS_CONFIG_MAP } }],
  securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
  enableServiceLinks: false,
  ...more,
});

interface DeploymentOptions {
  replicas?: number;
  labels?: Texts;
  annotations?: Texts;
  /** Members of the pod's spec. */
  pod?: object;
}

function deployment(name: string, containers: readonly object[], options: DeploymentOptions = {}) {
  const { replicas = 1, labels = {}, annotations = {}, pod = {} } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name, ...labels }, annotations },
        spec: podSpec(containers, pod),
      },
    },
  };
}

const answers = (path: string, port: number) => ({
  readinessProbe: { httpGet: { path, port }, periodSeconds: 1, failureThreshold: 60 },
});

export const app = (name: string, options?: DeploymentOptions) =>
  deployment(name, [{ ...program('app'), ...answers('/healthz', 8080) }], options);

/** Pods that only live, beside their sidecars. */
export const idlers = (name: string, replicas: number) => {
  const script = "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e9)";
  return deployment(name, [container('idler', ['--max-semi-space-size=1', '-e', script])], { replicas });
};

/** A vendor and its Service. It is no pod of the app: it gets no sidecar. */
export const vendor = (name: string, key: string) => [
  deployment(name, [{ ...program('vendor', { KEYS: key }), ...answers('/seen', 8001) }], {
    labels: { 'outrider.dev/inject': 'false' },
  }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: 'vendor', port: 8000 }] },
  },
];

/** Asks in an init container and in the container itself. */
const taskSpec = () => ({
  backoffLimit: 0,
  template: {
    spec: podSpec([program('task')], {
      initContainers: [{ ...program('task'), name: 'asks-first' }],
      restartPolicy: 'Never',
    }),
  },
});

export const job = (name: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: taskSpec(),
});

export const cronJob = (name: string) => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name },
  spec: { schedule: '* * * * *', concurrencyPolicy: 'Forbid', jobTemplate: { spec: taskSpec() } },
});
