package manifest

import (
	"fmt"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	t.Run("each setting of a policy is accepted, refused or warned about", testEachSettingOfPolicyIsAcceptedRefusedOrWarnedAbout)
}

const (
	onQueue   = "{type: prometheus, name: a, metadata: {serverAddress: http://p:9090, query: a, threshold: 1}}"
	onRequest = "{type: prometheus, name: b, metadata: {serverAddress: http://p:9090, query: b, threshold: 1}}"
	onCPU     = "{type: cpu, metadata: {value: 60}}"
)

// object returns a ScaledObject with annotations, more fields of its spec, and triggers.
func object(annotations, spec string, triggers ...string) string {
	return "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web, annotations: {" + annotations + "}}\nspec:\n" +
		"  scaleTargetRef: {name: web}\n  " + spec + "\n  triggers: [" + strings.Join(triggers, ", ") + "]\n"
}

// cronWithBounds returns a cron trigger with bounds of its own.
func cronWithBounds(bounds string, replicas int) string {
	return fmt.Sprintf("{type: cron, %s, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: %d}}", bounds, replicas)
}

// formulaOf returns an object with a formula over the triggers a and b, and a cpu trigger that is not in it.
func formulaOf(text string) string {
	return object("", "advanced: {scalingModifiers: {target: '1', formula: '"+text+"'}}", onQueue, onRequest, onCPU)
}

func testEachSettingOfPolicyIsAcceptedRefusedOrWarnedAbout(t *testing.T) {
	const formulaField = "spec.advanced.scalingModifiers.formula: "
	for name, c := range map[string]struct{ text, want string }{
		"an idle count of 0 with a minimum of 0":  {object("", "idleReplicaCount: 0\n  minReplicaCount: 0", onQueue), ""},
		"an idle count of 0 with no minimum":      {object("", "idleReplicaCount: 0", onQueue), ""},
		"an idle count of 1 with a minimum of 0":  {object("", "idleReplicaCount: 1", onQueue), "spec.idleReplicaCount: 1 is not below minReplicaCount, 0 (0 goes with every minimum)"},
		"an idle count of 1 with a minimum of 1":  {object("", "idleReplicaCount: 1\n  minReplicaCount: 1", onQueue), "spec.idleReplicaCount: 1 is not below minReplicaCount, 1"},
		"a formula over its inputs":               {formulaOf("a + b"), ""},
		"a formula that names cpu":                {formulaOf("a + cpu"), formulaField + "cpu measures single pods and cannot be used in a formula"},
		"a formula that takes a remainder":        {formulaOf("(a % 2) * 100"), formulaField + "% needs whole numbers, and a level is not always one: write int(a) % 2"},
		"a formula that is a condition":           {formulaOf("a > 5"), formulaField + "gives true or false, and no number: choose the numbers, as in (a > 5 ? 1 : 0)"},
		"a formula that passes a number":          {formulaOf("a > 5 and b"), "warning: " + formulaField + `"and" has a number on its right`},
		"a formula with a comment":                {formulaOf("a // b"), "warning: " + formulaField + `"b" is a comment`},
		"paused-replicas alone":                   {object("impulse.sh/paused-replicas: '3'", "dryRun: false", onQueue), ""},
		"paused false beside paused-replicas":     {object("impulse.sh/paused: 'false', autoscaling.keda.sh/paused-replicas: '3'", "dryRun: false", onQueue), `warning: metadata.annotations.impulse.sh/paused: is "false", and paused-replicas pauses at 3 all the same`},
		"KEDA's paused false":                     {object("autoscaling.keda.sh/paused: 'false', autoscaling.keda.sh/paused-replicas: '3'", "dryRun: false", onQueue), `warning: metadata.annotations.autoscaling.keda.sh/paused: is "false", and`},
		"a pause with an end and a reason":        {object("impulse.sh/paused: 'true', impulse.sh/paused-until: '2026-03-01T08:00:00Z', impulse.sh/paused-reason: drain", "dryRun: false", onQueue), ""},
		"a pause with an end without a zone":      {object("impulse.sh/paused: 'true', impulse.sh/paused-until: '2026-03-01 08:00'", "dryRun: false", onQueue), `f:3:89: metadata.annotations.impulse.sh/paused-until: "2026-03-01 08:00" is not a time: the pause has no end (did you mean "2026-03-01T08:00:00Z"?)`},
		"an end without a pause":                  {object("impulse.sh/paused-until: '2026-03-01T08:00:00Z'", "dryRun: false", onQueue), "warning: metadata.annotations.impulse.sh/paused-until: has no effect without a pause"},
		"a long reason":                           {object("impulse.sh/paused: 'true', impulse.sh/paused-reason: '"+strings.Repeat("x", 300)+"'", "dryRun: false", onQueue), "warning: metadata.annotations.impulse.sh/paused-reason: has 300 bytes, and is cut after 256"},
		"paused false alone":                      {object("impulse.sh/paused: 'false'", "dryRun: false", onQueue), ""},
		"a schedule that caps":                    {object("", "maxReplicaCount: 9", onQueue, cronWithBounds("cap: true", 8)), ""},
		"a schedule that caps at the minimum":     {object("", "minReplicaCount: 3", onQueue, cronWithBounds("cap: true", 3)), ""},
		"a schedule that caps at 0":               {object("", "maxReplicaCount: 9", onQueue, cronWithBounds("cap: true", 0)), "warning: spec.triggers[1].metadata.desiredReplicas: 0 caps nothing"},
		"a schedule that caps beyond the maximum": {object("", "maxReplicaCount: 9", onQueue, cronWithBounds("cap: true", 9)), "warning: spec.triggers[1].metadata.desiredReplicas: 9 caps nothing: maxReplicaCount is 9"},
	} {
		got := report("f", c.text)
		if c.want == "" && got != "" || c.want != "" && (!strings.Contains(got, c.want) || strings.Count(got, "\n") != 1) {
			t.Errorf("%s: got\n%s, want %q", name, got, c.want)
		}
	}
}
