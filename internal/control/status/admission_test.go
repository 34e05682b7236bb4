package status

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

func TestAdmission(t *testing.T) {
	t.Run("a change by admission is one event, and a condition until it ends", testChangeByAdmissionIsOneEventAndConditionUntilItEnds)
	t.Run("a count that admission changed is logged as such", testCountThatAdmissionChangedIsLoggedAsSuch)
}

// eventRecorder is a Recorder that stores all Events as text.
type eventRecorder []string

func (t *eventRecorder) Event(_ Object, warning bool, reason, note string) {
	*t = append(*t, fmt.Sprintf("%t %s: %s", warning, reason, note))
}

// reportWrite reports a write of a count that ended with err; stored is the count in the API server afterwards.
func (d *env) reportWrite(to, stored int32, err error) *v1alpha1.ScaledObjectStatus {
	d.t.Helper()
	now := scalers.InstantOf(time.Now())
	events := []scalers.Event{{Trigger: "queue", At: now, Value: scalers.Milli(to) * 10_000, Current: d.current, Ready: d.current}}
	decision := scalers.Decide(d.spec.Policy, scalers.Input{Now: now, Current: d.current, Events: events, Memory: d.memory})
	write := &loop.EndedWrite{From: d.current, To: to, Stored: stored, Err: err, Decision: &decision, Policy: d.spec.Policy, Latency: -1}
	d.current = stored
	d.reporter.Decided(&autoscaler.Outcome{
		Workload: d.spec, At: now, Events: events, Decision: &decision, Decided: true, From: d.current, Write: write, WriteErr: err,
		Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: stored}}, TargetKnown: true, Memory: &d.memory,
	})
	<-time.After(2 * minInterval)
	synctest.Wait()
	return d.last()
}

func testChangeByAdmissionIsOneEventAndConditionUntilItEnds(t *testing.T) {
	for reason, err := range map[string]error{
		"ChangedByAdmission": fmt.Errorf("write the scale of Deployment/web: %w from 7 to 4", actuator.ErrAltered),
		"DeniedByAdmission":  fmt.Errorf("write the scale of Deployment/web: %w: admission webhook %q denied the request", actuator.ErrDenied, "cap"),
	} {
		t.Run(reason, func(t *testing.T) {
			in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) { d.checkRefusals(reason, err) })
		})
	}
}

// checkRefusals reports twenty writes in a row that fail with err, and then one that succeeds.
func (d *env) checkRefusals(reason string, err error) {
	d.t.Helper()
	var recorded eventRecorder
	var log bytes.Buffer
	d.reporter.recorder, d.reporter.log, d.current = &recorded, slog.New(slog.NewTextHandler(&log, nil)), 4
	for range 20 {
		s := d.reportWrite(7, 4, err)
		if got := reasonsOf(s)["AbleToScale"]; got != "False/"+reason || s.Reason != reason {
			d.t.Fatalf("AbleToScale is %s, the reason %s", got, s.Reason)
		}
	}
	d.expectWrites(1)
	if len(recorded) != 1 || recorded[0] != "true "+reason+": "+err.Error() {
		d.t.Errorf("the Events are %q, want one", recorded)
	}
	if strings.Contains(log.String(), "msg=scaled") {
		d.t.Errorf("a write that changed nothing is logged as one:\n%s", log.String())
	}
	if got := reasonsOf(d.reportWrite(7, 7, nil))["AbleToScale"]; got != "True/ReadyToScale" {
		d.t.Errorf("after a success AbleToScale is %s", got)
	}
}

func testCountThatAdmissionChangedIsLoggedAsSuch(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var log bytes.Buffer
		d.reporter.log = slog.New(slog.NewTextHandler(&log, nil))
		s := d.reportWrite(7, 4, fmt.Errorf("write: %w from 7 to 4", actuator.ErrAltered))
		if !strings.Contains(log.String(), "msg=scaled") || !strings.Contains(log.String(), "from=3 to=4") || !strings.Contains(log.String(), "requested=7") {
			t.Errorf("the log is\n%s", log.String())
		}
		if s.LastScaleTime == nil {
			t.Error("the count has changed, but lastScaleTime is not set")
		}
	})
}
