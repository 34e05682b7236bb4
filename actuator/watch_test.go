package actuator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	t.Run("a kind that is installed later is observed", testKindThatIsInstalledLaterIsObserved)
	t.Run("a kind that is removed and installed again is observed", testKindThatIsRemovedAndInstalledAgainIsObserved)
	t.Run("a kind without /scale is reported", testKindWithoutScaleIsReported)
	t.Run("a custom resource without a count is unknown, not zero", testCustomResourceWithoutCountIsUnknownNotZero)
	t.Run("a change of the selector is reported", testChangeOfSelectorIsReported)
	t.Run("ready pods are counted", testReadyPodsAreCounted)
	t.Run("pods that are being deleted do not count as ready", testPodsThatAreBeingDeletedDoNotCountAsReady)
	t.Run("the pods of a target are listed from the cache", testPodsOfTargetAreListedFromCache)
	t.Run("a foreign HPA is reported whenever it is created", testForeignHPAIsReportedWheneverItIsCreated)
	t.Run("a dry run writes nothing", testDryRunWritesNothing)
	t.Run("a namespace that is not watched is refused", testNamespaceThatIsNotWatchedIsRefused)
}

func testKindThatIsInstalledLaterIsObserved(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(actuator.Options{})
	target := e.target(e.parse(e.widget("web", "{}")))
	v := watch(t, c, target, actuator.WatchOptions{})
	v.until("there is no such kind", hasNoScale)
	if _, err := c.Set(t.Context(), target, actuator.Scale{UID: "x"}, 1); !errors.Is(err, actuator.ErrNoScale) {
		t.Errorf("Set: %v, want ErrNoScale", err)
	}
	e.widgets()
	v.until("the kind is there, the target is not", isMissing)
	e.apply(e.widget("web", "{fleet: {size: 4}}"))
	v.awaitCount(4)
}

func testKindThatIsRemovedAndInstalledAgainIsObserved(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	crd := e.widgets()
	target := e.target(e.apply(e.widget("web", "{fleet: {size: 2}}")))
	c := e.client(actuator.Options{})
	v := watch(t, c, target, actuator.WatchOptions{})
	observed := v.awaitCount(2)
	e.remove(crd)
	v.until("the kind is gone", hasNoScale)
	if _, err := c.Set(t.Context(), target, observed, 1); !errors.Is(err, actuator.ErrNoScale) {
		t.Errorf("Set: %v, want ErrNoScale", err)
	}
	e.install(crd)
	e.apply(e.widget("web", "{fleet: {size: 3}}"))
	v.awaitCount(3)
}

func testKindWithoutScaleIsReported(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(actuator.Options{})
	for target, why := range map[actuator.Target]string{
		{APIVersion: "v1", Kind: "ConfigMap"}:         "its kind has no scale subresource",
		{APIVersion: "v1", Kind: "Node"}:              "its kind is not in a namespace",
		{APIVersion: "apps/v1", Kind: "DaemonSet"}:    "its kind has no scale subresource",
		{APIVersion: "apps/v1", Kind: "Deploymint"}:   "the cluster has no kind Deploymint in apps/v1",
		{APIVersion: "apps/v7", Kind: "Deployment"}:   "the cluster has no kind Deployment in apps/v7",
		{APIVersion: "apps/v1/x", Kind: "Deployment"}: "unexpected GroupVersion string",
		{APIVersion: "", Kind: "Deployment"}:          "",
		{}:                                            "",
	} {
		target.Namespace, target.Name = e.namespace, "web"
		watch(t, c, target, actuator.WatchOptions{}).until("it has no scale", hasNoScale)
		_, err := c.Get(t.Context(), target)
		if text := fmt.Sprint(err); !errors.Is(err, actuator.ErrNoScale) || !strings.Contains(text, why) || strings.Count(text, "scale subresource") > 1 {
			t.Errorf("Get of %q %q: %v, want ErrNoScale: %s", target.APIVersion, target.Kind, err, why)
		}
	}
}

