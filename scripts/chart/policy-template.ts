/**
 * The admission policies as a template of the chart. The generator of policies is asked with settings that stand out; in what it
 * writes, each is replaced by the value of the chart it stands for. What is in the policies only for some settings is found by
 * asking without it.
 */
import { dump } from 'js-yaml';
import type { KubeObject } from '../../crds/common.ts';
import { celString } from '../../operator/inject/cel.ts';
import { injectionPolicies } from '../../operator/inject/policy.ts';
import {
  type InjectionSettings,
  readInjectionSettings,
  settingsHash,
  syncPort,
} from '../../operator/inject/settings.ts';

const NAME = 'stand-in-name';
const LABEL = { 'stand-in': 'labels' };

const AMOUNTS = {
  requests: { cpu: '7001m', memory: '7002Mi' },
  limits: { cpu: '7003m', memory: '70040Mi' },
};

const FULL = {
  version: '7.0.5',
  image: 'stand-in.example/image:7',
  imagePullPolicy: 'Always',
  operatorUrl: 'https://stand-in.example:7006',
  operatorNamespace: 'stand-in-namespace',
  excludedNamespaces: ['stand-in-excluded'],
  port: 7007,
  adminPort: 7008,
  adminHost: '[::]',
  startup: 'Proceed',
  resources: AMOUNTS,
  runAsUser: 7009,
  stateSize: '7010Mi',
  spool: { size: '7012Mi', medium: 'Memory' },
  tokenAudience: 'stand-in-audience',
  tokenLifetimeSeconds: 7011,
  env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'stand-in-value' },
};

type Secrets = 'cacheURLSecret' | 'spoolURLSecret';
type Ask = Partial<Record<keyof typeof FULL | Secrets, unknown>>;

const settingsOf = (ask: Ask): InjectionSettings => readInjectionSettings({ ...FULL, ...ask });

const textOf = (settings: InjectionSettings): string =>
  injectionPolicies({ settings, name: NAME, labels: LABEL })
    .map((object: KubeObject) => dump(object, { noRefs: true, lineWidth: -1, quoteStyle: 'double' }))
    .join('---\n');

export function policyTemplate(): string {
  const full = settingsOf({});
  let text = textOf(full);
  if (text.includes('{{')) throw new Error('the policies have braces that Helm would take for its own');
  const replace = (what: string, by: string) => {
    if (!text.includes(what)) throw new Error(`the policies have no ${what}`);
    text = text.replaceAll(what, by);
  };
  // Longest first: what comes later is part of it.
  replace(...environment(full));
  for (const part of ['requests', 'limits'] as const) replace(...amounts(part, full));
  replace(
    `, imagePullPolicy: ${celString(FULL.imagePullPolicy)}`,
    '{{ with $sidecar.image.pullPolicy }}, imagePullPolicy: {{ . | toRawJson }}{{ end }}',
  );
  replace(
    `, runAsUser: ${FULL.runAsUser}, runAsGroup: ${FULL.runAsUser}`,
    '{{ with $sidecar.runAsUser }}, runAsUser: {{ . | int }}, runAsGroup: {{ . | int }}{{ end }}',
  );
  replace(celString(FULL.image), '{{ include "outrider.sidecarImage" $ | toRawJson }}');
  replace(celString(FULL.version), '{{ default $.Chart.AppVersion $sidecar.image.tag | toRawJson }}');
  replace(celString(FULL.operatorUrl), '{{ include "outrider.operatorUrl" $ | toRawJson }}');
  replace(celString(syncPort(full)), '"{{ $.Values.service.syncPort }}"');
  replace(celString(String(FULL.port)), '"{{ $sidecar.port }}"');
  replace(celString(String(FULL.adminPort)), '"{{ $sidecar.adminPort }}"');
  replace(celString(`${FULL.adminHost}:`), '"{{ include "outrider.anyHost" $ }}:"');
  replace(`.orValue(${celString(FULL.startup)})`, '.orValue("{{ $sidecar.startup }}")');
  for (const [part, values] of Object.entries(AMOUNTS)) {
    for (const [name, amount] of Object.entries(values)) {
      replace(
        `.orValue(${celString(amount)})`,
        `.orValue("{{ $sidecar.resources.${part}.${name} | default "" }}")`,
      );
    }
  }
  replace(`.orValue(${celString(FULL.spool.size)})`, '.orValue("{{ $sidecar.spool.size }}")');
  replace(
    'sizeLimit: variables.spoolSize, medium: "Memory"',
    'sizeLimit: variables.spoolSize{{ if eq $sidecar.spool.medium "Memory" }}, medium: "Memory"{{ end }}',
  );
  // What depends on settings alone is written as what they make of it.
  replace(
    '(true && variables.spoolVolume',
    '({{ eq $sidecar.spool.medium "Memory" }} && variables.spoolVolume',
  );
  replace(
    '(false && (variables.spoolVolume',
    '({{ or (hasKey $sidecar.env "OUTRIDER_SPOOL_URL") (not (empty $sidecar.spoolURLSecret)) }} && (variables.spoolVolume',
  );
  replace(
    '(false || variables.spoolSize',
    '({{ hasKey $sidecar.env "OUTRIDER_SPOOL_BYTES" }} || variables.spoolSize',
  );
  replace(celString(FULL.stateSize), '{{ $sidecar.stateSize | toRawJson }}');
  replace(celString(FULL.tokenAudience), '{{ $.Values.identity.audience | toRawJson }}');
  replace(
    `expirationSeconds: ${FULL.tokenLifetimeSeconds}`,
    'expirationSeconds: {{ $.Values.identity.tokenLifetimeSeconds | int }}',
  );
  replace(settingsHash(full), '{{ include "outrider.injectionHash" $ }}');
  text = text.replaceAll(/^( *)- stand-in-namespace\n *- stand-in-excluded\n/gm, excluded);
  text = text.replaceAll(
    /^( *)stand-in: labels\n/gm,
    (_, indent: string) => `${indent}{{- include "outrider.labels" $ | nindent ${indent.length} }}\n`,
  );
  text = text.replaceAll(/failurePolicy: Fail$/gm, 'failurePolicy: {{ $.Values.injection.failurePolicy }}');
  text = text.replaceAll(NAME, '{{ include "outrider.injectionName" $ }}');
  const left = /.*(stand-in|70\d\d|7\.0\.5).*/.exec(text)?.[0];
  if (left !== undefined) throw new Error(`the policies have a value that the chart does not give: ${left}`);
  const quoted = /^ *(- )?\w+: ".*\{\{.*/m.exec(text)?.[0];
  if (quoted !== undefined) throw new Error(`a value of the chart would have to be quoted twice: ${quoted}`);
  return `{{- /* Generated by \`npm run generate\` from operator/inject; edits here are lost. */}}
{{- if eq .Values.injection.mode "Policy" }}
{{- $sidecar := .Values.sidecar }}
${text.trimEnd()}
{{- end }}
`;
}

