package convert

import (
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestAQueryIsWrittenForWhatAnAdapterServed(t *testing.T) {
	for want, m := range map[string]autoscalingv2.MetricIdentifier{
		`queue`:                   {Name: "queue"},
		`{__name__="requests/s"}`: {Name: "requests/s"},
		`queue{a="1",b="2",c!~"x|y\\.z",d!="",e=""}`: {Name: "queue", Selector: &metav1.LabelSelector{
			MatchLabels: map[string]string{"b": "2", "a": "1"},
			MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "c", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"x", "y.z"}},
				{Key: "d", Operator: metav1.LabelSelectorOpExists},
				{Key: "e", Operator: metav1.LabelSelectorOpDoesNotExist},
			},
		}},
	} {
		if got := selector(&m); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestWhatKubectlWroteIsNotTakenOver(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", "autoscaling.keda.sh/paused": "true"}
	so, _ := KEDA(old)
	if len(so.Annotations) != 1 || so.Annotations["autoscaling.keda.sh/paused"] != "true" || !strings.HasPrefix(so.APIVersion, "impulse.sh/") {
		t.Errorf("%+v %+v", so.TypeMeta, so.ObjectMeta)
	}
}

func TestAnObjectThatIsRestoredStaysOneWithoutANote(t *testing.T) {
	old := &v1alpha1.ScaledObject{}
	old.Spec.Advanced = &v1alpha1.Advanced{RestoreToOriginalReplicaCount: true}
	so, notes := KEDA(old)
	if !so.Spec.Advanced.RestoreToOriginalReplicaCount {
		t.Error("it is restored no more")
	}
	for _, n := range notes {
		if strings.Contains(n.Field, "restore") {
			t.Errorf("there is no difference: %s", n)
		}
	}
}
