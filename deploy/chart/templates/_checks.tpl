{{/* Fails with one sentence for each contradiction in the values: where it is, what it is, and what was expected. */}}
{{- define "impulse.check" -}}
{{- $wrong := list }}

{{- $tls := list }}
{{- if .Values.tls.existingSecret }}{{ $tls = append $tls "tls.existingSecret" }}{{ end }}
{{- if .Values.tls.certManager.enabled }}{{ $tls = append $tls "tls.certManager.enabled" }}{{ end }}
{{- if .Values.tls.generated.enabled }}{{ $tls = append $tls "tls.generated.enabled" }}{{ end }}
{{- if gt (len $tls) 1 }}
{{- $wrong = append $wrong (printf "%s are set: there is one certificate, set one of them" (join " and " $tls)) }}
{{- end }}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.issuerRef.name) }}
{{- $wrong = append $wrong "tls.certManager.issuerRef.name is empty: name the Issuer or ClusterIssuer that signs the certificate" }}
{{- end }}
{{- if and .Values.tls.clientCASecret (not $tls) }}
{{- $wrong = append $wrong "tls.clientCASecret is set, and the server has no certificate: set tls.existingSecret, tls.certManager.enabled or tls.generated.enabled, too" }}
{{- end }}
{{- if and .Values.tls.clientCASecret (not .Values.credentials.existingSecret) }}
{{- $wrong = append $wrong "tls.clientCASecret is set, and no certificate of a client is accepted: list them in the Secret credentials.existingSecret" }}
{{- end }}

{{- if and .Values.tokens.existingSecret .Values.tokens.values }}
{{- $wrong = append $wrong "tokens.existingSecret and tokens.values are set: the tokens come from one Secret, set one of them" }}
{{- end }}
{{- if and (not .Values.tokens.enabled) (or .Values.tokens.existingSecret .Values.tokens.values) }}
{{- $wrong = append $wrong "tokens.enabled is false, and tokens.existingSecret or tokens.values is set: remove one of them" }}
{{- end }}
{{- if not (or .Values.tokens.enabled .Values.credentials.existingSecret) }}
{{- $wrong = append $wrong "tokens.enabled is false, and credentials.existingSecret is empty: nobody could authenticate, so set one of them" }}
{{- end }}

{{- $wrong = concat $wrong (include "impulse.check.disruption" . | fromYamlArray) }}
{{- $wrong = concat $wrong (include "impulse.check.rights" . | fromYamlArray) }}
{{- $wrong = concat $wrong (include "impulse.check.monitors" . | fromYamlArray) }}
{{- $wrong = concat $wrong (include "impulse.check.args" . | fromYamlArray) }}
{{- if and .Values.networkPolicy.from (not .Values.networkPolicy.enabled) }}
{{- $wrong = append $wrong "networkPolicy.from is set, and networkPolicy.enabled is false: nothing would be restricted, so enable it or remove from" }}
{{- end }}
{{- if and .Values.networkPolicy.egress (not .Values.networkPolicy.enabled) }}
{{- $wrong = append $wrong "networkPolicy.egress is set, and networkPolicy.enabled is false: nothing would be restricted, so enable it or remove egress" }}
{{- end }}

{{- with $wrong }}
{{- fail (printf "\n%s" (join "\n" .)) }}
{{- end }}
{{- end }}

{{/* The mistakes of podDisruptionBudget, as a YAML list. */}}
{{- define "impulse.check.disruption" -}}
{{- $wrong := list }}
{{- $replicas := int .Values.replicas }}
{{- with .Values.podDisruptionBudget }}
{{- if .enabled }}
{{- $least := toString .minAvailable }}
{{- $most := toString .maxUnavailable }}
{{- if and (ne $least "<nil>") (ne $most "<nil>") }}
{{- $wrong = append $wrong "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are set: Kubernetes accepts one of them, set the other to null" }}
{{- else if and (eq $least "<nil>") (eq $most "<nil>") }}
{{- $wrong = append $wrong "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are null: set one of them, or podDisruptionBudget.enabled to false" }}
{{- else if ne $least "<nil>" }}
{{- $needed := int $least }}
{{- if hasSuffix "%" $least }}{{ $needed = divf (mulf (trimSuffix "%" $least) $replicas) 100 | ceil | int }}{{ end }}
{{- if ge $needed $replicas }}
{{- $wrong = append $wrong (printf "podDisruptionBudget.minAvailable is %s, and replicas is %d: no Pod could be evicted, and draining its node would wait forever; set more replicas, or podDisruptionBudget.enabled to false" $least $replicas) }}
{{- end }}
{{- else if has $most (list "0" "0%") }}
{{- $wrong = append $wrong (printf "podDisruptionBudget.maxUnavailable is %s: no Pod could be evicted, and draining its node would wait forever; set 1 or more, or podDisruptionBudget.enabled to false" $most) }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $wrong }}
{{- end }}

