package controller

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestDenied(t *testing.T) {
	t.Parallel()
	t.Run("a webhook's NotFound does not count as a deletion", testWebhooksNotFoundDoesNotCountAsDeletion)
}

// A webhook chooses the code of its denial: with 404 it looks as if there was no such object.
func testWebhooksNotFoundDoesNotCountAsDeletion(t *testing.T) {
	t.Parallel()
	config := sandbox.Config(t)
	sandbox.ApplyCRDs(t, "../../../deploy/crds")
	ns := sandbox.Namespace(t, config)
	cluster, err := NewCluster(config, ns, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.ScaledObjectSpec{
		ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, Triggers: []v1alpha1.Trigger{{Type: "push", Metadata: map[string]v1alpha1.Scalar{"threshold": "1"}}},
	}}
	if err := cluster.client.Post().Namespace(ns).Resource(resource).Body(so).Do(t.Context()).Into(so); err != nil {
		t.Fatal(err)
	}
	for _, subresource := range []string{"", "status"} {
		written := strings.TrimSuffix(resource+"/"+subresource, "/")
		sandbox.AdmissionWebhook(t, config, ns, v1alpha1.GroupVersion().WithResource(written), func() admissionv1.AdmissionResponse {
			return admissionv1.AdmissionResponse{Result: &metav1.Status{Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound}}
		})
		testkit.Eventually(t, "the webhook denies writes of "+written, func(ctx context.Context) bool {
			patch := cluster.client.Patch(types.MergePatchType).Namespace(ns).Resource(resource).Name("web").Param("dryRun", metav1.DryRunAll)
			if subresource != "" {
				patch.SubResource(subresource)
			}
			err := patch.Body([]byte(`{"metadata": {"labels": {"a": "b"}}}`)).Do(ctx).Error()
			return err != nil && strings.Contains(err.Error(), "denied the request")
		})
	}
	if err := cluster.Save(t.Context(), objectOf(so), &v1alpha1.ScaledObjectStatus{}); err == nil || errors.Is(err, status.ErrGone) {
		t.Errorf("saving a status that a webhook denies: got error %v, want another one than ErrGone", err)
	}
	if err := cluster.AddFinalizer(t.Context(), objectOf(so)); err == nil {
		t.Error("a denied finalizer is taken for one that is there")
	}
}
