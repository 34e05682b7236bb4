package actuator

import (
	"encoding/json"
	"math"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestObserve(t *testing.T) {
	t.Parallel()
	t.Run("the count is read at the path of the definition", testCountIsReadAtPathOfDefinition)
	t.Run("selectors read like those of /scale", testSelectorsReadLikeThoseOfScale)
	t.Run("the first of several HPAs is named", testFirstOfSeveralHPAsIsNamed)
}

func testCountIsReadAtPathOfDefinition(t *testing.T) {
	t.Parallel()
	p := paths{count: split(".spec.fleet.size"), selector: split(".status.fleet.selector")}
	for _, c := range []struct {
		object   string
		counted  bool
		count    int32
		selector string
	}{
		{`{"spec": {"fleet": {"size": 3}}, "status": {"fleet": {"selector": "a=b"}}}`, true, 3, "a=b"},
		{`{"spec": {"fleet": {"size": 0}}}`, true, 0, ""},
		{`{"spec": {"replicas": 3}}`, false, 0, ""},
		{`{"spec": {"fleet": {"size": null}}}`, false, 0, ""},
		{`{"spec": {"fleet": {"size": "3"}}}`, false, 0, ""},
		{`{"spec": {"fleet": {"size": 3.5}}}`, false, 0, ""},
		{`{"spec": {"fleet": {"size": -1}}}`, false, 0, ""},
		{`{"spec": {"fleet": {"size": 2147483648}}}`, false, 0, ""},
		{`{"spec": {"fleet": 3}, "status": {"fleet": {"selector": ["a"]}}}`, false, 0, ""},
		{`{}`, false, 0, ""},
	} {
		got := observe(decodeObject(t, []byte(c.object)), p)
		if got.hasCount != c.counted || got.scale.Replicas != c.count || got.scale.Selector != c.selector {
			t.Errorf("%s: got %+v", c.object, got)
		}
	}
}

// FuzzObserve checks that observe does not panic on any custom resource, and returns no count that is not in it.
func FuzzObserve(f *testing.F) {
	f.Add([]byte(`{"metadata": {"uid": "u"}, "spec": {"replicas": 3}}`), ".spec.replicas")
	f.Add([]byte(`{"metadata": 1, "spec": [{"replicas": -3}]}`), ".spec..replicas.")
	f.Fuzz(func(t *testing.T, object []byte, path string) {
		if !json.Valid(object) {
			return
		}
		var content map[string]any
		if json.Unmarshal(object, &content) != nil {
			return
		}
		got := observe(decodeObject(t, object), paths{count: split(path), selector: split(path)})
		if !got.hasCount && got.scale.Replicas != 0 || got.scale.Replicas < 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// decodeObject decodes an object as the dynamic client does: integers are int64.
func decodeObject(t *testing.T, object []byte) *unstructured.Unstructured {
	t.Helper()
	var content map[string]any
	if err := json.Unmarshal(object, &content); err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: withInts(content).(map[string]any)} // withInts returns the type that it gets.
}

// withInts replaces each float64 that is an integer by an int64.
func withInts(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case map[string]any:
		for k := range v {
			v[k] = withInts(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withInts(v[i])
		}
	}
	return value
}

func testSelectorsReadLikeThoseOfScale(t *testing.T) {
	t.Parallel()
	got := selector(&metav1.LabelSelector{
		MatchLabels:      map[string]string{"b": "2", "a": "1"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "c", Operator: "In", Values: []string{"4", "3"}}},
	})
	if want := "a=1,b=2,c in (3,4)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	bad := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "c", Operator: "?"}}}
	if got := selector(bad); got != "" {
		t.Errorf("a bad selector: got %q, want none, which selects nothing", got)
	}
}

func testFirstOfSeveralHPAsIsNamed(t *testing.T) {
	t.Parallel()
	h := newHPAs(&Client{})
	m := h.Store()
	web := newHPATarget("ns", "apps/v1", "Deployment", "web")
	if f := h.lookup(web); f.name != "" || f.known {
		t.Errorf("before the list: %+v", f)
	}
	_ = m.Replace([]any{scaling("b", "apps/v1", "web"), scaling("a", "apps/v1beta2", "web"), scaling("c", "v1", "web")}, "")
	for _, want := range []string{"a", "b", ""} {
		if f := h.lookup(web); f.name != want || !f.known {
			t.Errorf("got %+v, want %q", f, want)
		}
		_ = m.Delete(scaling(want, "apps/v1", "web"))
	}
	_ = m.Update(scaling("c", "apps/v1", "web"))
	if f := h.lookup(web); f.name != "c" {
		t.Errorf("got %q, want c, which turned to this target", f.name)
	}
	_ = m.Replace(nil, "")
	if len(h.by) != 0 {
		t.Errorf("after the last HPA %v are left, want none", h.by)
	}
}

func scaling(name, apiVersion, target string) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: apiVersion, Kind: "Deployment", Name: target},
		},
	}
}
