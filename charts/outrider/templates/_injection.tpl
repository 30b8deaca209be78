{{/* The settings of injection, as the operator and the command line read them: one line of JSON, members in order. */}}
{{- define "outrider.injectionSettings" -}}
{{- $sidecar := .Values.sidecar }}
{{- $settings := dict
  "version" (default .Chart.AppVersion $sidecar.image.tag)
  "image" (include "outrider.sidecarImage" .)
  "operatorUrl" (include "outrider.operatorUrl" .)
  "operatorNamespace" .Release.Namespace
  "excludedNamespaces" .Values.injection.excludedNamespaces
  "port" $sidecar.port
  "adminPort" $sidecar.adminPort
  "adminHost" (include "outrider.anyHost" .)
  "startup" $sidecar.startup
  "resources" (dict "requests" $sidecar.resources.requests "limits" $sidecar.resources.limits)
  "runAsUser" $sidecar.runAsUser
  "stateSize" $sidecar.stateSize
  "spool" (dict "size" $sidecar.spool.size "medium" $sidecar.spool.medium)
  "tokenAudience" .Values.identity.audience
  "tokenLifetimeSeconds" .Values.identity.tokenLifetimeSeconds
  "env" $sidecar.env
}}
{{- if $sidecar.image.pullPolicy }}
{{- $_ := set $settings "imagePullPolicy" $sidecar.image.pullPolicy }}
{{- end }}
{{- with $sidecar.cacheURLSecret }}
{{- $_ := set $settings "cacheURLSecret" . }}
{{- end }}
{{- with $sidecar.spoolURLSecret }}
{{- $_ := set $settings "spoolURLSecret" . }}
{{- end }}
{{- mustToRawJson $settings }}
{{- end }}

{{- define "outrider.injectionHash" -}}
{{ include "outrider.injectionSettings" . | sha256sum | trunc 16 }}
{{- end }}
