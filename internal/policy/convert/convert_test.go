package convert

import (
	"maps"
	"math"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
)

func TestConvert(t *testing.T) {
	t.Run("a metric of an adapter is read from the same adapter", testMetricOfAdapterIsReadFromSameAdapter)
	t.Run("a selector that an HPA cannot read is a mistake", testSelectorThatHPACannotReadIsMistake)
	t.Run("kubectl's annotations are not copied", testKubectlsAnnotationsAreNotCopied)
	t.Run("the annotation that hands over an HPA to KEDA is removed with a note", testAnnotationThatHandsOverHPAIsRemovedWithNote)
	t.Run("an object with restoreToOriginalReplicaCount is converted without a note", testObjectWithRestoreToOriginalReplicaCountIsConvertedWithoutNote)
	t.Run("percentages that an HPA computes differently are noted with their numbers", testPercentagesThatHPAComputesDifferentlyAreNotedWithTheirNumbers)
	t.Run("percentages of a KEDA object are computed as those of its HPA", testPercentagesOfKEDAObjectAreComputedAsThoseOfItsHPA)
	t.Run("a target whose type names another field is reported", testTargetWhoseTypeNamesAnotherFieldIsReported)
	t.Run("the exact ceiling of Kafka is noted unless there is none", testExactCeilingOfKafkaIsNoted)
	t.Run("parameters of Amazon's Prometheus are kept where KEDA signs with a key", testParametersOfAmazonsPrometheusAreKeptWhereKEDASignsWithKey)
	t.Run("an input of a formula gets the target that KEDA does not require", testInputOfFormulaGetsTargetThatKEDADoesNotRequire)
}

// adapterMetric is a metric of an HPA that comes from an adapter, and its trigger.
type adapterMetric struct {
	metric     autoscalingv2.MetricSpec
	kind       string
	metricType string
	metadata   map[string]v1alpha1.Scalar
}

func adapterMetrics() map[string]adapterMetric {
	hundred, five := resource.MustParse("100"), resource.MustParse("5")
	name := autoscalingv2.MetricIdentifier{Name: "hits", Selector: &metav1.LabelSelector{
		MatchLabels: map[string]string{"b": "2", "a": "1"},
		MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "c", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"x", "y.z"}},
			{Key: "d", Operator: metav1.LabelSelectorOpExists},
			{Key: "e", Operator: metav1.LabelSelectorOpDoesNotExist},
		},
	}}
	const selector = "a=1,b=2,c notin (x,y.z),d,!e"
	ingress := autoscalingv2.CrossVersionObjectReference{APIVersion: "networking.k8s.io/v1beta1", Kind: "Ingress", Name: "web"}
	return map[string]adapterMetric{
		"a value of an object": {
			autoscalingv2.MetricSpec{Type: "Object", Object: &autoscalingv2.ObjectMetricSource{
				DescribedObject: ingress, Metric: name, Target: autoscalingv2.MetricTarget{Type: "Value", Value: &hundred, AverageValue: &five},
			}},
			"kubernetes-object", "Value",
			map[string]v1alpha1.Scalar{
				"metricName": "hits", "metricSelector": selector, "objectApiVersion": "networking.k8s.io/v1beta1", "objectKind": "Ingress", "objectName": "web", "value": "100",
			},
		},
		"an average of an object": {
			autoscalingv2.MetricSpec{Type: "Object", Object: &autoscalingv2.ObjectMetricSource{
				DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Service", Name: "web"}, Metric: autoscalingv2.MetricIdentifier{Name: "hits"},
				Target: autoscalingv2.MetricTarget{Type: "AverageValue", Value: &hundred, AverageValue: &five},
			}},
			"kubernetes-object", "AverageValue",
			map[string]v1alpha1.Scalar{"metricName": "hits", "objectKind": "Service", "objectName": "web", "value": "5"},
		},
		"pods": {
			autoscalingv2.MetricSpec{Type: "Pods", Pods: &autoscalingv2.PodsMetricSource{
				Metric: name, Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: &five},
			}},
			"kubernetes-pods", "AverageValue",
			map[string]v1alpha1.Scalar{"metricName": "hits", "metricSelector": selector, "value": "5"},
		},
		"external": {
			autoscalingv2.MetricSpec{Type: "External", External: &autoscalingv2.ExternalMetricSource{
				Metric: name, Target: autoscalingv2.MetricTarget{Type: "Value", Value: &hundred},
			}},
			"kubernetes-external", "Value",
			map[string]v1alpha1.Scalar{"metricName": "hits", "metricSelector": selector, "value": "100"},
		},
	}
}

