package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	fleets      = schema.GroupVersionResource{Group: "behaviour.example", Version: "v1", Resource: "fleets"}
	replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)

// kindOf has the kinds of the resources.
var kindOf = map[schema.GroupVersionResource]string{fleets: "Fleet", replicaSets: "ReplicaSet"}

// applyFleets creates the kind Fleet, which has the scale subresource and no controller.
func (e *env) applyFleets() {
	e.t.Helper()
	e.Apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fleets.behaviour.example}
spec:
  group: behaviour.example
  names: {kind: Fleet, plural: fleets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
`)
	if out, err := e.Kubectl(e.t.Context(), "", "wait", "--for=condition=Established", "crd/fleets.behaviour.example", "--timeout="+timeout.String()); err != nil {
		e.t.Fatal(err, out)
	}
}

// applyFleet creates a Fleet of 0 replicas.
func (e *env) applyFleet(name string) {
	e.t.Helper()
	e.until("a Fleet is created", func(ctx context.Context) (bool, error) {
		_, err := e.Kubectl(ctx, fmt.Sprintf("apiVersion: behaviour.example/v1\nkind: Fleet\nmetadata: {name: %s}\nspec: {replicas: 0}\n", name), "apply", "-f", "-")
		return err == nil, nil // The API server serves a new kind a moment after it is established.
	}, func() string { return "" })
}

// withTarget returns a KEDA object with another kind of target, which is appended to its name.
func withTarget(object, name, api, kind string) string {
	object = strings.Replace(object, "metadata: {name: "+name+"}", fmt.Sprintf("metadata: {name: %s-%s}", name, strings.ToLower(kind)), 1)
	return strings.Replace(object, "scaleTargetRef: {", fmt.Sprintf("scaleTargetRef: {apiVersion: %s, kind: %s, ", api, kind), 1)
}

// awaitScale waits until the scale subresource of an object has n replicas.
func (e *env) awaitScale(of schema.GroupVersionResource, name string, n int32) {
	e.t.Helper()
	var got int64
	e.until(fmt.Sprintf("%s %s has %d replicas", of.Resource, name, n), func(ctx context.Context) (bool, error) {
		scale, err := e.Dynamic.Resource(of).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{}, "scale")
		if err != nil {
			return false, err
		}
		got, _, err = unstructured.NestedInt64(scale.Object, "spec", "replicas")
		return got == int64(n), err
	}, func() string {
		return fmt.Sprintf("it has %d\n%s", got, e.describeKEDA(name+"-"+strings.ToLower(kindOf[of])))
	})
}

// The level is the number of pods with app=jobs, like the length of a queue. Value does not divide it among the replicas, so the count rises to
// the maximum.
func testValueRunsToMaximumWhereAverageValueSettles(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("jobs", 8)
	for _, metric := range []string{"AverageValue", "Value"} {
		name := strings.ToLower(metric)
		e.ApplyDeployment(name, 8)
		e.Apply(polled(name, "  idleReplicaCount: 0\n  minReplicaCount: 0\n  maxReplicaCount: 10\n", "restoreToOriginalReplicaCount: true, ",
			fmt.Sprintf("\n  - {type: kubernetes-workload, metricType: %s, metadata: {podSelector: app=jobs, value: '2'}}", metric)))
	}
	e.run("--watch-keda")
	e.AwaitReplicas("averagevalue", 4)
	e.AwaitReplicas("value", 10)
	if out, err := e.Kubectl(t.Context(), "", "delete", "scaledobjects.keda.sh", "averagevalue", "value"); err != nil {
		t.Fatal(err, out)
	}
	e.AwaitReplicas("averagevalue", 8)
	e.AwaitReplicas("value", 8)
}

func testReplicaSetAndCustomResourceAreScaled(t *testing.T) {
	e := newKEDAEnv(t)
	e.applyFleets()
	e.applyFleet("web")
	e.Apply(`
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app}]}
`)
	e.ApplyDeployment("jobs", 0)
	object := polled("web", "  maxReplicaCount: 10\n", "", "\n  - {type: kubernetes-workload, metadata: {podSelector: app=jobs, value: '1'}}")
	e.Apply(withTarget(object, "web", "apps/v1", "ReplicaSet"))
	e.Apply(withTarget(object, "web", "behaviour.example/v1", "Fleet"))
	e.run("--watch-keda")
	for _, n := range []int32{5, 10, 5, 0} {
		e.ApplyDeployment("jobs", n)
		e.awaitScale(replicaSets, "web", n)
		e.awaitScale(fleets, "web", n)
	}
}
