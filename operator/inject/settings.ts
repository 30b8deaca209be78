/** What an installation decides about its sidecars: the values of the chart, as a file the operator and the command line read. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SIDECAR_VARIABLES, SPOOL_DIR, SPOOL_URL, SYSTEM_NAMESPACES } from './names.ts';
import { amount, CPU, MEMORY, NO_SPOOL, SPOOL, type ValueKind } from './value-kinds.ts';

const text = (least: number, most: number, expected = `a text of ${least} to ${most} characters`) =>
  z.string(must(expected)).min(least, must(expected)).max(most, must(expected));
const matching = (pattern: RegExp, expected: string) => text(1, 512, expected).regex(pattern, must(expected));
const integer = (least: number, most: number) => {
  const message = must(`a whole number from ${least} to ${most}`);
  return z.int(message).min(least, message).max(most, message);
};
const oneOf = <const Choice extends string>(...choices: [Choice, ...Choice[]]) =>
  z.enum(choices, must(`one of ${choices.join(', ')}`));
const of = (kind: ValueKind) =>
  z.string(must(kind.expected)).refine((value) => kind.holds(value), must(kind.expected));
const must = (expected: string) => `must be ${expected}`;

const namespace = matching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'the name of a namespace');
const secret = z.strictObject({ name: text(1, 253), key: text(1, 253) });
const amounts = z.strictObject({ cpu: of(CPU).optional(), memory: of(MEMORY).optional() });
const variable = matching(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'named as a variable of the environment').refine(
  (name) => name !== SPOOL_DIR && !SIDECAR_VARIABLES.some((own) => own === name),
  'is set by injection itself',
);

const schema = z.strictObject({
  version: matching(/^[A-Za-z0-9]([-A-Za-z0-9._+]{0,61}[A-Za-z0-9])?$/, 'a version such as 1.2.3').describe(
    'Version of the sidecar; recorded on each pod.',
  ),
  image: text(1, 512).describe('Image of the sidecar.'),
  imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never')
    .optional()
    .describe('When the image is pulled; unset: as Kubernetes decides by its tag.'),
  operatorUrl: matching(
    /^https:\/\/([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$/,
    'https://HOST:PORT',
  ).describe('Where sidecars find the operator.'),
  operatorNamespace: namespace.describe('Namespace of the operator; never injected.'),
  excludedNamespaces: z
    .array(namespace)
    .max(256, must('a list of at most 256 namespaces'))
    .default([])
    .describe('Further namespaces that are never injected.'),
  port: integer(1024, 65_535).default(4000).describe('Where apps find the sidecar on localhost.'),
  adminPort: integer(1024, 65_535)
    .default(4001)
    .describe('Where kubelet and scrapers find it on the address of the pod.'),
  adminHost: oneOf('0.0.0.0', '[::]')
    .default('0.0.0.0')
    .describe('What the admin port binds; `[::]` in clusters whose pods have IPv6 addresses only.'),
  startup: oneOf('Wait', 'Proceed')
    .default('Wait')
    .describe('Wait: the app starts once the sidecar has its configuration. Proceed: after 30 s at most.'),
  resources: z
    .strictObject({ requests: amounts.default({}), limits: amounts.default({}) })
    .default({ requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '160Mi' } })
    .describe('Resources of the sidecar.'),
  runAsUser: integer(1, 2_147_483_647)
    .nullable()
    .default(65_532)
    .describe('User and group of the sidecar; null: the platform chooses, as OpenShift does.'),
  stateSize: of(MEMORY).default('32Mi').describe('Memory for the last known good configuration.'),
  spool: z
    .strictObject({
      size: of(SPOOL).default(NO_SPOOL),
      medium: oneOf('Memory', 'Disk').default('Memory'),
    })
    .default({ size: NO_SPOOL, medium: 'Memory' })
    .describe(
      'Where sidecars keep batches and answers for later: how much, `0` for none, and whether in memory, which counts towards the limit of the sidecar, or on the disk of the node, where prompts and answers are in plain text.',
    ),
  spoolURLSecret: secret
    .optional()
    .describe(
      'Name and key of a Secret in the namespace of each pod whose value is OUTRIDER_SPOOL_URL: the store that batches and answers for later are kept in, instead of `spool`. A pod without it keeps none. Unset: none is looked for.',
    ),
  tokenAudience: text(1, 253).default('outrider').describe("Audience of the sidecars' tokens."),
  tokenLifetimeSeconds: integer(600, 86_400).default(3600).describe("Lifetime of the sidecars' tokens."),
  cacheURLSecret: secret
    .optional()
    .describe(
      'Name and key of a Secret in the namespace of each pod whose value is OUTRIDER_CACHE_URL: the store that sidecars share answers through. A pod without it keeps them for itself. Unset: none is looked for.',
    ),
  env: z
    .record(variable, text(0, 4096))
    .default({})
    .describe(
      'Further variables of the sidecar, such as OTEL_EXPORTER_OTLP_ENDPOINT. OUTRIDER_REGION, unset, is the label topology.kubernetes.io/region of the pod, which Kubernetes 1.35 and newer copy from its node.',
    ),
});

export type InjectionSettings = Readonly<z.infer<typeof schema>>;

/** Fields with what they mean and their defaults, for reference pages. */
export const SETTINGS_FIELDS: readonly { name: string; meaning: string; default: unknown }[] = Object.entries(
  schema.shape,
).map(([name, field]) => ({
  name,
  meaning: field.description ?? '',
  default: field instanceof z.ZodDefault ? field.def.defaultValue : undefined,
}));