func testMetricOfAdapterIsReadFromSameAdapter(t *testing.T) {
	for what, c := range adapterMetrics() {
		hpa := &autoscalingv2.HorizontalPodAutoscaler{}
		hpa.Spec.Metrics = []autoscalingv2.MetricSpec{c.metric}
		so, notes, mistakes := HPA(hpa)
		if len(mistakes) > 0 {
			t.Errorf("%s: got the mistakes %v, want none", what, mistakes)
			continue
		}
		if got := so.Spec.Triggers[0]; got.Type != c.kind || got.Name != "hits" || got.MetricType != c.metricType || !maps.Equal(got.Metadata, c.metadata) {
			t.Errorf("%s: got %+v, want %s with %s and %v", what, got, c.kind, c.metricType, c.metadata)
		}
		if got := firstNoteWith(notes, "adapter"); got != "" {
			t.Errorf("%s: got the note %q, want none about the adapter", what, got)
		}
	}
}

func testSelectorThatHPACannotReadIsMistake(t *testing.T) {
	one := resource.MustParse("1")
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	hpa.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: "External", External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "hits", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"path": "/checkout"}}},
		Target: autoscalingv2.MetricTarget{AverageValue: &one},
	}}}
	_, _, mistakes := HPA(hpa)
	if got := firstNoteWith(mistakes, "label selector"); !strings.HasPrefix(got, "spec.metrics[0].external.metric.selector: ") {
		t.Errorf("got the mistakes %v, want one about the selector", mistakes)
	}
}

func testKubectlsAnnotationsAreNotCopied(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", "autoscaling.keda.sh/paused": "true"}
	so, _ := KEDA(old)
	if len(so.Annotations) != 1 || so.Annotations["autoscaling.keda.sh/paused"] != "true" || !strings.HasPrefix(so.APIVersion, "impulse.sh/") {
		t.Errorf("%+v %+v", so.TypeMeta, so.ObjectMeta)
	}
}

func testAnnotationThatHandsOverHPAIsRemovedWithNote(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Annotations = map[string]string{transferAnnotation: "true"}
	so, notes := KEDA(old)
	if note := firstNoteWith(notes, "take over the HPA"); len(so.Annotations) != 0 || !strings.Contains(note, "impulse adopt hpa") {
		t.Errorf("got the annotations %v and the note %q, want none and one that names impulse adopt hpa", so.Annotations, note)
	}
	old.Annotations[transferAnnotation] = "false"
	if so, notes = KEDA(old); len(so.Annotations) != 0 || firstNoteWith(notes, "take over the HPA") != "" {
		t.Errorf("got the annotations %v and the notes %v, want no annotation and no note: false has no effect in KEDA either", so.Annotations, notes)
	}
}

func testObjectWithRestoreToOriginalReplicaCountIsConvertedWithoutNote(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Spec.Advanced = &v1alpha1.Advanced{RestoreToOriginalReplicaCount: true}
	so, notes := KEDA(old)
	if !so.Spec.Advanced.RestoreToOriginalReplicaCount {
		t.Error("restoreToOriginalReplicaCount was lost in the conversion")
	}
	for _, n := range notes {
		if strings.Contains(n.Field, "restore") {
			t.Errorf("there is no difference: %s", n)
		}
	}
}