{{/* The mistakes of scope, rbac and serviceAccount, as a YAML list. */}}
{{- define "impulse.check.rights" -}}
{{- $wrong := list }}
{{- $scope := .Values.scope.namespace }}
{{- if and $scope .Values.watchKeda }}
{{- $wrong = append $wrong (printf "scope.namespace is %s, and watchKeda is true: watching KEDA's objects needs permissions in the whole cluster; set one of them" $scope) }}
{{- end }}
{{- if and $scope .Values.admission.enabled }}
{{- $wrong = append $wrong (printf "scope.namespace is %s, and admission.enabled is true: the API server has webhooks for the whole cluster only; set one of them" $scope) }}
{{- end }}
{{- range $namespace, $_ := .Values.rbac.credentials }}
{{- if and $scope (ne $namespace $scope) }}
{{- $wrong = append $wrong (printf "rbac.credentials has the namespace %s, and scope.namespace is %s: triggers of %s cannot use credentials of another namespace" $namespace $scope $scope) }}
{{- end }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- $wrong = append $wrong "serviceAccount.create is false, and serviceAccount.name is empty: name the ServiceAccount, because the permissions must not go to the one named default" }}
{{- end }}
{{- toYaml $wrong }}
{{- end }}

{{/* The mistakes of the monitors, as a YAML list. */}}
{{- define "impulse.check.monitors" -}}
{{- $wrong := list }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- $wrong = append $wrong "serviceMonitor.enabled and podMonitor.enabled are true: Prometheus would scrape every Pod twice, so set one of them" }}
{{- end }}
{{- if and (or .Values.serviceMonitor.enabled .Values.podMonitor.enabled) (not .Values.tokens.enabled) (not .Values.metricsToken.secretName) }}
{{- $wrong = append $wrong "metricsToken.secretName is empty, and tokens.enabled is false: /metrics requires a credential, so name the Secret that has one" }}
{{- end }}
{{- toYaml $wrong }}
{{- end }}

{{/* The mistakes of extraArgs, as a YAML list: flags that the container has from other values. */}}
{{- define "impulse.check.args" -}}
{{- $wrong := list }}
{{- $owner := dict "listen" "fixed" "health-listen" "fixed" "peer-listen" "fixed" "lease-namespace" "fixed" "lease-name" "fixed" "namespace" "scope.namespace" "n" "scope.namespace" "log-level" "logLevel" "log-format" "logFormat" "dry-run" "dryRun" "watch-keda" "watchKeda" "admission-listen" "admission.enabled" "admission-webhook" "fixed" "keda-bridge" "kedaBridge.enabled" "tokens-file" "tokens" "credentials-file" "credentials.existingSecret" "notifications-file" "notifications.existingSecret" "cluster-name" "clusterName" "tls-cert-file" "tls" "tls-key-file" "tls" "client-ca-file" "tls.clientCASecret" "config" "fixed" "kubeconfig" "fixed" }}
{{- range $arg := .Values.extraArgs }}
{{- $flag := index (splitList "=" (trimPrefix "-" (trimPrefix "-" $arg))) 0 }}
{{- with get $owner $flag }}
{{- $instead := ternary "the chart needs its own value" (printf "set the value %s instead" .) (eq . "fixed") }}
{{- $wrong = append $wrong (printf "extraArgs has %s: %s" $arg $instead) }}
{{- end }}
{{- end }}
{{- toYaml $wrong }}
{{- end }}
