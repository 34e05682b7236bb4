package convert

import (
	"encoding/json"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

func TestOld(t *testing.T) {
	t.Run("metrics of old versions become those that Kubernetes reads", testMetricsOfOldVersionsBecomeThoseThatKubernetesReads)
	t.Run("the annotations of autoscaling/v1 come before its cpu", testAnnotationsOfV1ComeBeforeItsCPU)
	t.Run("cpu and memory alone keep one replica", testCPUAndMemoryAloneKeepOneReplica)
	t.Run("the metric type of cpu may be in its metadata", testMetricTypeOfCPUMayBeInItsMetadata)
	t.Run("parameters of KEDA 1 get their new names", testParametersOfKEDA1GetTheirNewNames)
	t.Run("a fallback is kept only beside a trigger that a scaler reads", testFallbackIsKeptOnlyBesideTriggerThatScalerReads)
	t.Run("a switch that is no boolean is on, as in KEDA", testSwitchThatIsNoBooleanIsOn)
	t.Run("the mode Unknown of rabbitmq is none", testModeUnknownOfRabbitMQIsNone)
	t.Run("targets have three places, as in the HPA of KEDA", testTargetsHaveThreePlaces)
}

func testMetricsOfOldVersionsBecomeThoseThatKubernetesReads(t *testing.T) {
	for old, want := range map[string]string{
		`{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}`: `{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}`,
		`{type: Resource, resource: {name: memory, targetAverageValue: 1Gi}}`:   `{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}`,
		`{type: ContainerResource, containerResource: {name: cpu, container: app, targetAverageUtilization: 5}}`: `{type: ContainerResource,
			containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 5}}}`,
		`{type: Pods, pods: {metricName: rps, targetAverageValue: 1k, selector: {matchLabels: {a: b}}}}`: `{type: Pods,
			pods: {metric: {name: rps, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: 1k}}}`,
		`{type: Object, object: {metricName: hits, target: {kind: Service, name: web}, targetValue: 100}}`: `{type: Object,
			object: {metric: {name: hits}, describedObject: {kind: Service, name: web}, target: {type: Value, value: 100}}}`,
		`{type: Object, object: {metricName: hits, target: {kind: Service, name: web}, targetValue: 0, averageValue: 5}}`: `{type: Object,
			object: {metric: {name: hits}, describedObject: {kind: Service, name: web}, target: {type: AverageValue, averageValue: 5}}}`,
		`{type: External, external: {metricName: q, metricSelector: {matchLabels: {a: b}}, targetValue: 3}}`: `{type: External,
			external: {metric: {name: q, selector: {matchLabels: {a: b}}}, target: {type: Value, value: 3}}}`,
		`{type: External, external: {metricName: q, targetAverageValue: 3}}`: `{type: External, external: {metric: {name: q}, target: {type: AverageValue, averageValue: 3}}}`,
	} {
		var from autoscalingv1.MetricSpec
		var to autoscalingv2.MetricSpec
		read(t, old, &from)
		read(t, want, &to)
		if got, want := text(t, oldMetric(&from)), text(t, to); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", old, got, want)
		}
	}
}

// read decodes YAML.
func read(t *testing.T, content string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(content), into); err != nil {
		t.Fatal(err)
	}
}