// An HPA computes 100 × (1 + 10/100) as 110.00000000000001. There is no note where the limits hide that, or no count is affected.
func testPercentagesThatHPAComputesDifferentlyAreNotedWithTheirNumbers(t *testing.T) {
	for _, c := range []struct {
		direction   string
		percent     int32
		least, most int32
		selected    autoscalingv2.ScalingPolicySelect
		want        string
	}{
		{"up", 10, 1, 1000, "Max", "spec.behavior.scaleUp.policies[1]: is computed in floating point by an HPA: 10 % up from 50 is 56, from 90 is 100, from 100 is 111 (here it is exact: 55, 99, 110)"},
		{"up", 10, 1, 60, "Min", "spec.behavior.scaleUp.policies[1]: is computed in floating point by an HPA: 10 % up from 50 is 56 (here it is exact: 55)"},
		{"up", 10, 1, 55, "Max", ""},
		{"up", 10, 1, 1000, "Disabled", ""},
		{"up", 100, 1, math.MaxInt32, "Max", ""},
		{"up", 900, 1, math.MaxInt32, "Max", ""},
		{"down", 34, 1, 60, "Max", "spec.behavior.scaleDown.policies[1]: is computed in floating point by an HPA: 34 % down from 50 is 32 (here it is exact: 33)"},
		{"down", 34, 33, 60, "Max", ""},
		{"down", 80, 0, 9, "Max", "spec.behavior.scaleDown.policies[1]: is computed in floating point by an HPA: 80 % down from 5 is 0 (here it is exact: 1)"},
		{"down", 80, 1, 9, "Max", ""},
		{"down", 150, 0, 1000, "Max", ""},
	} {
		hpa := &autoscalingv2.HorizontalPodAutoscaler{}
		hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas = &c.least, c.most
		rules := &autoscalingv2.HPAScalingRules{SelectPolicy: &c.selected, Policies: []autoscalingv2.HPAScalingPolicy{
			{Type: "Pods", Value: 1, PeriodSeconds: 15}, {Type: "Percent", Value: c.percent, PeriodSeconds: 15},
		}}
		if hpa.Spec.Behavior = (&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rules}); c.direction == "down" {
			hpa.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: rules}
		}
		_, notes, _ := HPA(hpa)
		if got := firstNoteWith(notes, "floating point"); got != c.want {
			t.Errorf("%d %% %s within %d and %d: got the note %q, want %q", c.percent, c.direction, c.least, c.most, got, c.want)
		}
	}
}

func testPercentagesOfKEDAObjectAreComputedAsThoseOfItsHPA(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Spec.MaxReplicaCount = new(int32(9))
	old.Spec.Advanced = &v1alpha1.Advanced{HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{Behavior: &v1alpha1.Behavior{
		ScaleDown: &v1alpha1.ScalingRules{Policies: []v1alpha1.ScalingPolicy{{Type: "Percent", Value: 80, PeriodSeconds: 15}}},
	}}}
	if _, notes := KEDA(old); firstNoteWith(notes, "floating point") != "" { // Its HPA never goes below 1.
		t.Errorf("there is no difference: %s", firstNoteWith(notes, "floating point"))
	}
	old.Spec.MaxReplicaCount = new(int32(10))
	const want = "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies[0]: is computed in floating point by an HPA: " +
		"80 % down from 10 is 1 (here it is exact: 2)"
	if _, notes := KEDA(old); firstNoteWith(notes, "floating point") != want {
		t.Errorf("got the note %q, want %q", firstNoteWith(notes, "floating point"), want)
	}
}

// firstNoteWith returns the first note that contains a text; "" for none.
func firstNoteWith(notes []diag.Error, text string) string {
	for _, n := range notes {
		if strings.Contains(n.Error(), text) {
			return n.Error()
		}
	}
	return ""
}

