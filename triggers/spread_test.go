package triggers

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	t.Run("rings that begin one by one are read again after their interval", testRingsThatBeginOneByOneKeepInterval)
	t.Run("of a burst, all but the first groups are spread evenly over the interval", testBurstIsSpreadEvenly)
}

var spreadBegin = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func testRingsThatBeginOneByOneKeepInterval(t *testing.T) {
	var s spread
	for i := range 100 {
		if got := s.second(spreadBegin.Add(time.Duration(i)*burstPause), 75*time.Second); got != 75*time.Second {
			t.Fatalf("group %d: got a second reading after %s, want one after 75s", i, got)
		}
	}
}

// The parts of n groups may differ by a few from n/10, whatever n is.
func testBurstIsSpreadEvenly(t *testing.T) {
	const parts, tolerance = 10, 4
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s spread
		interval := time.Duration(1 + random.Int64N(int64(time.Hour)))
		n, began, counts := random.IntN(5000), spreadBegin, [parts]int{}
		for i := range n {
			began = began.Add(time.Duration(random.Int64N(int64(burstPause))))
			after := s.second(began, interval)
			switch {
			case after <= 0 || after > interval:
				t.Fatalf("got a second reading after %s, want one within (0, %s]", after, interval)
			case i < unspread && after != interval:
				t.Fatalf("group %d: got a second reading after %s, want one after %s", i, after, interval)
			case i >= unspread:
				counts[min(parts*(after-1)/interval, parts-1)]++
			}
		}
		for part, got := range counts {
			if want := max(n-unspread, 0) / parts; got < want-tolerance || got > want+tolerance {
				t.Fatalf("%d groups with an interval of %s: got %d second readings in part %d, want about %d; all: %v", n, interval, got, part, want, counts)
			}
		}
	}
}
