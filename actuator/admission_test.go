package actuator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestAdmission(t *testing.T) {
	t.Parallel()
	t.Run("a count that a policy caps is reported with the stored count", testCountThatPolicyCapsIsReportedWithStoredCount)
	t.Run("a denial by a policy names the policy", testDenialByPolicyNamesPolicy)
	t.Run("a policy that cannot be evaluated counts as a denial", testPolicyThatCannotBeEvaluatedCountsAsDenial)
	t.Run("a denial by a webhook is reported, whatever its status code", testDenialByWebhookIsReportedWhateverItsStatusCode)
	t.Run("a write of /scale reaches neither policies on Deployments nor quotas", testWriteOfScaleReachesNeitherPoliciesOnDeploymentsNorQuotas)
}

func testCountThatPolicyCapsIsReportedWithStoredCount(t *testing.T) {
	t.Parallel()
	e, c, target, observed := newScaled(t)
	e.policy("MutatingAdmissionPolicy", "cap", "apps", "deployments/scale", `
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConditions: [{name: many, expression: 'has(object.spec.replicas) && object.spec.replicas > 4'}]
  mutations: [{patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{op: "replace", path: "/spec/replicas", value: 4}]'}}]`)
	e.awaitDryRun(target, observed, 7, actuator.ErrAltered)

	stored, err := c.Set(t.Context(), target, observed, 7)
	if !errors.Is(err, actuator.ErrAltered) || stored.Replicas != 4 || stored.UID != observed.UID {
		t.Fatalf("after a write of 7: got %+v, %v; want 4 and ErrAltered", stored, err)
	}
	if want := "write the scale of Deployment/web: admission changed the count from 7 to 4"; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	again, err := c.Set(t.Context(), target, stored, 7)
	if !errors.Is(err, actuator.ErrAltered) || again.Replicas != 4 {
		t.Errorf("after a second write of 7: got %+v, %v; want 4 as before", again, err)
	}
	set(t, c, target, set(t, c, target, stored, 3), 4)
}

func testDenialByPolicyNamesPolicy(t *testing.T) {
	t.Parallel()
	e, c, target, observed := newScaled(t)
	for _, reason := range []string{"Invalid", "Forbidden", "RequestEntityTooLarge"} {
		name := "deny-" + strings.ToLower(reason)
		remove := e.policy("ValidatingAdmissionPolicy", name, "apps", "deployments/scale", `
  failurePolicy: Fail
  validations: [{expression: '!has(object.spec.replicas) || object.spec.replicas <= 4', message: no more than 4, reason: `+reason+`}]`)
		text := e.awaitDryRun(target, observed, 7, actuator.ErrDenied)
		full := e.namespace + "-" + name
		if want := fmt.Sprintf("ValidatingAdmissionPolicy '%s' with binding '%s' denied request: no more than 4", full, full); !strings.Contains(text, want) {
			t.Errorf("%s: got the error %s, want %s in it", reason, text, want)
		}
		if now := e.scaleOf(c, target); now.Replicas != 2 {
			t.Errorf("%s: a denied write left %d replicas, want 2", reason, now.Replicas)
		}
		remove()
		e.awaitDryRun(target, observed, 7, nil)
	}
}

func testPolicyThatCannotBeEvaluatedCountsAsDenial(t *testing.T) {
	t.Parallel()
	e, _, target, observed := newScaled(t)
	e.policy("MutatingAdmissionPolicy", "broken", "apps", "deployments/scale", `
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations: [{patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{op: "replace", path: "/spec/replicas", value: [1][int(object.spec.replicas)]}]'}}]`)
	e.awaitDryRun(target, observed, 7, actuator.ErrDenied)
}