func testTargetWhoseTypeNamesAnotherFieldIsReported(t *testing.T) {
	five, half := resource.MustParse("5"), int32(50)
	identifier := autoscalingv2.MetricIdentifier{Name: "queue"}
	for want, m := range map[string]autoscalingv2.MetricSpec{
		"spec.metrics[0].external.target.type: is AverageValue, and the number is given as Value: an HPA uses the field that is set (set target.type to the field that is meant)": {
			Type: "External", External: &autoscalingv2.ExternalMetricSource{Metric: identifier, Target: autoscalingv2.MetricTarget{Type: "AverageValue", Value: &five}},
		},
		"spec.metrics[0].external.target.type: is Value, and the number is given as AverageValue: an HPA uses the field that is set (set target.type to the field that is meant)": {
			Type: "External", External: &autoscalingv2.ExternalMetricSource{Metric: identifier, Target: autoscalingv2.MetricTarget{Type: "Value", AverageValue: &five}},
		},
		"spec.metrics[0].object.target.type: is AverageValue, and the number is given as Value: an HPA fails on that (here it is taken for Value)": {
			Type: "Object", Object: &autoscalingv2.ObjectMetricSource{Metric: identifier, Target: autoscalingv2.MetricTarget{Type: "AverageValue", Value: &five}},
		},
		"spec.metrics[0].resource.target.type: is AverageValue, and the number is given as Utilization: an HPA uses the field that is set (set target.type to the field that is meant)": {
			Type: "Resource", Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageUtilization: &half}},
		},
		"spec.metrics[0].pods.target.type: is Value, and the number is given as AverageValue: an HPA uses the field that is set (set target.type to the field that is meant)": {
			Type: "Pods", Pods: &autoscalingv2.PodsMetricSource{Metric: identifier, Target: autoscalingv2.MetricTarget{Type: "Value", AverageValue: &five}},
		},
	} {
		hpa := &autoscalingv2.HorizontalPodAutoscaler{}
		hpa.Spec.Metrics = []autoscalingv2.MetricSpec{m}
		if _, notes, _ := HPA(hpa); firstNoteWith(notes, "target.type") != want {
			t.Errorf("got the note %q, want %q", firstNoteWith(notes, "target.type"), want)
		}
	}
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	hpa.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: "External", External: &autoscalingv2.ExternalMetricSource{
		Metric: identifier, Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: &five},
	}}}
	if _, notes, _ := HPA(hpa); firstNoteWith(notes, "target.type") != "" {
		t.Errorf("there is nothing to say: %s", firstNoteWith(notes, "target.type"))
	}
}

func testExactCeilingOfKafkaIsNoted(t *testing.T) {
	for _, kind := range []string{"kafka", "apache-kafka"} {
		for idle, want := range map[v1alpha1.Scalar]bool{"": true, "false": true, "true": false} {
			old := &v1alpha1.ScaledObject{}
			old.Spec.Triggers = []v1alpha1.Trigger{{Type: kind, Metadata: map[string]v1alpha1.Scalar{"allowIdleConsumers": idle}}}
			_, notes := KEDA(old)
			if got := firstNoteWith(notes, "one replica more than there are partitions") != ""; got != want {
				t.Errorf("%s with allowIdleConsumers %q: got the notes %v, want one: %t", kind, idle, notes, want)
			}
		}
	}
}

