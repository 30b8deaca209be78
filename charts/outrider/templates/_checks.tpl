{{/* What the schema cannot say. Included by the Deployment, so that nothing renders where one fails. */}}
{{- define "outrider.checks" -}}
{{- if and (eq .Values.injection.failurePolicy "Ignore") (not .Values.repair.enabled) }}
{{- fail "injection.failurePolicy is Ignore; it needs repair.enabled, or pods without a sidecar are missed silently" }}
{{- end }}
{{- if and (eq .Values.injection.mode "Policy") (semverCompare "<1.36.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail (printf "injection.mode is Policy; it needs Kubernetes 1.36 or newer, and this is %s (with helm template, give --kube-version)" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and .Values.repair.evictionsPerMinute (not .Values.repair.enabled) }}
{{- fail "repair.evictionsPerMinute is set; it needs repair.enabled" }}
{{- end }}
{{- if eq (int .Values.sidecar.port) (int .Values.sidecar.adminPort) }}
{{- fail "sidecar.adminPort is sidecar.port; they must differ" }}
{{- end }}
{{- if and (ne .Values.sidecar.spool.size "0") (hasKey .Values.sidecar.env "OUTRIDER_SPOOL_URL") }}
{{- fail "sidecar.env has OUTRIDER_SPOOL_URL; sidecar.spool.size must be \"0\" with it" }}
{{- end }}
{{- if and (ne .Values.sidecar.spool.size "0") .Values.sidecar.spoolURLSecret }}
{{- fail "sidecar.spoolURLSecret is set; sidecar.spool.size must be \"0\" with it" }}
{{- end }}
{{- if hasKey .Values.sidecar.env "OUTRIDER_SPOOL_DIR" }}
{{- fail "sidecar.env has OUTRIDER_SPOOL_DIR; give sidecar.spool.size instead" }}
{{- end }}
{{- if and (has "*" .Values.operator.namespaces) (gt (len .Values.operator.namespaces) 1) }}
{{- fail "operator.namespaces has * and names; give either" }}
{{- end }}
{{- if and (has "*" .Values.credentials.namespaces) (gt (len .Values.credentials.namespaces) 1) }}
{{- fail "credentials.namespaces has * and names; give either" }}
{{- end }}
{{- end }}
