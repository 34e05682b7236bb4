package status

import (
	"fmt"
	"testing"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

func TestHistory(t *testing.T) {
	t.Run("the history names the reason why a count is not written", testHistoryNamesReasonWhyCountIsNotWritten)
	t.Run("the history of a dry run shows that nothing is written", testHistoryOfDryRunShowsThatNothingIsWritten)
}

func testHistoryNamesReasonWhyCountIsNotWritten(t *testing.T) {
	foreign := func(p *autoscaler.Outcome) { p.Target.ForeignHPA = "theirs" }
	forbidden := func(p *autoscaler.Outcome) { p.WriteErr = fmt.Errorf("write: %w", actuator.ErrForbidden) }
	free := func(*autoscaler.Outcome) {}
	for reason, edit := range map[string]func(*autoscaler.Outcome){"ForeignHPA": foreign, "Forbidden": forbidden, "": free} {
		t.Run(reason, func(t *testing.T) {
			var stored *v1alpha1.ScaledObjectStatus
			in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
				stored = d.reportLevel(70, nil, edit)
				if got := stored.History[0]; got.To != 7 || got.NotWritten != reason {
					t.Errorf("the entry is %+v, want it not written for %q", got, reason)
				}
				d.reportLevel(70, nil, edit)
			})
			in(t, stored, func(t *testing.T, d *env) {
				d.reportLevel(70, nil, edit)
				if got := d.reportWrite(7, 7, nil).History[0]; got.To != 7 || got.NotWritten != "" {
					t.Errorf("once the count is written, the entry is %+v", got)
				}
				if got := d.reportLevel(70, nil, edit).History[0]; got.NotWritten != "" {
					t.Errorf("an obstacle that occurs later changes the entry to %+v", got)
				}
			})
		})
	}
}

func testHistoryOfDryRunShowsThatNothingIsWritten(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.DryRun = true
		if got := d.reportLevel(70, nil).History[0]; got.To != 7 || got.NotWritten != "DryRun" {
			t.Errorf("the entry is %+v", got)
		}
		if got := d.reportLevel(30, nil).History[0]; got.To != 3 || got.NotWritten != "" {
			t.Errorf("the entry that keeps the count is %+v", got)
		}
	})
}
