package chart

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/doctor"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	t.Run("impulse doctor expects what the chart grants", testDoctorExpectsWhatChartGrants)
}

// everyTarget has an object for each kind of target that the chart allows by default.
func everyTarget() []v1alpha1.ScaledObject {
	var all []v1alpha1.ScaledObject
	for _, kind := range []string{"Deployment", "ReplicaSet", "StatefulSet"} {
		all = append(all, v1alpha1.ScaledObject{Spec: v1alpha1.ScaledObjectSpec{ScaleTargetRef: v1alpha1.ScaleTargetRef{APIVersion: "apps/v1", Kind: kind, Name: "web"}}})
	}
	controller := v1alpha1.ScaleTargetRef{APIVersion: "v1", Kind: "ReplicationController", Name: "web"}
	return append(all, v1alpha1.ScaledObject{Spec: v1alpha1.ScaledObjectSpec{ScaleTargetRef: controller}})
}

func testDoctorExpectsWhatChartGrants(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"defaults": nil, "one namespace": set("scope.namespace=shop"), "KEDA's objects and the admission webhook": set("watchKeda=true", "admission.enabled=true"),
	} {
		rendered := render(t, values...)
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(find(t, rendered, "Deployment", "impulse").Object, &d); err != nil {
			t.Fatal(err)
		}
		releases := doctor.Releases([]appsv1.Deployment{d})
		if len(releases) != 1 {
			t.Fatalf("%s: got the releases %v, want one", name, releases)
		}
		needs, err := doctor.Needs(&releases[0], "impulse", everyTarget())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range needs {
			got = append(got, n.String())
		}
		want := granted(t, rendered)
		slices.Sort(got)
		if len(want) < 30 || !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// forPeople are the roles that Impulse itself does not have.
var forPeople = []string{"impulse-viewer", "impulse-live"}

// granted returns what the roles of the chart grant to Impulse, sorted.
func granted(t *testing.T, rendered []unstructured.Unstructured) []string {
	t.Helper()
	var all []string
	for i := range rendered {
		if kind := rendered[i].GetKind(); kind != "Role" && kind != "ClusterRole" || slices.Contains(forPeople, rendered[i].GetName()) {
			continue
		}
		var role rbacv1.Role
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(rendered[i].Object, &role); err != nil {
			t.Fatal(err)
		}
		for _, n := range doctor.NeedsOf(&role) {
			all = append(all, n.String())
		}
	}
	slices.Sort(all)
	return all
}
