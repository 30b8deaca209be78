{{- define "outrider.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "outrider.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "outrider.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "outrider.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "outrider.selectorLabels" -}}
app.kubernetes.io/name: {{ include "outrider.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "outrider.labels" -}}
{{ include "outrider.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: outrider
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "outrider.serviceAccountName" -}}
{{- default (include "outrider.fullname" .) .Values.operator.serviceAccount.name }}
{{- end }}

{{- define "outrider.injectionName" -}}
{{ include "outrider.fullname" . }}-injection
{{- end }}

{{/* Takes a dict of image and chart. */}}
{{- define "outrider.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .chart.AppVersion .image.tag }}
{{- end }}
{{- end }}

{{- define "outrider.sidecarImage" -}}
{{ include "outrider.image" (dict "image" .Values.sidecar.image "chart" .Chart) }}
{{- end }}

{{- define "outrider.operatorUrl" -}}
https://{{ include "outrider.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.syncPort }}
{{- end }}

{{- define "outrider.allNamespaces" -}}
{{- if has "*" .Values.operator.namespaces }}true{{ end }}
{{- end }}

{{- define "outrider.anyHost" -}}
{{- if eq .Values.service.ipFamily "IPv6" }}[::]{{ else }}0.0.0.0{{ end }}
{{- end }}

{{/* Whether the operator has to do with injection: it answers the webhook, keeps ConfigMaps, finds pods that were missed. */}}
{{- define "outrider.injects" -}}
{{- if ne .Values.injection.mode "None" }}true{{ end }}
{{- end }}
