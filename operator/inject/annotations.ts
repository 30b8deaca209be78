/** What a pod may say about its sidecar, in one table: both doors, the checks and the reference page are made from it. */
import { ANNOTATION_PREFIX } from './names.ts';
import type { InjectionSettings } from './settings.ts';
import { CPU, choice, GRACE, MEMORY, PORT, SPOOL, type ValueKind, VOLUME } from './value-kinds.ts';

export interface AnnotationRule {
  annotation: string;
  kind: ValueKind;
  /** What holds where the pod says nothing; undefined: nothing. */
  unset: (settings: InjectionSettings) => string | undefined;
  /** For the reference page: what it does, and what holds without it. */
  meaning: string;
  otherwise: string;
}

const rule = (
  name: string,
  kind: ValueKind,
  unset: AnnotationRule['unset'],
  meaning: string,
  otherwise: string,
): AnnotationRule => ({ annotation: `${ANNOTATION_PREFIX}${name}`, kind, unset, meaning, otherwise });

export const ANNOTATIONS = {
  port: rule(
    'port',
    PORT,
    ({ port }) => String(port),
    'Port on localhost where the app finds the sidecar. The base URLs follow.',
    'setting `port`',
  ),
  adminPort: rule(
    'admin-port',
    PORT,
    ({ adminPort }) => String(adminPort),
    'Port for probes and metrics.',
    'setting `adminPort`',
  ),
  startup: rule(
    'startup',
    choice('Wait', 'Proceed'),
    ({ startup }) => startup,
    '`Wait`: the app starts once the sidecar has its configuration. `Proceed`: after 30 s even without; requests are answered 503 until it comes.',
    'setting `startup`',
  ),
  env: rule(
    'env',
    choice('Inject', 'None'),
    () => 'Inject',
    '`None`: no variable reaches the containers of the app; their base URLs are the business of the pod.',
    '`Inject`',
  ),
  cpuRequest: rule(
    'cpu-request',
    CPU,
    ({ resources }) => resources.requests.cpu,
    'CPU that is set aside for the sidecar.',
    'setting `resources`',
  ),
  cpuLimit: rule(
    'cpu-limit',
    CPU,
    ({ resources }) => resources.limits.cpu,
    'Most CPU of the sidecar.',
    'setting `resources`',
  ),
  memoryRequest: rule(
    'memory-request',
    MEMORY,
    ({ resources }) => resources.requests.memory,
    'Memory that is set aside for the sidecar.',
    'setting `resources`',
  ),
  memoryLimit: rule(
    'memory-limit',
    MEMORY,
    ({ resources }) => resources.limits.memory,
    'Most memory of the sidecar.',
    'setting `resources`',
  ),
  spoolSize: rule(
    'spool-size',
    SPOOL,
    ({ spool }) => spool.size,
    'Room for batches and answers for later; `0`: none. In memory or on the disk of the node, as the setting `spool.medium` says, and gone with the pod.',
    'setting `spool`',
  ),
  spoolVolume: rule(
    'spool-volume',
    VOLUME,
    () => undefined,
    'Volume of the pod that batches and answers for later are kept on instead, such as the claim of a StatefulSet, where they outlive the pod. No other pod may use it; `spool-size` bounds what is kept, 1 GiB does without.',
    'none',
  ),
  terminationGrace: rule(
    'termination-grace',
    GRACE,
    () => undefined,
    'Raises `terminationGracePeriodSeconds` to at least this, so that long streams end in their own time. Never lowers it.',
    'left as it is',
  ),
  shareProcessNamespace: rule(
    'share-process-namespace',
    choice('Allow'),
    () => undefined,
    "Injects a pod whose containers see each other's processes, although the app can then read the keys in the memory of the sidecar.",
    'such pods are left alone',
  ),
} as const satisfies Record<string, AnnotationRule>;

export type ValueName = keyof typeof ANNOTATIONS;

export const VALUE_NAMES = Object.keys(ANNOTATIONS) as ValueName[];

/** What holds for one pod: what it says, else the settings. */
export type Values = Readonly<Record<ValueName, string | undefined>>;

export function valuesOf(annotations: Readonly<Record<string, string>>, settings: InjectionSettings): Values {
  const entries = VALUE_NAMES.map((name) => {
    const { annotation, unset }: AnnotationRule = ANNOTATIONS[name];
    return [name, annotations[annotation] ?? unset(settings)];
  });
  return Object.fromEntries(entries) as Values;
}
