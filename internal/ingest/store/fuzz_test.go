package store

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// FuzzLoad loads any shard that can be decoded. Afterwards an alert still counts, also after a restart, and its resolve still ends it.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"alerts":[{"endpoint":"shop/test","fingerprint":"","labels":{"alertname":"slow"},"firing":true,"startsAt":"2001-01-01T00:00:00.000000Z"}]}`), 3)
	f.Add([]byte(`{"alerts":[{"endpoint":"","labels":null,"firing":false},{"endpoint":"//","firing":true,"until":"9999-01-01T00:00:00.000000Z"}],"asOf":"9999-01-01T00:00:00.000000Z"}`), 0)
	f.Add([]byte(`{"alerts":[{"endpoint":"shop//till/queue","lateFiring":"0001-01-01T00:00:00.000000Z","absentSince":null}],"lostAt":"2030-01-01T00:00:00.000000Z"}`), 7)
	f.Fuzz(func(t *testing.T, text []byte, shard int) {
		var set v1alpha1.AlertSet
		if json.Unmarshal(text, &set) != nil || shard < 0 || len(set.Alerts) > 100 {
			return
		}
		loaded := Shard{Alerts: set.Alerts}
		if set.AsOf != nil {
			loaded.AsOf = set.AsOf.Time
		}
		if set.LostAt != nil {
			loaded.LostAt = set.LostAt.Time
		}
		synctest.Test(t, func(t *testing.T) {
			m := &memory{shards: map[int]Shard{shard % 100: loaded}}
			s := run(t, m)
			w := watch(t, s, "of the fuzz test")
			began := time.Now()
			send(t, s, firing("of the fuzz test", began))
			if got := w.last(); strings.HasPrefix(got, "0") || got == "unknown" {
				t.Errorf("after a firing %s count, want 1 or more", got)
			}
			again := watch(t, run(t, m.copy()), "of the fuzz test")
			if got := again.last(); strings.HasPrefix(got, "0") || got == "unknown" {
				t.Errorf("after a firing and a restart %s count, want 1 or more", got)
			}
			<-time.After(time.Second)
			send(t, s, resolved("of the fuzz test", began, time.Now()))
			if got := w.last(); !strings.HasPrefix(got, "0") {
				t.Errorf("after the resolve %s count, want 0", got)
			}
		})
	})
}
