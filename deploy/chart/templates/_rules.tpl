{{/* The rules for scaling: of a ClusterRole, or of a Role in scope.namespace. */}}
{{- define "impulse.rules" -}}
{{- $scope := .Values.scope.namespace }}
{{- $groups := dict }}
{{- $definitions := list }}
{{- range .Values.rbac.targets }}
{{- $parts := splitn "." 2 . }}
{{- $group := default "" $parts._1 }}
{{- $_ := set $groups $group (append (default list (get $groups $group)) $parts._0) }}
{{- if contains "." $group }}{{ $definitions = append $definitions . }}{{ end }}
{{- end -}}
# Targets: Impulse watches their counts and writes only their scale.
{{- range $group := keys $groups | sortAlpha | reverse }}
{{- $resources := get $groups $group }}
- apiGroups: [{{ $group | quote }}]
  resources: [{{ join ", " $resources }}]
  verbs: [list, watch]
- apiGroups: [{{ $group | quote }}]
  resources: [{{ range $i, $resource := $resources }}{{ if $i }}, {{ end }}{{ $resource }}/scale{{ end }}]
{{- if contains "." $group }}
  verbs: [get, patch] # get: if the definition of the kind cannot be read.
{{- else }}
  verbs: [patch]
{{- end }}
{{- end }}
{{- if and $definitions (not $scope) }}
# The path of a custom resource's replica count.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [{{ join ", " $definitions }}]
  verbs: [get]
{{- end }}
# For metricType Value, cpu, memory and kubernetes-pods: the pods of the targets, with their requests. For kubernetes-workload: the pods of
# its namespace.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# For cpu and memory: the resource usage of pods.
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [list]
# For metrics-api with aggregateFromKubeServiceEndpoints: the addresses of the pods behind a Service.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
# Impulse does not scale a target that an HPA scales.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
- apiGroups: [impulse.sh]
  resources: [triggerauthentications{{ if not $scope }}, clustertriggerauthentications{{ end }}]
  verbs: [list, watch]
# patch: the finalizer of objects with restoreToOriginalReplicaCount.
- apiGroups: [impulse.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, patch]
- apiGroups: [impulse.sh]
  resources: [scaledobjects/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- with .Values.rbac.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The end of a binding: the role and the subject. */}}
{{- define "impulse.binding" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ include "impulse.serviceAccountName" .root }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
