package chart

import (
	"strings"
	"testing"
)

func TestRefuse(t *testing.T) {
	t.Parallel()
	t.Run("each contradiction is one sentence", testEachContradictionIsOneSentence)
	t.Run("several contradictions are reported at once", testSeveralContradictionsAreReportedAtOnce)
	t.Run("values of the wrong form are refused with their place", testValuesOfWrongFormAreRefusedWithTheirPlace)
}

// contradictions are values that exclude each other, and the sentence about them.
var contradictions = map[string][]string{
	"tls.existingSecret and tls.certManager.enabled are set: there is one certificate, set one of them":                                                                                         set("tls.existingSecret=a", "tls.certManager.enabled=true", "tls.certManager.issuerRef.name=b"),
	"tls.existingSecret and tls.generated.enabled are set: there is one certificate, set one of them":                                                                                           set("tls.existingSecret=a", "tls.generated.enabled=true"),
	"tls.certManager.issuerRef.name is empty: name the Issuer or ClusterIssuer that signs the certificate":                                                                                      set("tls.certManager.enabled=true"),
	"tls.clientCASecret is set, and the server has no certificate: set tls.existingSecret, tls.certManager.enabled or tls.generated.enabled, too":                                               set("tls.clientCASecret=ca", "credentials.existingSecret=senders"),
	"tls.clientCASecret is set, and no certificate of a client is accepted: list them in the Secret credentials.existingSecret":                                                                 set("tls.clientCASecret=ca", "tls.existingSecret=a"),
	"tokens.existingSecret and tokens.values are set: the tokens come from one Secret, set one of them":                                                                                         set("tokens.existingSecret=a", "tokens.values={abcdefgh}"),
	"tokens.enabled is false, and tokens.existingSecret or tokens.values is set: remove one of them":                                                                                            set("tokens.enabled=false", "tokens.existingSecret=a", "credentials.existingSecret=b"),
	"tokens.enabled is false, and credentials.existingSecret is empty: nobody could authenticate, so set one of them":                                                                           set("tokens.enabled=false"),
	"podDisruptionBudget.minAvailable is 1, and replicas is 1: no Pod could be evicted, and draining its node would wait forever; set more replicas, or podDisruptionBudget.enabled to false":   set("replicas=1"),
	"podDisruptionBudget.minAvailable is 60%, and replicas is 2: no Pod could be evicted, and draining its node would wait forever; set more replicas, or podDisruptionBudget.enabled to false": set("podDisruptionBudget.minAvailable=60%"),
	"podDisruptionBudget.maxUnavailable is 0: no Pod could be evicted, and draining its node would wait forever; set 1 or more, or podDisruptionBudget.enabled to false":                        set("podDisruptionBudget.minAvailable=null", "podDisruptionBudget.maxUnavailable=0"),
	"podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are set: Kubernetes accepts one of them, set the other to null":                                                    set("podDisruptionBudget.maxUnavailable=1"),
	"podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are null: set one of them, or podDisruptionBudget.enabled to false":                                                set("podDisruptionBudget.minAvailable=null"),
	"scope.namespace is shop, and watchKeda is true: watching KEDA's objects needs permissions in the whole cluster; set one of them":                                                           set("scope.namespace=shop", "watchKeda=true"),
	"scope.namespace is shop, and admission.enabled is true: the API server has webhooks for the whole cluster only; set one of them":                                                           set("scope.namespace=shop", "admission.enabled=true"),
	"rbac.credentials has the namespace bank, and scope.namespace is shop: triggers of shop cannot use credentials of another namespace":                                                        set("scope.namespace=shop", "rbac.credentials.bank.secrets={a}"),
	"serviceAccount.create is false, and serviceAccount.name is empty: name the ServiceAccount, because the permissions must not go to the one named default":                                   set("serviceAccount.create=false"),
	"serviceMonitor.enabled and podMonitor.enabled are true: Prometheus would scrape every Pod twice, so set one of them":                                                                       set("serviceMonitor.enabled=true", "podMonitor.enabled=true"),
	"metricsToken.secretName is empty, and tokens.enabled is false: /metrics requires a credential, so name the Secret that has one":                                                            set("serviceMonitor.enabled=true", "tokens.enabled=false", "credentials.existingSecret=a"),
	"networkPolicy.from is set, and networkPolicy.enabled is false: nothing would be restricted, so enable it or remove from":                                                                   set("networkPolicy.enabled=false", "networkPolicy.from[0].podSelector.matchLabels.a=b"),
	"networkPolicy.egress is set, and networkPolicy.enabled is false: nothing would be restricted, so enable it or remove egress":                                                               set("networkPolicy.enabled=false", "networkPolicy.egress[0].ports[0].port=53"),
	"extraArgs has --namespace=shop: set the value scope.namespace instead":                                                                                                                     set("extraArgs={--namespace=shop}"),
	"extraArgs has -n=shop: set the value scope.namespace instead":                                                                                                                              set("extraArgs={-n=shop}"),
	"extraArgs has --listen=:9: the chart needs its own value":                                                                                                                                  set("extraArgs={--listen=:9}"),
}

func testEachContradictionIsOneSentence(t *testing.T) {
	t.Parallel()
	for sentence, values := range contradictions {
		t.Run(sentence[:min(40, len(sentence))], func(t *testing.T) {
			t.Parallel()
			_, message, _ := strings.Cut(refuse(t, values...), "):")
			if got, _, _ := strings.Cut(strings.TrimSpace(message), "\n"); got != sentence {
				t.Errorf("%q:\ngot  %s\nwant %s", values, got, sentence)
			}
		})
	}
}

func testSeveralContradictionsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	message := refuse(t, set("replicas=1", "tokens.enabled=false", "serviceMonitor.enabled=true", "podMonitor.enabled=true")...)
	for _, part := range []string{"replicas is 1", "nobody could authenticate", "scrape every Pod twice", "/metrics requires a credential"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message lacks %q:\n%s", part, message)
		}
	}
}

func testValuesOfWrongFormAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for value, place := range map[string]string{
		"replica=2":                          "'replica'",
		"image.Tag=1":                        "/image",
		"replicas=0":                         "/replicas",
		"replicas=many":                      "/replicas",
		"logLevel=trace":                     "/logLevel",
		"scope.namespace=Shop":               "/scope/namespace",
		"rbac.targets={Deployment}":          "/rbac/targets/0",
		"rbac.customMetrics={hits}":          "/rbac/customMetrics/0",
		"rbac.credentials.shop.tokens={a}":   "/rbac/credentials/shop",
		"tokens.values={short}":              "/tokens/values/0",
		"image.digest=latest":                "/image/digest",
		"podDisruptionBudget.minAvailable=x": "/podDisruptionBudget/minAvailable",
		"serviceMonitor.interval=often":      "/serviceMonitor/interval",
	} {
		if message := refuse(t, set(value)...); !strings.Contains(message, place) {
			t.Errorf("%s: the message lacks %q:\n%s", value, place, message)
		}
	}
}