func testCustomResourceWithoutCountIsUnknownNotZero(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.widgets()
	o := e.apply(e.widget("web", "{color: red}"))
	v := watch(t, e.client(actuator.Options{}), e.target(o), actuator.WatchOptions{})
	v.until("its count is unknown", func(o actuator.Observation) bool { return o.Err != nil })
	e.patch(o, `{"spec": {"fleet": {"size": 0}}}`)
	v.awaitCount(0)
	e.patch(o, `{"spec": {"fleet": null}}`)
	v.until("its count is unknown again", func(o actuator.Observation) bool { return o.Err != nil })
}

func testChangeOfSelectorIsReported(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.widgets()
	o := e.apply(e.widget("web", "{fleet: {size: 1}}"))
	v := watch(t, e.client(actuator.Options{}), e.target(o), actuator.WatchOptions{Pods: true})
	v.until("the pods of the target are unknown", func(o actuator.Observation) bool { return o.Ready == -1 && o.ReadyErr != nil })
	e.patch(o, `{"status": {"fleet": {"selector": "app=web"}}}`, "status")
	v.until("it has no ready pods", func(o actuator.Observation) bool { return o.Ready == 0 && o.ReadyErr == nil })
	e.deployment("web", "2")
	v.until("it has two", func(o actuator.Observation) bool { return o.Ready == 2 })
	e.patch(o, `{"status": {"fleet": {"selector": "app in (("}}}`, "status")
	v.until("its selector is invalid", func(o actuator.Observation) bool { return o.Ready == -1 && o.ReadyErr != nil })
}

func testReadyPodsAreCounted(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(actuator.Options{})
	target := e.target(e.deployment("web", "3"))
	e.deployment("other", "5")
	v := watch(t, c, target, actuator.WatchOptions{Pods: true})
	v.until("three are ready", func(o actuator.Observation) bool { return o.Ready == 3 })
	again := watch(t, c, target, actuator.WatchOptions{Pods: true})
	again.until("three are ready for a later watcher", func(o actuator.Observation) bool { return o.Ready == 3 })
	countOnly := watch(t, c, target, actuator.WatchOptions{})
	observed := countOnly.awaitCount(3)
	set(t, c, target, observed, 1)
	v.until("one is left", func(o actuator.Observation) bool { return o.Ready == 1 && o.Scale.Replicas == 1 })
	countOnly.awaitCount(1)
	for _, o := range countOnly.all() {
		if o.Ready != -1 || o.ReadyErr != nil {
			t.Errorf("without WatchOptions.Pods: observed %+v", o)
		}
	}
}

// While a rollout or a scale-down is under way, pods that are being deleted are Running and Ready until their grace period is
// over. Here a finalizer keeps two of them that way.
func testPodsThatAreBeingDeletedDoNotCountAsReady(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(actuator.Options{})
	pods := e.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(e.namespace)
	deployment := e.deployment("web", "4")
	v := watch(t, c, e.target(deployment), actuator.WatchOptions{Pods: true})
	v.until("four are ready", func(o actuator.Observation) bool { return o.Ready == 4 })
	list, err := pods.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		e.patch(&list.Items[i], `{"metadata": {"finalizers": ["impulse.test/stays"]}}`)
	}
	t.Cleanup(func() {
		for i := range list.Items {
			_, err := pods.Patch(context.WithoutCancel(t.Context()), list.Items[i].GetName(), types.MergePatchType,
				[]byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
			if err != nil {
				t.Error(err)
			}
		}
	})
	e.patch(deployment, `{"spec": {"replicas": 2}}`)
	v.until("two are left", func(o actuator.Observation) bool { return o.Ready == 2 && o.Scale.Replicas == 2 })
	all, err := c.Pods(e.namespace, v.all()[0].Scale.Selector)
	if err != nil {
		t.Fatal(err)
	}
	deleting := 0
	for _, pod := range all {
		if pod.Deleting && pod.Phase == corev1.PodRunning {
			deleting++
		}
	}
	if len(all) != 4 || deleting != 2 {
		t.Errorf("there are %d pods, %d of them running and being deleted, want 4 and 2: %+v", len(all), deleting, all)
	}
}

