package actuator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

func TestPatchTestsWhatWasSeenAndSetsTheCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seen, n int32
		want    string
	}{
		{seen: 3, n: 5, want: `[{"op":"test","path":"/metadata/uid","value":"u"},` +
			`{"op":"test","path":"/spec/replicas","value":3},{"op":"add","path":"/spec/replicas","value":5}]`},
		{seen: 0, n: math.MaxInt32, want: `[{"op":"test","path":"/metadata/uid","value":"u"},` +
			`{"op":"test","path":"/spec/replicas","value":null},{"op":"add","path":"/spec/replicas","value":2147483647}]`},
		{seen: 1, n: 0, want: `[{"op":"test","path":"/metadata/uid","value":"u"},` +
			`{"op":"test","path":"/spec/replicas","value":1},{"op":"add","path":"/spec/replicas","value":0}]`},
	} {
		if got, err := patch(Scale{UID: "u", Replicas: c.seen}, c.n); err != nil || string(got) != c.want {
			t.Errorf("from %d to %d:\n got %s, %v\nwant %s", c.seen, c.n, got, err, c.want)
		}
	}
}

func TestATargetThatWasNeverSeenIsNotWritten(t *testing.T) {
	t.Parallel()
	c, err := New(&rest.Config{Host: "127.0.0.1:1"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Set(t.Context(), Target{}, Scale{Replicas: 1}, 2); !errors.Is(err, ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
	if _, err := c.Set(t.Context(), Target{}, Scale{UID: "u"}, -1); err == nil {
		t.Error("a negative count: want an error")
	}
}

func TestAnswersOfTheAPIServerAreTold(t *testing.T) {
	t.Parallel()
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	failedTest := apierrors.NewGenericServerResponse(422, "", schema.GroupResource{}, "", "test failed", 0, false)
	none := errors.New("no sentinel")
	for _, c := range []struct {
		what        string
		err         error
		read, write error
	}{
		{"missing", apierrors.NewNotFound(deployments, "web"), ErrNotFound, ErrNotFound},
		{"forbidden", apierrors.NewForbidden(deployments, "web", nil), ErrForbidden, ErrForbidden},
		{"no or a bad token", apierrors.NewUnauthorized("who?"), ErrForbidden, ErrForbidden},
		{"a test of the patch failed", failedTest, none, ErrConflict},
		{"changed meanwhile", apierrors.NewConflict(deployments, "web", nil), none, ErrConflict},
		{"invalid", apierrors.NewInvalid(schema.GroupKind{}, "web", nil), none, ErrConflict},
		{"invalid field", invalid(), none, none},
		{"429", apierrors.NewTooManyRequestsError("slow down"), ErrThrottled, ErrThrottled},
		{"500", apierrors.NewInternalError(errors.New("oops")), ErrThrottled, ErrThrottled},
		{"503", apierrors.NewServiceUnavailable("oops"), ErrThrottled, ErrThrottled},
		{"504", apierrors.NewTimeoutError("oops", 1), ErrThrottled, ErrThrottled},
		{"time-out", fmt.Errorf("patch: %w", context.DeadlineExceeded), ErrThrottled, ErrThrottled},
		{"given up", context.Canceled, none, none},
		{"bad request", apierrors.NewBadRequest("what?"), none, none},
		{"connection refused", errors.New("connection refused"), none, none},
	} {
		for verb, got := range map[error]error{c.read: readError(c.err), c.write: writeError(c.err)} {
			for _, sentinel := range []error{ErrNotFound, ErrNoScale, ErrForbidden, ErrConflict, ErrThrottled} {
				if want := sentinel == verb; errors.Is(got, sentinel) != want { //nolint:errorlint // Which one it is.
					t.Errorf("%s: is %q: %t, want %t", c.what, sentinel, !want, want)
				}
			}
			if !errors.Is(got, c.err) {
				t.Errorf("%s: %v hides the answer", c.what, got)
			}
		}
	}
}

func invalid() error {
	err := apierrors.NewInvalid(schema.GroupKind{Kind: "Scale"}, "web", nil)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "spec.replicas"}}
	return err
}