// A failed `test` operation of our JSON Patch has the code 422, and a conflict with another write the code 409. A denial with such a code is
// neither.
func testDenialByWebhookIsReportedWhateverItsStatusCode(t *testing.T) {
	t.Parallel()
	e, c, target, observed := newScaled(t)
	var response atomic.Pointer[admissionv1.AdmissionResponse]
	response.Store(&admissionv1.AdmissionResponse{Result: &metav1.Status{Message: "not yet"}})
	scales := appsv1.SchemeGroupVersion.WithResource("deployments/scale")
	name := sandbox.AdmissionWebhook(t, e.config, e.namespace, scales, func() admissionv1.AdmissionResponse { return *response.Load().DeepCopy() })
	e.awaitDryRun(target, observed, 7, actuator.ErrDenied)
	for _, result := range []metav1.Status{
		{},
		{Code: 422},
		{Code: 422, Reason: metav1.StatusReasonInvalid, Message: "the server rejected our request due to an error in our request"},
		{Code: 409},
		{Code: 409, Reason: metav1.StatusReasonConflict, Message: "Operation cannot be fulfilled on this day"},
		{Code: 403, Reason: metav1.StatusReasonInvalid, Message: "no more than 4"},
		{Code: 403, Reason: metav1.StatusReasonForbidden},
		{Code: 404, Reason: metav1.StatusReasonNotFound},
		{Code: 429, Reason: metav1.StatusReasonTooManyRequests},
		{Code: 500},
	} {
		response.Store(&admissionv1.AdmissionResponse{Result: &result})
		_, err := c.Set(t.Context(), target, observed, 7)
		for _, other := range []error{actuator.ErrConflict, actuator.ErrForbidden, actuator.ErrNotFound, actuator.ErrThrottled} {
			if !errors.Is(err, actuator.ErrDenied) || errors.Is(err, other) {
				t.Errorf("%d %s: %v", result.Code, result.Reason, err)
			}
		}
		if want := fmt.Sprintf("admission webhook %q denied the request", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d %s: %v, want it to say %s", result.Code, result.Reason, err, want)
		}
		stale := observed
		stale.Replicas = 3
		expectConflict(t, c, target, stale, 7) // The `test` operation of the patch is evaluated before admission.
	}
	patch, kind := []byte(`[{"op": "replace", "path": "/spec/replicas", "value": 5}]`), admissionv1.PatchTypeJSONPatch
	response.Store(&admissionv1.AdmissionResponse{Allowed: true, Patch: patch, PatchType: &kind, Warnings: []string{"capped until Monday"}})
	stored, err := c.Set(t.Context(), target, observed, 7)
	if !errors.Is(err, actuator.ErrAltered) || stored.Replicas != 5 || !strings.HasSuffix(err.Error(), "from 7 to 5 (with the warning: capped until Monday)") {
		t.Errorf("a webhook changes 7 to 5: got %+v, %v, want 5 and ErrAltered", stored, err)
	}
}

// Policies on Deployments and quotas do not apply to writes of /scale, so an admission policy that limits the count has to match
// deployments/scale.
func testWriteOfScaleReachesNeitherPoliciesOnDeploymentsNorQuotas(t *testing.T) {
	t.Parallel()
	e, c, target, observed := newScaled(t)
	e.policy("ValidatingAdmissionPolicy", "deployments", "apps", "deployments", `
  failurePolicy: Fail
  validations: [{expression: 'object.spec.replicas <= 4', message: no more than 4}]`)
	few := e.apply(`
apiVersion: v1
kind: ResourceQuota
metadata: {name: few}
spec: {hard: {count/deployments.apps: "1", pods: "2"}}`)
	testkit.Eventually(t, "the policy and the quota are in force", func(ctx context.Context) bool {
		used, err := e.resource(few).Get(ctx, "few", metav1.GetOptions{})
		if err != nil {
			return false
		}
		_, counted := used.Object["status"].(map[string]any)["used"]
		large := e.parse(workload("apps/v1", "Deployment", "large", "7"))
		_, denied := e.resource(large).Create(ctx, large, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return counted && denied != nil && strings.Contains(denied.Error(), "no more than 4")
	})
	set(t, c, target, observed, 7)
}

// newScaled returns an env with a Deployment of two replicas, and its Scale as it was observed.
func newScaled(t *testing.T) (*env, *actuator.Client, actuator.Target, actuator.Scale) {
	t.Helper()
	e := newEnv(t)
	c, target := e.client(actuator.Options{}), e.target(e.deployment("web", "2"))
	return e, c, target, e.scaleOf(c, target)
}

// scaleOf returns the Scale of a target in the API server.
func (e *env) scaleOf(c *actuator.Client, target actuator.Target) actuator.Scale {
	e.t.Helper()
	s, err := c.Get(e.t.Context(), target)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// awaitDryRun waits until a dry-run write ends with the error want, and returns its text.
func (e *env) awaitDryRun(target actuator.Target, observed actuator.Scale, n int32, want error) string {
	e.t.Helper()
	c := e.client(actuator.Options{DryRun: true})
	var last error
	e.t.Cleanup(func() {
		if e.t.Failed() {
			e.t.Logf("the last write of %d ended with: %v", n, last)
		}
	})
	testkit.Eventually(e.t, fmt.Sprintf("a write of %d ends with: %v", n, want), func(ctx context.Context) bool {
		_, last = c.Set(ctx, target, observed, n)
		return errors.Is(last, want)
	})
	return fmt.Sprint(last)
}

// policy creates an admission policy for updates of a resource in the test's namespace. The returned function removes it.
func (e *env) policy(kind, name, group, resource, spec string) func() {
	e.t.Helper()
	name = e.namespace + "-" + name
	binding := map[string]string{"MutatingAdmissionPolicy": "", "ValidatingAdmissionPolicy": ", validationActions: [Deny]"}[kind]
	policy := e.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ` + kind + `
metadata: {name: ` + name + `}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ` + e.namespace + `}}
    resourceRules: [{apiGroups: [` + group + `], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [` + resource + `]}]` + spec)
	bound := e.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ` + kind + `Binding
metadata: {name: ` + name + `}
spec: {policyName: ` + name + binding + `}`)
	gone := false
	remove := func() {
		if !gone {
			gone = true
			e.remove(bound)
			e.remove(policy)
		}
	}
	e.t.Cleanup(remove)
	return remove
}
