package sandbox

import (
	"context"
	"fmt"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// AwaitAccess waits until the API server allows what a user asks for, or until it no longer does: it learns of roles and bindings from
// watches of its own, which are behind on a busy machine.
func AwaitAccess(tb testing.TB, kube kubernetes.Interface, user string, of authorizationv1.ResourceAttributes, allowed bool) {
	tb.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &of}}
	testkit.Eventually(tb, fmt.Sprintf("%s may %s %s: %t", user, of.Verb, of.Resource, allowed), func(ctx context.Context) bool {
		answer, err := kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed == allowed
	})
}
