{{/* The mounts of the container of Impulse. */}}
{{- define "impulse.volumeMounts" -}}
{{- $mounts := list }}
{{- if .Values.tokens.enabled }}
{{- $mounts = append $mounts (dict "name" "tokens" "mountPath" "/etc/impulse/tokens" "readOnly" true) }}
{{- end }}
{{- if .Values.credentials.existingSecret }}
{{- $mounts = append $mounts (dict "name" "credentials" "mountPath" "/etc/impulse/credentials" "readOnly" true) }}
{{- end }}
{{- if .Values.notifications.existingSecret }}
{{- $mounts = append $mounts (dict "name" "notifications" "mountPath" "/etc/impulse/notifications" "readOnly" true) }}
{{- end }}
{{- if include "impulse.tlsSecret" . }}
{{- $mounts = append $mounts (dict "name" "tls" "mountPath" "/etc/impulse/tls" "readOnly" true) }}
{{- end }}
{{- if .Values.tls.clientCASecret }}
{{- $mounts = append $mounts (dict "name" "client-ca" "mountPath" "/etc/impulse/client-ca" "readOnly" true) }}
{{- end }}
{{- if .Values.kedaBridge.enabled }}
{{- $mounts = append $mounts (dict "name" "keda-bridge" "mountPath" "/run/impulse") }}
{{- end }}
{{- with concat $mounts .Values.extraVolumeMounts -}}
volumeMounts:
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The volumes of the Pod. The bridge shares a volume in memory with Impulse, which has only its socket. */}}
{{- define "impulse.volumes" -}}
{{- $volumes := list }}
{{- if .Values.tokens.enabled }}
{{- $volumes = append $volumes (dict "name" "tokens" "secret" (dict "secretName" (include "impulse.tokensSecret" .))) }}
{{- end }}
{{- with .Values.credentials.existingSecret }}
{{- $volumes = append $volumes (dict "name" "credentials" "secret" (dict "secretName" .)) }}
{{- end }}
{{- with .Values.notifications.existingSecret }}
{{- $volumes = append $volumes (dict "name" "notifications" "secret" (dict "secretName" .)) }}
{{- end }}
{{- with include "impulse.tlsSecret" . }}
{{- $volumes = append $volumes (dict "name" "tls" "secret" (dict "secretName" .)) }}
{{- end }}
{{- with .Values.tls.clientCASecret }}
{{- $volumes = append $volumes (dict "name" "client-ca" "secret" (dict "secretName" .)) }}
{{- end }}
{{- if .Values.kedaBridge.enabled }}
{{- $volumes = append $volumes (dict "name" "keda-bridge" "emptyDir" (dict "medium" "Memory" "sizeLimit" "1Mi")) }}
{{- $volumes = append $volumes (dict "name" "kerberos" "emptyDir" (dict "medium" "Memory" "sizeLimit" "16Mi")) }}
{{- end }}
{{- with concat $volumes .Values.extraVolumes -}}
volumes:
{{ toYaml . }}
{{- end }}
{{- end }}
