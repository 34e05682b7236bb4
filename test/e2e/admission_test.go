package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

func TestAdmission(t *testing.T) {
	t.Run("a count that admission changes or denies is tried again and reported once", testCountThatAdmissionChangesOrDeniesIsTriedAgainAndReportedOnce)
}

// policy creates an admission policy for /scale of Deployments in the test's namespace, and waits until it changes or denies a dry-run
// write of n. The returned function removes the policy.
func (e *env) policy(kind, binding, spec string, n int32) func() {
	e.t.Helper()
	manifest := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %[1]s
metadata: {name: %[2]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[2]s}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments/scale]}]
%[4]s
---
apiVersion: admissionregistration.k8s.io/v1
kind: %[1]sBinding
metadata: {name: %[2]s}
spec: {policyName: %[2]s%[3]s}
`, kind, e.Namespace, binding, spec)
	e.Apply(manifest)
	remove := func() {
		if out, err := e.Kubectl(context.WithoutCancel(e.t.Context()), manifest, "delete", "--ignore-not-found", "-f", "-"); err != nil {
			e.t.Errorf("remove the policy: %v\n%s", err, out)
		}
	}
	e.t.Cleanup(remove)
	var last error
	e.until("the policy is in force", func(ctx context.Context) (bool, error) {
		inForce := false
		last = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			deployments := e.Kube.AppsV1().Deployments(e.Namespace)
			scale, err := deployments.GetScale(ctx, "web", metav1.GetOptions{})
			if err != nil {
				return err
			}
			scale.Spec.Replicas = n
			stored, err := deployments.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
			inForce = apierrors.IsInvalid(err) || err == nil && stored.Spec.Replicas != n
			return err
		})
		return inForce, nil
	}, func() string { return fmt.Sprintf("%v\n%s", last, manifest) })
	return remove
}

// events returns the Events of a ScaledObject with a reason, as COUNT MESSAGE.
func (e *env) events(ctx context.Context, name, reason string) []string {
	e.t.Helper()
	list, err := e.Kube.CoreV1().Events(e.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name + ",reason=" + reason})
	if err != nil {
		e.t.Fatal(err)
	}
	all := make([]string, len(list.Items))
	for i := range list.Items {
		all[i] = fmt.Sprintf("%d %s", list.Items[i].Count, list.Items[i].Message)
	}
	return all
}

func testCountThatAdmissionChangesOrDeniesIsTriedAgainAndReportedOnce(t *testing.T) {
	for _, c := range []struct {
		kind, binding, spec string
		holds               int32
		reason, want        string
	}{
		{
			"MutatingAdmissionPolicy", "", `
  reinvocationPolicy: Never
  matchConditions: [{name: many, expression: 'has(object.spec.replicas) && object.spec.replicas > 4'}]
  mutations: [{patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{op: "replace", path: "/spec/replicas", value: 4}]'}}]`,
			4, "ChangedByAdmission", "admission changed the count from 5 to 4",
		},
		{
			"ValidatingAdmissionPolicy", ", validationActions: [Deny]",
			`  validations: [{expression: '!has(object.spec.replicas) || object.spec.replicas <= 4', message: no more than 4}]`,
			1, "DeniedByAdmission", "denied request: no more than 4",
		},
	} {
		t.Run(c.kind, func(t *testing.T) {
			e := newEnv(t)
			e.ApplyDeployment("web", 1)
			e.Apply(onAlert("web"))
			remove := e.policy(c.kind, c.binding, c.spec, 5)
			i := e.run()
			e.webhook(i, "web", "firing")
			e.condition("web", "AbleToScale", "False", c.reason)
			if text := e.Describe(e.t.Context(), "web"); !strings.Contains(strings.Join(strings.Fields(text), " "), c.want) {
				t.Errorf("the explanation lacks %q:\n%s", c.want, text)
			}
			e.AwaitReplicas("web", c.holds)
			e.until("it has tried several times, and reported it", func(ctx context.Context) (bool, error) {
				return e.refusals(ctx, i) >= 4 && len(e.events(ctx, "web", c.reason)) > 0, i.Err()
			}, func() string { return e.Describe(e.t.Context(), "web") })
			lost := i.lostLeases() // Who leads next may report it once more.
			if events := e.events(t.Context(), "web", c.reason); len(events) > 1+lost || lost == 0 && !strings.HasPrefix(events[0], "1 ") || !strings.Contains(events[0], c.want) {
				t.Errorf("the Events are %q, want one, with %q", events, c.want)
			}
			remove()
			e.AwaitReplicas("web", 5)
			e.condition("web", "AbleToScale", "True", "ReadyToScale")
		})
	}
}

// refusals returns the number of writes that admission has changed or denied, from the metrics.
func (e *env) refusals(ctx context.Context, i *impulse) int {
	e.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url+"/metrics", nil)
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(body)) {
		for _, result := range []string{"altered", "denied"} {
			var more int
			if _, err := fmt.Sscanf(line, `impulse_scale_writes_total{result="`+result+`"} %d`, &more); err == nil {
				n += more
			}
		}
	}
	return n
}
