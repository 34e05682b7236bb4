package sandbox

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// AdmissionWebhook registers an admission webhook for updates of a resource, such as deployments/scale, in one namespace, and
// returns its name. It is deleted when the test ends. The API server calls the webhook, and with it review,
// as soon as it has read the registration: that may be a while after AdmissionWebhook has returned.
func AdmissionWebhook(tb testing.TB, config *rest.Config, namespace string, of schema.GroupVersionResource, review func() admissionv1.AdmissionResponse) string {
	tb.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil || message.Request == nil {
			http.Error(w, "an AdmissionReview was expected", http.StatusBadRequest)
			return
		}
		response := review()
		response.UID, message.Response = message.Request.UID, &response
		_ = json.NewEncoder(w).Encode(message)
	}))
	tb.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		tb.Fatalf("connect to the sandbox: %v", err)
	}
	name := fmt.Sprintf("%s.%s.test", namespace, strings.ReplaceAll(of.Resource, "/", "-"))
	none := admissionregistrationv1.SideEffectClassNone
	hooks := client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err = hooks.Create(tb.Context(), &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: name, AdmissionReviewVersions: []string{"v1"}, SideEffects: &none,
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL: &server.URL, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{of.Group}, APIVersions: []string{of.Version}, Resources: []string{of.Resource}},
			}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("create a webhook: %v", err)
	}
	tb.Cleanup(func() {
		if err := hooks.Delete(context.WithoutCancel(tb.Context()), name, metav1.DeleteOptions{}); err != nil {
			tb.Errorf("delete webhook %s: %v", name, err)
		}
	})
	return name
}
