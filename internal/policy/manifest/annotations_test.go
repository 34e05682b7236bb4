package manifest

import (
	"fmt"
	"testing"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestAnnotations(t *testing.T) {
	t.Run("an annotation of ours that is misspelt is found", testAnnotationOfOursThatIsMisspeltIsFound)
	t.Run("an object with a misspelt annotation is not valid", testObjectWithMisspeltAnnotationIsNotValid)
}

func testAnnotationOfOursThatIsMisspeltIsFound(t *testing.T) {
	const object = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata:
  name: web
  annotations:
    %s: "true"
spec:
  scaleTargetRef: {name: web}
  triggers:
  - {type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}
`
	for key, want := range map[string]string{
		"impulse.sh/paused":                    "",
		"autoscaling.keda.sh/paused":           "",
		"autoscaling.keda.sh/force-activation": "",
		"example.com/paused":                   "",
		"paused":                               "",
		"kubernetes.io/description":            "",
		"impulse.sh/pausd":                     `web.yaml:7:23: metadata.annotations.impulse.sh/pausd: unknown annotation (did you mean "impulse.sh/paused"?)`,
		"impulse.sh/paused_scale_in":           `web.yaml:7:33: metadata.annotations.impulse.sh/paused_scale_in: unknown annotation (did you mean "impulse.sh/paused-scale-in"?)`,
		"impulse.sh/owner":                     "web.yaml:7:23: metadata.annotations.impulse.sh/owner: unknown annotation (known are paused, paused-replicas, paused-scale-in, paused-scale-out, force-activation, paused-until, paused-reason)",
		"impuls.sh/paused":                     `web.yaml:7:23: warning: metadata.annotations.impuls.sh/paused: unknown annotation (did you mean "impulse.sh/paused"?)`,
		"impulse.sh/pausd-until":               `web.yaml:7:29: metadata.annotations.impulse.sh/pausd-until: unknown annotation (did you mean "impulse.sh/paused-until"?)`,
		"autoscaling.keda.sh/paused-reason":    "web.yaml:7:40: warning: metadata.annotations.autoscaling.keda.sh/paused-reason: unknown annotation (did you mean \"impulse.sh/paused-reason\"?)",
		"autoscaling.keda.sh/pausd":            `web.yaml:7:32: warning: metadata.annotations.autoscaling.keda.sh/pausd: unknown annotation (did you mean "autoscaling.keda.sh/paused"?)`,
	} {
		if want != "" {
			want += "\n"
		}
		if got := report("web.yaml", fmt.Sprintf(object, key)); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func testObjectWithMisspeltAnnotationIsNotValid(t *testing.T) {
	objects, _ := Parse("web.yaml", []byte(`{"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "web", "annotations": {"impulse.sh/pausd": "true"}},
		"spec": {"scaleTargetRef": {"name": "web"}, "triggers": [{"type": "cron", "metadata":
			{"timezone": "Etc/UTC", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": 3}}]}}`))
	if compiled, problems := Compile(objects, builtin.Kinds()); len(compiled) != 0 || !Failed(problems) {
		t.Errorf("compiled %d objects with the problems %v, want none and an error", len(compiled), problems)
	}
}
