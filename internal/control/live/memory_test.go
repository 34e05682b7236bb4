package live

import (
	"runtime"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/scalers"
)

// The limits are those of docs/page.md.
func TestMemory(t *testing.T) {
	t.Run("the series of an object with one trigger takes 3 KiB", func(t *testing.T) { expectMemory(t, 3<<10, 1, false) })
	t.Run("the series of an object with three triggers whose counts change takes 10 KiB", func(t *testing.T) { expectMemory(t, 10<<10, 3, true) })
}

// expectMemory fails the test if an object takes more than want bytes once its series is full, and a tenth for what else is allocated.
func expectMemory(t *testing.T, want float64, triggers int, counts bool) {
	const objects = 300
	before := heap()
	all := make([]*entry, objects)
	for i := range all {
		all[i] = newEntry(status.Object{})
		p := outcomeOf("a")
		for range triggers - 1 {
			p.Workload.Policy.Triggers = append(p.Workload.Policy.Triggers, p.Workload.Policy.Triggers[0])
		}
		for n := range int32(4 * maxPoints) {
			p.At += scalers.Instant(time.Second)
			p.Decision.Raw = n
			if counts {
				p.Target.Scale.Replicas = n
			}
			all[i].observe(p)
		}
		all[i].workload = nil // It is not the series.
	}
	got := (heap() - before) / objects
	runtime.KeepAlive(all)
	t.Logf("an object takes %.0f bytes", got)
	if got > want*11/10 {
		t.Errorf("got %.0f bytes for an object, want at most %.0f", got, want)
	}
}

// heap returns how many bytes are in use after a collection.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
