{{/* What the operator is told, as variables. */}}
{{- define "outrider.operatorEnv" -}}
{{- $any := include "outrider.anyHost" . -}}
- name: OUTRIDER_POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: OUTRIDER_POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: OUTRIDER_POD_IP
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
- name: OUTRIDER_LISTEN
  value: {{ printf "%s:%d" $any (int .Values.service.syncPort) | quote }}
- name: OUTRIDER_ADMIN
  value: {{ printf "%s:%d" $any (int .Values.service.adminPort) | quote }}
- name: OUTRIDER_NAMESPACES
  value: {{ join "," .Values.operator.namespaces | quote }}
{{- with .Values.credentials.namespaces }}
- name: OUTRIDER_CREDENTIALS_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.operator.platformNamespaces }}
- name: OUTRIDER_PLATFORM_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.operator.egressHosts }}
- name: OUTRIDER_EGRESS_HOSTS
  value: {{ join "," . | quote }}
{{- end }}
- name: OUTRIDER_TOKEN_AUDIENCE
  value: {{ .Values.identity.audience | quote }}
{{- with .Values.identity.issuer }}
- name: OUTRIDER_TOKEN_ISSUER
  value: {{ . | quote }}
{{- end }}
- name: OUTRIDER_LEADER_ELECT
  value: "true"
- name: OUTRIDER_LEASE_NAME
  value: {{ include "outrider.fullname" . | quote }}
- name: OUTRIDER_LEASE_SECONDS
  value: {{ .Values.operator.leaseSeconds | int | quote }}
{{- if eq .Values.certificates.mode "SelfIssued" }}
- name: OUTRIDER_TLS_MODE
  value: SelfIssued
- name: OUTRIDER_TLS_SERVICE
  value: {{ include "outrider.fullname" . | quote }}
- name: OUTRIDER_CLUSTER_DOMAIN
  value: {{ .Values.certificates.clusterDomain | quote }}
- name: OUTRIDER_TLS_AUTHORITY_DAYS
  value: {{ .Values.certificates.authorityDays | int | quote }}
- name: OUTRIDER_TLS_SERVING_DAYS
  value: {{ .Values.certificates.servingDays | int | quote }}
{{- else }}
- name: OUTRIDER_TLS_MODE
  value: Files
- name: OUTRIDER_TLS_CERT
  value: /etc/outrider/tls/tls.crt
- name: OUTRIDER_TLS_KEY
  value: /etc/outrider/tls/tls.key
- name: OUTRIDER_TLS_CA
  value: /etc/outrider/tls/ca.crt
{{- end }}
{{- if include "outrider.injects" . }}
- name: OUTRIDER_INJECTION_SETTINGS
  value: /etc/outrider/injection/settings.json
{{- if eq .Values.injection.mode "Webhook" }}
- name: OUTRIDER_WEBHOOK
  value: {{ printf "%s:%d" $any (int .Values.service.webhookPort) | quote }}
- name: OUTRIDER_WEBHOOK_CONFIGURATIONS
  value: {{ include "outrider.injectionName" . | quote }}
{{- end }}
- name: OUTRIDER_REPAIR
  value: {{ ternary "true" "false" .Values.repair.enabled | quote }}
{{- with .Values.repair.evictionsPerMinute }}
- name: OUTRIDER_EVICTIONS_PER_MINUTE
  value: {{ . | int | quote }}
{{- end }}
{{- end }}
- name: OUTRIDER_LOG_LEVEL
  value: {{ .Values.operator.logLevel }}
{{- range $name, $value := .Values.operator.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Replicas on different nodes, and in different zones. */}}
{{- define "outrider.spreading" -}}
{{- $spread := .Values.operator.spread -}}
{{- $affinity := deepCopy .Values.operator.affinity -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "outrider.selectorLabels" . | fromYaml)) -}}
{{- $anti := dict -}}
{{- if eq $spread "Required" -}}
{{- $anti = dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term) -}}
{{- else if eq $spread "Preferred" -}}
{{- $anti = dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term)) -}}
{{- end -}}
{{- if $anti -}}
{{- $affinity = mergeOverwrite (dict "podAntiAffinity" $anti) $affinity -}}
{{- end -}}
{{- with $affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if ne $spread "None" }}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq $spread "Required") }}
  labelSelector:
    matchLabels:
      {{- include "outrider.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