// text returns a value as JSON, with the quantities in their usual form.
func text(t *testing.T, v any) string {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func testAnnotationsOfV1ComeBeforeItsCPU(t *testing.T) {
	old := &autoscalingv1.HorizontalPodAutoscaler{}
	read(t, `
metadata:
  annotations:
    autoscaling.alpha.kubernetes.io/metrics: '[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":70}}]'
    autoscaling.alpha.kubernetes.io/behavior: '{"ScaleDown":{"StabilizationWindowSeconds":60,"Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":30}]}}'
    autoscaling.alpha.kubernetes.io/conditions: '[]'
    team: shop
spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 50, scaleTargetRef: {apiVersion: extensions/v1beta1, kind: Deployment, name: web}}
`, old)
	hpa, notes, _ := FromV1(old)
	so, more, mistakes := HPA(hpa)
	if len(notes)+len(mistakes) > 0 || firstNoteWith(more, "extensions/v1beta1 is not served") == "" {
		t.Errorf("got the notes %v and %v and the mistakes %v, want a note about extensions/v1beta1", notes, more, mistakes)
	}
	if got := so.Spec.Triggers; len(got) != 2 || got[0].Type != "memory" || got[1].Type != "cpu" || got[1].Metadata["value"] != "50" {
		t.Errorf("got the triggers %v, want memory and cpu", got)
	}
	down := so.Spec.Advanced.HorizontalPodAutoscalerConfig.Behavior.ScaleDown
	if *down.StabilizationWindowSeconds != 60 || len(down.Policies) != 1 || down.Policies[0].PeriodSeconds != 30 {
		t.Errorf("got the scale-down rules %+v, want those of the annotation", down)
	}
	if len(so.Annotations) != 1 || so.Annotations["team"] != "shop" || so.Spec.ScaleTargetRef.APIVersion != "apps/v1" {
		t.Errorf("got the annotations %v and the target %v, want team alone and apps/v1", so.Annotations, so.Spec.ScaleTargetRef)
	}
}

func testCPUAndMemoryAloneKeepOneReplica(t *testing.T) {
	for _, c := range []struct {
		types []string
		given *int32
		want  int32
	}{
		{[]string{"cpu"}, nil, 1},
		{[]string{"memory", "cpu"}, new(int32(0)), 1},
		{[]string{"cpu"}, new(int32(2)), 2},
		{[]string{"cpu", "cron"}, new(int32(0)), 0},
	} {
		old := &v1alpha1.ScaledObject{}
		old.Spec.MinReplicaCount = c.given
		for _, name := range c.types {
			old.Spec.Triggers = append(old.Spec.Triggers, v1alpha1.Trigger{Type: name})
		}
		so, notes := KEDA(old)
		if *so.Spec.MinReplicaCount != c.want || (firstNoteWith(notes, "KEDA keeps 1 replica") != "") != (c.want == 1) {
			t.Errorf("%v: got a minimum of %d and the notes %v, want %d", c.types, *so.Spec.MinReplicaCount, notes, c.want)
		}
	}
}

func testMetricTypeOfCPUMayBeInItsMetadata(t *testing.T) {
	for _, c := range []struct{ metricType, old, want, note string }{
		{"", "AverageValue", "AverageValue", "is not read since KEDA 2.18"},
		{"Utilization", "AverageValue", "Utilization", "has no effect beside metricType"},
	} {
		old := &v1alpha1.ScaledObject{}
		old.Spec.Triggers = []v1alpha1.Trigger{{Type: "cpu", MetricType: c.metricType, Metadata: map[string]v1alpha1.Scalar{"type": v1alpha1.Scalar(c.old)}}}
		so, notes := KEDA(old)
		if got := so.Spec.Triggers[0]; got.MetricType != c.want || len(got.Metadata) > 0 || firstNoteWith(notes, c.note) == "" {
			t.Errorf("%+v: got %+v and the notes %v", c, got, notes)
		}
	}
}

func testParametersOfKEDA1GetTheirNewNames(t *testing.T) {
	spec := &v1alpha1.ScaledObjectSpec{Triggers: []v1alpha1.Trigger{
		{Type: "rabbitmq", Metadata: map[string]v1alpha1.Scalar{"host": "HOST", "queueName": "q"}},
		{Type: "kafka", Metadata: map[string]v1alpha1.Scalar{"brokerList": "k:9092"}},
		{Type: "rabbitmq", Metadata: map[string]v1alpha1.Scalar{"host": "amqp://rabbitmq:5672"}},
	}}
	notes := KEDA1(spec)
	if got := spec.Triggers[2].Metadata; got["host"] != "amqp://rabbitmq:5672" {
		t.Errorf("got the metadata %v, want the host, which names no variable", got)
	}
	if spec.Triggers[0].Metadata["hostFromEnv"] != "HOST" || spec.Triggers[1].Metadata["bootstrapServers"] != "k:9092" || len(notes) != 2 {
		t.Errorf("got %v and the notes %v, want hostFromEnv and bootstrapServers", spec.Triggers, notes)
	}
}

func testFallbackIsKeptOnlyBesideTriggerThatScalerReads(t *testing.T) {
	for _, c := range []struct {
		types []string
		kept  bool
	}{{[]string{"cpu", "memory"}, false}, {[]string{"cpu", "cron"}, true}, {[]string{"prometheus"}, true}} {
		old := &v1alpha1.ScaledObject{}
		old.Spec.Fallback = &v1alpha1.Fallback{FailureThreshold: 3, Replicas: 2}
		for _, name := range c.types {
			old.Spec.Triggers = append(old.Spec.Triggers, v1alpha1.Trigger{Type: name})
		}
		so, notes := KEDA(old)
		if found := firstNoteWith(notes, "spec.fallback: has no effect") != ""; (so.Spec.Fallback != nil) != c.kept || found == c.kept {
			t.Errorf("%v: got the fallback %v and the notes %v, want kept: %t", c.types, so.Spec.Fallback, notes, c.kept)
		}
	}
}

func testSwitchThatIsNoBooleanIsOn(t *testing.T) {
	for given, want := range map[string]string{"yes": "true", "": "true", "no": "true", "false": "false", "T": "T"} {
		old := &v1alpha1.ScaledObject{}
		old.Annotations = map[string]string{"autoscaling.keda.sh/paused": given, "autoscaling.keda.sh/paused-replicas": "3", "team": "shop"}
		so, notes := KEDA(old)
		if got := so.Annotations["autoscaling.keda.sh/paused"]; got != want || (firstNoteWith(notes, "reads as true") != "") != (got != given) {
			t.Errorf("%q: got %q and the notes %v, want %q, and a note if it is another", given, got, notes, want)
		}
		if len(so.Annotations) != 3 || so.Annotations["autoscaling.keda.sh/paused-replicas"] != "3" || old.Annotations["autoscaling.keda.sh/paused"] != given {
			t.Errorf("%q: got the annotations %v of %v, want the others as they are", given, so.Annotations, old.Annotations)
		}
	}
}

func testModeUnknownOfRabbitMQIsNone(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Spec.Triggers = []v1alpha1.Trigger{{Type: "rabbitmq", Metadata: map[string]v1alpha1.Scalar{"mode": "Unknown", "queueLength": "5"}}}
	so, notes := KEDA(old)
	if got := so.Spec.Triggers[0].Metadata; len(got) != 1 || got["queueLength"] != "5" || firstNoteWith(notes, "metadata.mode: is Unknown") == "" {
		t.Errorf("got the metadata %v and the notes %v, want queueLength alone and a note", got, notes)
	}
}

func testTargetsHaveThreePlaces(t *testing.T) {
	kind := triggers.Kind{Name: "prometheus", Fields: []triggers.Field{
		{Key: "threshold", Type: "number"}, {Key: "activationThreshold", Type: "number"}, {Key: "query", Type: "text"},
	}}
	for _, c := range []struct{ key, given, want string }{
		{"threshold", "0.66666667", "0.667"},
		{"threshold", "1e-3", "1e-3"},
		{"threshold", "0.0001", "0.0001"},
		{"activationThreshold", "0.0001", "0"},
		{"query", "0.00001", "0.00001"},
		{"threshold", "many", "many"},
	} {
		spec := &v1alpha1.ScaledObjectSpec{Triggers: []v1alpha1.Trigger{{Type: "prometheus", Metadata: map[string]v1alpha1.Scalar{c.key: v1alpha1.Scalar(c.given)}}}}
		notes := Metadata(spec, []triggers.Kind{kind})
		if got := string(spec.Triggers[0].Metadata[c.key]); got != c.want || (len(notes) > 0) != (got != c.given) {
			t.Errorf("%s %s: got %s and the notes %v, want %s, and a note if it is another", c.key, c.given, got, notes, c.want)
		}
	}
}