func testPodsOfTargetAreListedFromCache(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(actuator.Options{})
	target := e.target(e.deployment("web", "2"))
	e.deployment("other", "1")
	if _, err := c.Pods(e.namespace, "app=web"); err == nil {
		t.Error("pods that are not watched are listed")
	}
	v := watch(t, c, target, actuator.WatchOptions{Pods: true})
	v.until("two are ready", func(o actuator.Observation) bool { return o.Ready == 2 })
	selector := v.all()[0].Scale.Selector
	pods, err := c.Pods(e.namespace, selector)
	if err != nil || len(pods) != 2 || pods[0].Name >= pods[1].Name {
		t.Fatalf("the pods of %s are %+v, %v", selector, pods, err)
	}
	for _, pod := range pods {
		if pod.Phase != "Running" || pod.Ready != "True" || pod.ReadySince.IsZero() || pod.Started.IsZero() || len(pod.Containers) != 1 {
			t.Errorf("a running pod is %+v", pod)
		}
	}
	for _, bad := range []string{"", "app=other"} {
		if pods, err := c.Pods(e.namespace, bad); err == nil {
			t.Errorf("the selector %q, that of no watched target, selects %+v", bad, pods)
		}
	}
}

func testForeignHPAIsReportedWheneverItIsCreated(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	target := e.target(e.deployment("web", "1"))
	e.apply(hpa("unrelated", "v1", "ReplicationController", "web"))
	theirs := e.apply(hpa("theirs", "apps/v1beta1", "Deployment", "web"))
	v := watch(t, e.client(actuator.Options{}), target, actuator.WatchOptions{})
	if first := v.until("anything", anyObservation); first.ForeignHPA != "theirs" {
		t.Errorf("observed %+v first, want the HPA that was there before", first)
	}
	e.remove(theirs)
	v.until("it is gone", func(o actuator.Observation) bool { return o.ForeignHPA == "" })
	later := e.apply(hpa("later", "apps/v1", "Deployment", "web"))
	v.until("it came later", func(o actuator.Observation) bool { return o.ForeignHPA == "later" })
	e.patch(later, `{"spec": {"scaleTargetRef": {"name": "other"}}}`)
	v.until("it has another target", func(o actuator.Observation) bool { return o.ForeignHPA == "" })
}

func testDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(actuator.Options{DryRun: true})
	target := e.target(e.deployment("web", "1"))
	v := watch(t, c, target, actuator.WatchOptions{})
	observed := v.awaitCount(1)
	if would := set(t, c, target, observed, 5); would.Replicas != 5 {
		t.Errorf("Set in a dry run returns %+v, want 5 replicas", would)
	}
	if now, err := c.Get(t.Context(), target); err != nil || now.Replicas != 1 {
		t.Errorf("after a write in a dry run: %+v, %v, want 1 replica", now, err)
	}
	observed.Replicas = 2
	expectConflict(t, c, target, observed, 5)
}

func testNamespaceThatIsNotWatchedIsRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	target := actuator.Target{Namespace: "elsewhere", APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}
	_, err := e.client(actuator.Options{Namespace: e.namespace}).Follow(target, actuator.WatchOptions{}, func(actuator.Observation) {})
	if err == nil {
		t.Error("Follow of a target in another namespace: got no error, want one")
	}
}

func hasNoScale(o actuator.Observation) bool { return errors.Is(o.Err, actuator.ErrNoScale) }

func anyObservation(actuator.Observation) bool { return true }

func hpa(name, apiVersion, kind, target string) string {
	return `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: ` + name + `}
spec:
  scaleTargetRef: {apiVersion: ` + apiVersion + `, kind: ` + kind + `, name: ` + target + `}
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]`
}
