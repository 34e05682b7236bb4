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

func TestScale(t *testing.T) {
	t.Parallel()
	t.Run("the patch tests the observed count and sets the new one", testPatchTestsObservedCountAndSetsNewOne)
	t.Run("a target that was never observed is not written", testTargetThatWasNeverObservedIsNotWritten)
	t.Run("errors of the API server are classified", testErrorsOfAPIServerAreClassified)
	t.Run("a denial is recognized by its message, not by its status code", testDenialIsRecognizedByItsMessageNotByItsStatusCode)
}

func testPatchTestsObservedCountAndSetsNewOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		observed, n int32
		want        string
	}{
		{observed: 3, n: 5, want: `[{"op":"test","path":"/metadata/uid","value":"u"},` +
			`{"op":"test","path":"/spec/replicas","value":3},{"op":"add","path":"/spec/replicas","value":5}]`},
		{observed: 0, n: math.MaxInt32, want: `[{"op":"test","path":"/metadata/uid","value":"u"},` +
			`{"op":"test","path":"/spec/replicas","value":null},{"op":"add","path":"/spec/replicas","value":2147483647}]`},
		{observed: 1, n: 0, want: `[{"op":"test","path":"/metadata/uid","value":"u"},` +
			`{"op":"test","path":"/spec/replicas","value":1},{"op":"add","path":"/spec/replicas","value":0}]`},
	} {
		if got, err := patch(Scale{UID: "u", Replicas: c.observed}, c.n); err != nil || string(got) != c.want {
			t.Errorf("from %d to %d:\n got %s, %v\nwant %s", c.observed, c.n, got, err, c.want)
		}
	}
}

func testTargetThatWasNeverObservedIsNotWritten(t *testing.T) {
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

func testErrorsOfAPIServerAreClassified(t *testing.T) {
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
		{"forbidden", apierrors.NewForbidden(deployments, "web", errors.New(`User "impulse" cannot patch`)), ErrForbidden, ErrForbidden},
		{"no or a bad token", apierrors.NewUnauthorized("who?"), ErrForbidden, ErrForbidden},
		{"a test of the patch failed", failedTest, none, ErrConflict},
		{"changed meanwhile", apierrors.NewConflict(deployments, "web", errors.New("the object has been modified")), none, ErrConflict},
		{"another 409", answer(409, metav1.StatusReasonConflict, "a conflict of interest"), none, none},
		{"invalid", apierrors.NewInvalid(schema.GroupKind{}, "web", nil), none, none},
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
			for _, sentinel := range []error{ErrNotFound, ErrNoScale, ErrForbidden, ErrConflict, ErrThrottled, ErrDenied, ErrAltered} {
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

func testDenialIsRecognizedByItsMessageNotByItsStatusCode(t *testing.T) {
	t.Parallel()
	const forbidden = `deployments.apps "web" is forbidden: `
	for _, message := range []string{
		`admission webhook "cap.example.com" denied the request: no more than 4`,
		`admission webhook "cap.example.com" denied the request without explanation`,
		forbidden + `ValidatingAdmissionPolicy 'cap' with binding 'cap-shop' denied request: no more than 4`,
		forbidden + `ValidatingAdmissionPolicy 'cap' denied request: failed to configure binding: no params found`,
		forbidden + `policy 'cap' with binding 'cap-shop' denied request: no such key: replicas`,
		forbidden + `exceeded quota: few, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1`,
		forbidden + `unable to create new content in namespace shop because it is being terminated`,
	} {
		for code, reason := range map[int32]metav1.StatusReason{
			400: metav1.StatusReasonBadRequest, 401: metav1.StatusReasonUnauthorized, 403: metav1.StatusReasonInvalid, 404: metav1.StatusReasonNotFound,
			409: metav1.StatusReasonConflict, 422: metav1.StatusReasonInvalid, 429: metav1.StatusReasonTooManyRequests, 500: "", 503: metav1.StatusReasonForbidden,
		} {
			err := writeError(answer(code, reason, message))
			for _, other := range []error{ErrNotFound, ErrForbidden, ErrConflict, ErrThrottled} {
				if !errors.Is(err, ErrDenied) || errors.Is(err, other) {
					t.Errorf("%d %s, %s: %v", code, reason, message, err)
				}
			}
		}
	}
	missing := forbidden + `User "impulse" cannot patch resource "deployments/scale" in API group "apps" in the namespace "shop"`
	if err := writeError(answer(403, metav1.StatusReasonForbidden, missing)); !errors.Is(err, ErrForbidden) || errors.Is(err, ErrDenied) {
		t.Errorf("a missing permission: got %v, want ErrForbidden and not ErrDenied", err)
	}
}

// answer returns the error of a failed request to the API server.
func answer(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
}

func invalid() error {
	err := apierrors.NewInvalid(schema.GroupKind{Kind: "Scale"}, "web", nil)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Field: "spec.replicas"}}
	return err
}
