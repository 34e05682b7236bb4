package status

import (
	"slices"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/cron"
	"github.com/impulse-sh/impulse/triggers/push"
	"github.com/impulse-sh/impulse/triggers/workload"
)

func TestSender(t *testing.T) {
	t.Run("a refused sender is an event of the objects that it delivers to", testRefusedSenderIsEventOfObjectsThatItDeliversTo)
}

func testRefusedSenderIsEventOfObjectsThatItDeliversTo(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var recorded eventRecorder
		d.reporter.recorder = &recorded
		for name, kind := range map[string]triggers.Kind{"pushed": push.Kind(), "polled": {}, "scheduled": cron.Kind(), "watched": workload.Kind()} {
			w := &compile.Workload{Namespace: "bank", Name: name, Triggers: []compile.Trigger{{Kind: kind}}}
			d.reporter.Resume(w, &v1alpha1.ScaledObjectStatus{})
		}
		d.reporter.SenderRefused("bank", "no credential was shown")
		d.reporter.SenderRefused("elsewhere", "no credential was shown")
		want := "true SenderRefused: a sender for namespace bank was refused: no credential was shown"
		if !slices.Equal(recorded, eventRecorder{want}) {
			t.Errorf("the Events are %q, want one: %q", recorded, want)
		}
	})
}
