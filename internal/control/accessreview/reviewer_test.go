package accessreview_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/control/accessreview"
	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestReviewer(t *testing.T) {
	t.Run("a token may list what RBAC allows its ServiceAccount", testTokenMayListWhatRBACAllows)
	t.Run("an allowed token is remembered for a short time", testAllowedTokenIsRememberedForShortTime)
	t.Run("reviews are limited", testReviewsAreLimited)
	t.Run("an API server that does not answer is no refusal", testAPIServerThatDoesNotAnswerIsNoRefusal)
}

// viewer may list the ScaledObjects of a namespace.
const viewer = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: viewer}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: viewer}
rules: [{apiGroups: [impulse.sh], resources: [scaledobjects], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: viewer}
subjects: [{kind: ServiceAccount, name: viewer}]
`

// env is a namespace with a viewer, and a clock that stands still.
type env struct {
	*sandbox.Env
	*accessreview.Reviewer

	token string
	now   time.Time
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{Env: sandbox.NewEnv(t), now: time.Now()}
	e.Apply(viewer)
	user := "system:serviceaccount:" + e.Namespace + ":viewer"
	sandbox.AwaitAccess(t, e.Kube, user, authorizationv1.ResourceAttributes{Verb: "list", Group: "impulse.sh", Resource: "scaledobjects", Namespace: e.Namespace}, true)
	issued, err := e.Kube.CoreV1().ServiceAccounts(e.Namespace).CreateToken(t.Context(), "viewer", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.token = issued.Status.Token
	e.Reviewer = newReviewer(t, e.Config, func() time.Time { return e.now })
	return e
}

func newReviewer(t *testing.T, config *rest.Config, now func() time.Time) *accessreview.Reviewer {
	t.Helper()
	r, err := accessreview.New(config, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The configuration of the test is that of an administrator: a review with its credentials would allow everything.
func testTokenMayListWhatRBACAllows(t *testing.T) {
	e := newEnv(t)
	if err := e.MayList(t.Context(), e.token, e.Namespace); err != nil {
		t.Errorf("its namespace: got %v, want that it may", err)
	}
	forged := e.token[:len(e.token)-8] + strings.Repeat("A", 8)
	for what, c := range map[string]struct {
		token, namespace string
		kind             error
	}{
		"another namespace": {e.token, "default", auth.ErrForbidden}, "all namespaces": {e.token, "", auth.ErrForbidden},
		"a forged token": {forged, e.Namespace, auth.ErrUnauthenticated},
	} {
		err := e.MayList(t.Context(), c.token, c.namespace)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v, want %v", what, err, c.kind)
		}
		if err != nil && strings.Contains(err.Error(), e.token[:20]) {
			t.Errorf("%s: the error has the token: %v", what, err)
		}
	}
}

func testAllowedTokenIsRememberedForShortTime(t *testing.T) {
	e := newEnv(t)
	if err := e.MayList(t.Context(), e.token, e.Namespace); err != nil {
		t.Fatal(err)
	}
	if err := e.Kube.CoreV1().ServiceAccounts(e.Namespace).Delete(t.Context(), "viewer", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.now = e.now.Add(9 * time.Second)
	if err := e.MayList(t.Context(), e.token, e.Namespace); err != nil {
		t.Errorf("after 9 s: got %v, want that it still may", err)
	}
	e.now = e.now.Add(2 * time.Second)
	testkit.Eventually(t, "the token is not accepted any more", func(ctx context.Context) bool { // The API server remembers tokens for 10 s, too.
		e.now = e.now.Add(11 * time.Second)
		return errors.Is(e.MayList(ctx, e.token, e.Namespace), auth.ErrUnauthenticated)
	})
}

func testReviewsAreLimited(t *testing.T) {
	e := newEnv(t)
	var limited int
	for range 50 {
		if err := e.MayList(t.Context(), "a.b.c", e.Namespace); errors.Is(err, auth.ErrRateLimited) {
			limited++
		}
	}
	if limited != 10 {
		t.Errorf("%d reviews of 50 at once were refused, want 10", limited)
	}
	if e.now = e.now.Add(time.Second); e.MayList(t.Context(), e.token, e.Namespace) != nil {
		t.Error("a second later: got a refusal, want that it may")
	}
}

func testAPIServerThatDoesNotAnswerIsNoRefusal(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It accepts and answers nothing.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	r := newReviewer(t, &rest.Config{Host: "http://" + listener.Addr().String()}, time.Now)
	err = r.MayList(t.Context(), "a.b.c", "shop")
	if err == nil || errors.Is(err, auth.ErrForbidden) || errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("got %v, want that there is no answer", err)
	}
}
