package override_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/override"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

func TestOverride(t *testing.T) {
	t.Run("a change replaces every pause before it", testChangeReplacesEveryPauseBeforeIt)
	t.Run("the end of a pause is read", testEndOfPauseIsRead)
	t.Run("a length of time is read", testLengthOfTimeIsRead)
}

func testChangeReplacesEveryPauseBeforeIt(t *testing.T) {
	end := time.Date(2026, 3, 1, 18, 0, 0, 0, time.FixedZone("", 3600))
	before := map[string]string{
		"autoscaling.keda.sh/paused-replicas": "3", "impulse.sh/paused-scale-in": "true", "impulse.sh/paused-until": "2026-01-01T00:00:00Z",
		"impulse.sh/paused-reason": "old", "autoscaling.keda.sh/force-activation": "true", "team": "shop",
	}
	kept := map[string]string{"autoscaling.keda.sh/force-activation": "true", "team": "shop"}
	for name, c := range map[string]struct {
		edit objects.Edit
		want map[string]string
	}{
		"pause":     {override.Pause(override.Both, override.Terms{Until: end, Reason: "drain"}), map[string]string{"impulse.sh/paused": "true", "impulse.sh/paused-until": "2026-03-01T17:00:00Z", "impulse.sh/paused-reason": "drain"}},
		"scale-in":  {override.Pause(override.ScaleIn, override.Terms{}), map[string]string{"impulse.sh/paused-scale-in": "true"}},
		"scale-out": {override.Pause(override.ScaleOut, override.Terms{Reason: "drain"}), map[string]string{"impulse.sh/paused-scale-out": "true", "impulse.sh/paused-reason": "drain"}},
		"scale":     {override.Scale(12, override.Terms{Until: end}), map[string]string{"impulse.sh/paused-replicas": "12", "impulse.sh/paused-until": "2026-03-01T17:00:00Z"}},
		"resume":    {override.Resume(), nil},
		"dry run":   {override.DryRun(true), before},
	} {
		so := &v1alpha1.ScaledObject{}
		so.Annotations = maps.Clone(before)
		after := c.edit.Apply(so)
		want := maps.Clone(kept)
		maps.Copy(want, c.want)
		if !maps.Equal(after.Annotations, want) || after.Spec.DryRun != (name == "dry run") || !maps.Equal(so.Annotations, before) {
			t.Errorf("%s: got %v and dry run %t, want %v", name, after.Annotations, after.Spec.DryRun, want)
		}
	}
}

func testEndOfPauseIsRead(t *testing.T) {
	now := time.Date(2026, 2, 28, 12, 30, 15, 0, time.FixedZone("CET", 3600))
	for text, want := range map[string]string{
		"2026-03-01T18:00:00Z": "2026-03-01T18:00:00Z", "2026-03-01T18:00:00+02:00": "2026-03-01T16:00:00Z", "2026-03-01 18:00": "2026-03-01T17:00:00Z",
		"2026-03-01T18:00:30": "2026-03-01T17:00:30Z", "18:00": "2026-02-28T17:00:00Z", "12:30": "2026-03-01T11:30:00Z",
	} {
		if end, err := override.ParseEnd(text, now); err != nil || end.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: got %s, %v, want %s", text, end.UTC(), err, want)
		}
	}
	for text, want := range map[string]string{
		"tomorrow": `"tomorrow": expected a time, such as 2026-03-01T18:00:00Z, or 18:00 for`, "2h": `"2h": expected a time`, "": `"": expected a time`,
		"2026-02-28T11:30:15Z": `"2026-02-28T11:30:15Z" is in the past: it is 2026-02-28T12:30:15+01:00`,
	} {
		if end, err := override.ParseEnd(text, now); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %s, %v, want %s", text, end, err, want)
		}
	}
	if got := override.After(now.Add(1), time.Minute); !got.Equal(now.Add(time.Minute + time.Second)) {
		t.Errorf("a minute after now: got %s, want it rounded up to the second", got)
	}
}

func testLengthOfTimeIsRead(t *testing.T) {
	for text, want := range map[string]time.Duration{"90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "3d": 72 * time.Hour, "0s": 0, "-1h": 0, "d": 0, "1.5d": 0, "two hours": 0, "": 0} {
		if got, err := override.ParseLength(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}
