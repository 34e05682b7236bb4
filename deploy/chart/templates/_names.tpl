{{/* The value of the label app.kubernetes.io/name. */}}
{{- define "impulse.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the objects: the name of the release if that contains the name of the chart, otherwise both. */}}
{{- define "impulse.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "impulse.serviceAccountName" -}}
{{ default (ternary (include "impulse.fullname" .) "" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{/* A selector has only this label: the selector of a Deployment cannot be changed, and there is one Impulse in a namespace, because the
Secret of the replicas has a fixed name. */}}
{{- define "impulse.selectorLabels" -}}
app.kubernetes.io/name: {{ include "impulse.name" . }}
{{- end }}

{{- define "impulse.labels" -}}
{{ include "impulse.selectorLabels" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image: repository:tag, or repository:tag@digest. */}}
{{- define "impulse.image" -}}
{{ .image.repository }}:{{ default .default .image.tag }}{{ with .image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The Secret of the tokens. That of tokens.values is part of the release. The one that the chart makes is not, so its name is another. */}}
{{- define "impulse.tokensSecret" -}}
{{- $name := include "impulse.fullname" . }}
{{- if .Values.tokens.existingSecret }}
{{- .Values.tokens.existingSecret }}
{{- else if .Values.tokens.values }}
{{- printf "%s-given-tokens" $name }}
{{- else }}
{{- printf "%s-tokens" $name }}
{{- end }}
{{- end }}

{{/* The Secret of the certificate; "" without TLS. */}}
{{- define "impulse.tlsSecret" -}}
{{- $name := include "impulse.fullname" . }}
{{- if .Values.tls.existingSecret }}
{{- .Values.tls.existingSecret }}
{{- else if .Values.tls.certManager.enabled }}
{{- printf "%s-tls" $name }}
{{- else if .Values.tls.generated.enabled }}
{{- printf "%s-generated-tls" $name }}
{{- end }}
{{- end }}

{{/* Annotations of a Secret that the chart makes once: a hook creates it, so that no upgrade, rollback or uninstallation changes it. */}}
{{- define "impulse.madeOnce" -}}
helm.sh/hook: pre-install,pre-upgrade
{{- end }}

{{/* The DNS names of the certificate, as a YAML list. */}}
{{- define "impulse.dnsNames" -}}
{{- $service := include "impulse.fullname" . }}
- {{ $service }}
- {{ $service }}.{{ .Release.Namespace }}
- {{ $service }}.{{ .Release.Namespace }}.svc
- {{ $service }}.{{ .Release.Namespace }}.svc.cluster.local
{{- range .Values.tls.dnsNames }}
- {{ . }}
{{- end }}
{{- end }}

{{- define "impulse.scheme" -}}
{{ ternary "https" "http" (ne (include "impulse.tlsSecret" .) "") }}
{{- end }}

{{- define "impulse.servicePort" -}}
{{ default (ternary 443 80 (ne (include "impulse.tlsSecret" .) "")) .Values.service.port }}
{{- end }}

{{/* The URL of the Service for other namespaces. */}}
{{- define "impulse.url" -}}
{{- $scheme := include "impulse.scheme" . }}
{{- $port := include "impulse.servicePort" . }}
{{- $usual := ternary "443" "80" (eq $scheme "https") }}
{{- printf "%s://%s.%s" $scheme (include "impulse.fullname" .) .Release.Namespace }}{{ if ne $port $usual }}:{{ $port }}{{ end }}
{{- end }}