const excluded = (_: string, indent: string): string =>
  `${indent}- {{ $.Release.Namespace }}\n${indent}{{- range without $.Values.injection.excludedNamespaces $.Release.Namespace "kube-system" "kube-public" "kube-node-lease" | uniq }}\n${indent}- {{ . }}\n${indent}{{- end }}\n`;

/** Where traces are sent somewhere, the sidecar also learns who it is; then come the variables of the installation. */
function environment(full: InjectionSettings): [string, string] {
  const variables = (settings: InjectionSettings): string => {
    const found = /env: \[(Object\.spec\.initContainers\.env\{name: "OUTRIDER_OPERATOR".*\})\], ports: /.exec(
      textOf(settings),
    );
    if (!found?.[1]) throw new Error('the policies have no variables of the sidecar');
    return found[1];
  };
  const all = variables(full);
  const own = variables(settingsOf({ env: {} }));
  const placed = variables(settingsOf({ env: { OUTRIDER_REGION: 'stand-in-value' } }));
  const bare = placed.slice(0, placed.lastIndexOf(', Object.spec.initContainers.env{'));
  if (!own.startsWith(bare)) throw new Error('the region is not the last of the own variables');
  const [name, value] = Object.entries(FULL.env)[0] as [string, string];
  const item = (key: string, content: string) =>
    `, Object.spec.initContainers.env{name: ${key}, value: ${content}}`;
  const last = item(celString(name), celString(value));
  if (!all.startsWith(own) || !all.endsWith(last))
    throw new Error('the variables of the sidecar are in another order');
  const identity = all.slice(own.length, -last.length);
  const traces = `(or (hasKey $sidecar.env "OTEL_EXPORTER_OTLP_ENDPOINT") (hasKey $sidecar.env "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))`;
  const secret = { name: 'stand-in-secret', key: 'stand-in-key' };
  const fromSecret = (setting: Secrets, variable: string): string => {
    const settings = settingsOf({ env: {}, spool: { size: '0' }, [setting]: secret });
    const asked = variables(settings)
      .slice(own.length)
      .replace(celString(secret.name), '{{ .name | toRawJson }}')
      .replace(celString(secret.key), '{{ .key | toRawJson }}');
    return `{{ if not (hasKey $sidecar.env "${variable}") }}{{ with $sidecar.${setting} }}${asked}{{ end }}{{ end }}`;
  };
  const stores =
    fromSecret('cacheURLSecret', 'OUTRIDER_CACHE_URL') + fromSecret('spoolURLSecret', 'OUTRIDER_SPOOL_URL');
  const others = `{{ range $name, $value := $sidecar.env }}${item('{{ $name | toRawJson }}', '{{ $value | toRawJson }}')}{{ end }}${stores}`;
  return [
    all,
    `${bare}{{ if not (hasKey $sidecar.env "OUTRIDER_REGION") }}${own.slice(bare.length)}{{ end }}{{ if and ${traces} (not (hasKey $sidecar.env "OTEL_RESOURCE_ATTRIBUTES")) }}${identity}{{ end }}${others}`,
  ];
}

/** Amounts that are always there need no choice, so the policy has one form for each set of them. */
function amounts(part: 'requests' | 'limits', full: InjectionSettings): [string, string] {
  const expression = (given: object): string => {
    const text = textOf(settingsOf({ resources: { ...AMOUNTS, [part]: given } }));
    const pattern = part === 'requests' ? /requests: (.*), limits: / : /, limits: (.*)\}, securityContext: /;
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`the policies have no ${part}`);
    return found;
  };
  const { cpu, memory } = full.resources[part];
  const given = `$sidecar.resources.${part}`;
  const before = part === 'requests' ? 'requests: ' : ', limits: ';
  const after = part === 'requests' ? ', limits: ' : '}, securityContext: ';
  const choice = [
    `{{ if and ${given}.cpu ${given}.memory }}${expression({ cpu, memory })}`,
    `{{ else if ${given}.cpu }}${expression({ cpu })}`,
    `{{ else if ${given}.memory }}${expression({ memory })}`,
    `{{ else }}${expression({})}{{ end }}`,
  ].join('');
  return [before + expression({ cpu, memory }) + after, before + choice + after];
}
