{{/* Rights in each namespace that is watched: what is compiled, who runs it, and what is told about it. */}}
{{- define "outrider.watchRules" -}}
- apiGroups: [outrider.dev]
  resources: [llmproviders, llmroutes, llmpolicies]
  verbs: [list, watch]
- apiGroups: [outrider.dev]
  resources: [llmproviders/status, llmroutes/status, llmpolicies/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# What is told about budgets, the health of providers, and pods.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, get, patch]
{{- if include "outrider.injects" . }}
# The two ConfigMaps that injected pods refer to, and no others.
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [outrider-ca, outrider-env]
  verbs: [list, watch, create, patch, delete]
{{- if .Values.repair.enabled }}
{{- if .Values.repair.evictionsPerMinute }}
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "outrider.subjects" -}}
- kind: ServiceAccount
  name: {{ include "outrider.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
