package store

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestStoredLevel(t *testing.T) {
	t.Run("survives a restart with its key and its exact value", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			began := time.Now()
			s, stop := begin(t, folder(t, dir))
			push(t, s, level("job-7", "0.125", began, 0))
			stop()
			w := watchTill(t, run(t, folder(t, dir)))
			want := triggers.Level{Key: "job-7", Value: 125, On: true, At: began}
			if len(w.alerts) != 1 || w.alerts[0].Level == nil || !w.alerts[0].Level.At.Equal(want.At) {
				t.Fatalf("after a restart the records are %+v, want the level %+v", w.alerts, want)
			}
			if got := *w.alerts[0].Level; got.Key != want.Key || got.Value != want.Value || !got.On {
				t.Errorf("after a restart the level is %+v, want %+v", got, want)
			}
		})
	})
	t.Run("without a value is no level", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			push(t, run(t, m), level("", "4", time.Now(), 0))
			kept := m.copy()
			for n := range kept.shards {
				kept.shards[n].Alerts[0].Level.MilliValue = nil
			}
			w := watchTill(t, run(t, kept))
			if len(w.alerts) != 1 || w.alerts[0].Level != nil {
				t.Errorf("the records are %+v, want one without a level", w.alerts)
			}
		})
	})
}
