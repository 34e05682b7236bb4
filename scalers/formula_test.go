package scalers_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestFormula(t *testing.T) {
	t.Parallel()
	t.Run("the formula is exact", testFormulaIsExact)
}

// testFormulaIsExact compares the formula with fractions of any size, for levels of every magnitude. For most of them,
// level / target × ready is a whole number, or close to one.
func testFormulaIsExact(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(*firstSeed, 6))
	p := &scalers.Policy{Min: 1, Max: 1, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{{Name: "a", Metric: scalers.Value}}}
	for range *timelines * 4 {
		trigger := &p.Triggers[0]
		trigger.Target = scalers.Milli(1 + r.Int64N(1<<(1+r.IntN(62))))
		e := scalers.Event{At: epoch, Ready: 1 + r.Int32N(1<<(1+r.IntN(12))), Current: 1}
		e.Value = scalers.Milli(r.Int64N(1 << (1 + r.IntN(62))))
		if k := 1 + r.Int64N(200); r.IntN(4) > 0 && int64(trigger.Target) < (1<<62)/k {
			e.Value = scalers.Milli(max(int64(trigger.Target)*k/int64(e.Ready)+r.Int64N(3)-1, 0))
		}
		exact := new(big.Rat).Mul(big.NewRat(int64(e.Value), int64(trigger.Target)), big.NewRat(int64(e.Ready), 1))
		if got, want := p.Propose(0, &e, epoch).Raw, ceil(exact); int64(got) != want {
			t.Fatalf("%s at a target of %s with %d ready: %d, want %d", e.Value, trigger.Target, e.Ready, got, want)
		}
	}
}
