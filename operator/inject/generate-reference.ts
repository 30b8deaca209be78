/** The reference page of injection, as text. */
import { ANNOTATIONS } from './annotations.ts';
import { appEnvironment } from './environment.ts';
import { MESHES } from './meshes.ts';
import {
  CA_CONFIG_MAP,
  DEFAULT_CONTAINER_ANNOTATION,
  ENV_CONFIG_MAP,
  INJECT_LABEL,
  INJECTION_LABEL,
  SETTINGS_ANNOTATION,
  SIDECAR_LABEL,
  SYSTEM_NAMESPACES,
  VERSION_ANNOTATION,
} from './names.ts';
import { SETTINGS_FIELDS } from './settings.ts';
import { SKIP_RULES } from './skips.ts';

const code = (text: string): string => `\`${text}\``;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const LABELS = [
  ['Namespace', `${INJECTION_LABEL}=enabled`, 'Pods that are made in it from then on get a sidecar.'],
  ['Pod', `${INJECT_LABEL}="true"`, 'Gets a sidecar, whatever its namespace says.'],
  ['Pod', `${INJECT_LABEL}="false"`, 'Gets none, whatever its namespace says.'],
  ['Pod, written', `${SIDECAR_LABEL}=true`, 'Has a sidecar.'],
] as const;

const WRITTEN = [
  [VERSION_ANNOTATION, 'Version of the sidecar.'],
  [SETTINGS_ANNOTATION, 'Hash of the settings it was injected with.'],
  [DEFAULT_CONTAINER_ANNOTATION, 'First container of the app, where the pod says nothing.'],
  ...MESHES.map(({ proxy, excludedPorts }) => [
    excludedPorts,
    `The port of the operator is added where ${code(proxy)} is an ordinary container, or is announced by label or annotation and not there yet.`,
  ]),
] as const;

const REFUSALS = [
  'a value that the table does not allow',
  'an annotation of `outrider.dev/` that is not in it',
  `a label ${code(INJECT_LABEL)} other than "true" or "false"`,
  'a request above its limit',
  'a TCP port of a container that the sidecar would take',
  'a volume of a name that it needs',
  'a spool in memory that may fill the memory limit, or one beside `OUTRIDER_SPOOL_URL`',
  'a port of its own together with an `envFrom` that may set base URLs (see below)',
];

export function injectionPage(): string {
  const annotations = Object.values(ANNOTATIONS).map(({ annotation, kind, meaning, otherwise }) => [
    code(annotation),
    kind.expected,
    meaning,
    otherwise,
  ]);
  const settings = SETTINGS_FIELDS.map(({ name, meaning, default: unset }) => [
    code(name),
    meaning,
    unset === undefined ? '' : code(JSON.stringify(unset)),
  ]);
  return `# Injection

Generated from \`operator/inject\` by its test (\`UPDATE_GOLDEN=1\`); edits here are lost.

A pod that asks for a sidecar gets it when it is made: from the admission webhook, from admission policies (Kubernetes 1.36 and newer), or in its
manifest from \`outrider inject\`. All three give the same pod.

## Who gets one

${table(
  ['On', 'Label', 'Meaning'],
  LABELS.map(([on, label, meaning]) => [on, code(label), meaning]),
)}

Never injected: ${SYSTEM_NAMESPACES.map(code).join(', ')}, the namespace of the operator, and those of the setting \`excludedNamespaces\`.

Left alone, with a warning when it is made and an Event on the pod:

${table(
  ['Reason', 'The pod is left without a sidecar because'],
  SKIP_RULES.map(({ reason, message }) => [code(reason), message]),
)}

Refused, with a message that says what would be right: ${REFUSALS.join('; ')}.

## What a pod may say

${table(['Annotation', 'Value', 'Meaning', 'Otherwise'], annotations)}

Requests make a pod without any \`Burstable\`; a pod stays \`Guaranteed\` only if the sidecar's four amounts are set and each request equals its limit.

## What it gets

- The container \`outrider\`: a native sidecar, after the last proxy of a mesh among the init containers, else first. What follows it starts once \`/readyz\`
  says that configuration is loaded, be it the last known good. \`/healthz\` is its liveness. It has no readiness probe: once started it serves whatever
  happens around it, and the pod must not lose its Services' traffic because of what goes out of it.
- A token of the pod's account for the operator, the ConfigMap \`${CA_CONFIG_MAP}\` to know the operator by, and memory for the last known good.
  Where it has a spool (\`docs/guides/batch.md\`), a volume for that.
- Label and annotations:

${table(
  ['Annotation', 'Value'],
  WRITTEN.map(([name, value]) => [code(name), value]),
)}

## Variables of the app

The ConfigMap \`${ENV_CONFIG_MAP}\`, which the operator keeps in each namespace with sidecars, stands in front of the \`envFrom\` of every container and init
container of the app, those of meshes left out. Whatever a container sets itself wins: first its \`env\`, then its own \`envFrom\`, then this:

${table(
  ['Variable', 'Value'],
  Object.entries(appEnvironment(4000)).map(([name, value]) => [code(name), code(value)]),
)}

- The reference is not optional. Without the ConfigMap a container would start without base URLs and go past the sidecar unseen; so the kubelet waits for it and
  says so.
- Variables of a Kubernetes container win over those of its image, so an \`ENV\` of the image with one of these names is overruled. Set the variable in the
  pod, or \`${ANNOTATIONS.env.annotation}: None\`.
- With \`${ANNOTATIONS.port.annotation}\` the ConfigMap would name the wrong port. Base URLs are then variables in the \`env\` of each container that sets none. \`env\`
  wins over \`envFrom\`, and what is in a source cannot be seen at admission; so a container with a source that may set a base URL (its \`prefix\` is empty or
  begins the name) must set both base URLs in its \`env\`, or the pod is refused. Keys still come from the ConfigMap.

## Webhook and policies

Both are written from the same tables, and the same golden pods are held against both on a real API server. What differs:

| | Webhook | Policies |
| --- | --- | --- |
| Runs | in the operator, after policies, among webhooks by name | in the API server, before all webhooks |
| Beside a mesh | sees its containers where its webhook came first | always comes first, and is asked again after the mesh |
| Without the operator | pods that ask cannot be made (\`Fail\`), or start without (\`Ignore\`) | pods are injected and wait for it |
| Refuses with | its message | its message, after the name of the policy |
| Warns with | its message | its message, after the name of the policy |
| New settings | with the restart of the operator | when the policies are applied |

## Pods that were missed

The operator looks for pods that should have a sidecar and have none: made before their namespace asked, or while nobody injected and pods were let through.
Each has an Event (\`SidecarMissing\`, or \`SidecarSkipped\` where it cannot have one) and is counted in \`outrider_operator_pods_without_sidecar\` by reason.
Where evictions are allowed, pods of controllers are evicted through the API that heeds PodDisruptionBudgets: one pod of an owner a minute, and no more of
an owner whose new pod came without a sidecar as well. Pods of Jobs are never evicted.

\`${ENV_CONFIG_MAP}\` and \`${CA_CONFIG_MAP}\` stay in a namespace that opts out until its last injected pod is gone.

## Settings

${table(['Setting', 'Meaning', 'Default'], settings)}
`;
}