func testInputOfFormulaGetsTargetThatKEDADoesNotRequire(t *testing.T) {
	for what, c := range map[string]struct {
		formula  string
		trigger  v1alpha1.Trigger
		key      string
		want     v1alpha1.Scalar
		modified bool
	}{
		"a number of an HTTP server": {"a", v1alpha1.Trigger{Name: "a", Type: "metrics-api"}, "targetValue", "1", true},
		"a number of pods":           {"a", v1alpha1.Trigger{Name: "a", Type: "kubernetes-workload", Metadata: map[string]v1alpha1.Scalar{"value": "0"}}, "value", "1", true},
		"a result of a query":        {"a", v1alpha1.Trigger{Name: "a", Type: "postgresql", Metadata: map[string]v1alpha1.Scalar{"targetQueryValue": " "}}, "targetQueryValue", "1", true},
		"a target that is given":     {"a", v1alpha1.Trigger{Name: "a", Type: "metrics-api", Metadata: map[string]v1alpha1.Scalar{"targetValue": "7"}}, "targetValue", "7", false},
		"a target that KEDA needs":   {"a", v1alpha1.Trigger{Name: "a", Type: "prometheus"}, "threshold", "", false},
		"no formula":                 {"", v1alpha1.Trigger{Name: "a", Type: "metrics-api"}, "targetValue", "", false},
	} {
		old := &v1alpha1.ScaledObject{}
		old.Spec.Advanced = &v1alpha1.Advanced{ScalingModifiers: &v1alpha1.ScalingModifiers{Formula: c.formula}}
		old.Spec.Triggers = []v1alpha1.Trigger{c.trigger}
		so, notes := KEDA(old)
		got := so.Spec.Triggers[0].Metadata[c.key]
		if note := firstNoteWith(notes, "has no effect in a formula"); got != c.want || (note != "") != c.modified {
			t.Errorf("%s: got the target %q and the note %q, want %q", what, got, note, c.want)
		}
	}
}

func testParametersOfAmazonsPrometheusAreKeptWhereKEDASignsWithKey(t *testing.T) {
	type metadata = map[string]v1alpha1.Scalar
	ref := &v1alpha1.AuthenticationRef{Name: "aps"}
	for what, c := range map[string]struct {
		ref       *v1alpha1.AuthenticationRef
		old, want metadata
		note      string
	}{
		"a key":                   {ref, metadata{"awsRegion": "eu-west-1"}, metadata{"awsRegion": "eu-west-1"}, ""},
		"a key in variables":      {nil, metadata{"awsRegion": "r", "awsAccessKeyIDFromEnv": "ID"}, metadata{"awsRegion": "r", "awsAccessKeyIDFromEnv": "ID"}, ""},
		"no credentials":          {nil, metadata{"awsRegion": "r"}, metadata{}, "awsRegion: has no effect in KEDA without credentials"},
		"another way":             {ref, metadata{"awsRegion": "r", "authModes": "basic"}, metadata{"authModes": "basic"}, "awsRegion: has no effect in KEDA beside authModes"},
		"the operator's identity": {nil, metadata{"awsRegion": "r", "identityOwner": "keda"}, metadata{"awsRegion": "r", "identityOwner": "operator"}, "identityOwner: is the identity of KEDA's operator, here that of the KEDA bridge"},
		"the workload's identity": {ref, metadata{"awsRegion": "r", "identityOwner": "pod"}, metadata{"awsRegion": "r", "identityOwner": "pod"}, ""},
		"nothing of AWS":          {nil, metadata{"authModes": "basic"}, metadata{"authModes": "basic"}, ""},
	} {
		old := &v1alpha1.ScaledObject{}
		old.Spec.Triggers = []v1alpha1.Trigger{{Type: "prometheus", Metadata: c.old, AuthenticationRef: c.ref}}
		before := maps.Clone(c.old)
		so, notes := KEDA(old)
		if got := so.Spec.Triggers[0].Metadata; !maps.Equal(got, c.want) || !maps.Equal(c.old, before) {
			t.Errorf("%s: got %v, want %v", what, got, c.want)
		}
		var got []string
		for _, n := range notes {
			if field, ok := strings.CutPrefix(n.Field, "spec.triggers[0].metadata."); ok {
				got = append(got, field+": "+n.Problem)
			}
		}
		if all := strings.Join(got, "\n"); !strings.HasPrefix(all, c.note) || len(got) > 1 || c.note == "" && all != "" {
			t.Errorf("%s: got the notes %q, want %q", what, got, c.note)
		}
	}
}