/** Settings that cannot be used; the message names each field, its value and what would be right. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** @throws SettingsError */
export function readInjectionSettings(value: unknown): InjectionSettings {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    throw new SettingsError(parsed.error.issues.map(describe).join('; '));
  }
  const { port, adminPort, env, resources, spool, spoolURLSecret, stateSize } = parsed.data;
  if (port === adminPort) throw new SettingsError(`adminPort is ${adminPort}; it must differ from port`);
  const elsewhere = SPOOL_URL in env ? `env.${SPOOL_URL}` : spoolURLSecret && 'spoolURLSecret';
  if (spool.size !== NO_SPOOL && elsewhere)
    throw new SettingsError(`spool.size is "${spool.size}"; with ${elsewhere} it must be "${NO_SPOOL}"`);
  const most = resources.limits.memory;
  if (
    spool.size !== NO_SPOOL &&
    spool.medium === 'Memory' &&
    most !== undefined &&
    amount(spool.size) + amount(stateSize) >= amount(most)
  ) {
    throw new SettingsError(
      `spool.size is "${spool.size}"; in memory, it must with stateSize, ${stateSize}, be below resources.limits.memory, ${most}`,
    );
  }
  for (const name of ['cpu', 'memory'] as const) {
    const [request, limit] = [resources.requests[name], resources.limits[name]];
    if (request !== undefined && limit !== undefined && amount(request) > amount(limit)) {
      throw new SettingsError(
        `resources.requests.${name} is "${request}"; it must not exceed the limit ${limit}`,
      );
    }
  }
  return parsed.data;
}

function describe(issue: z.core.$ZodIssue): string {
  const name = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schema.shape).join(', ');
    return `${[...issue.path, issue.keys.join(', ')].join('.')} is no setting; settings are ${known}`;
  }
  if (issue.code === 'invalid_key') return `${name} ${issue.issues[0]?.message ?? issue.message}`;
  if (issue.input === undefined) return `${name} is required; it ${issue.message}`;
  return `${name === '' ? 'it' : name} is ${JSON.stringify(issue.input)}; it ${issue.message}`;
}

/** Equal settings have equal hashes; 16 hexadecimal digits. */
export function settingsHash(settings: InjectionSettings): string {
  const sorted = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, member]) => [name, sorted(member)]),
    );
  };
  return createHash('sha256')
    .update(JSON.stringify(sorted(settings)))
    .digest('hex')
    .slice(0, 16);
}

/** Namespaces that are never injected. */
export function excludedNamespaces(settings: InjectionSettings): string[] {
  return [...new Set([...SYSTEM_NAMESPACES, settings.operatorNamespace, ...settings.excludedNamespaces])];
}

/** Port that sidecars connect to. */
export function syncPort(settings: InjectionSettings): string {
  return new URL(settings.operatorUrl).port || '443';
}
