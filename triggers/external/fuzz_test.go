package external

import (
	"math"
	"math/big"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
)

// FuzzLevel checks that a level asks for exactly as many replicas as the value and the target of the server do, whatever it sends.
func FuzzLevel(f *testing.F) {
	f.Add(int64(30), 0.0, int64(10), 0.0)
	f.Add(int64(0), 22.222, int64(0), 6.111)
	f.Add(int64(0), 1.1, int64(0), 0.1)
	f.Add(int64(-1), math.NaN(), int64(-1), math.Inf(-1))
	f.Add(int64(math.MaxInt64), math.MaxFloat64, int64(1), math.SmallestNonzeroFloat64)
	f.Fuzz(func(t *testing.T, whole int64, float float64, wholeTarget int64, floatTarget float64) {
		value, err := amount(whole, float)
		if (err == nil) != (float > 0 && !math.IsInf(float, 0) || float == 0 && whole >= 0) {
			t.Fatalf("amount(%d, %v): got the error %v", whole, float, err)
		}
		target, targetErr := amount(wholeTarget, floatTarget)
		if err != nil || targetErr != nil || target.Sign() == 0 {
			return
		}
		e := replicas.Measurement{Metrics: []replicas.Metric{{Value: value, Target: target}}}.Event(false)
		replicas := roundUpWhole(new(big.Rat).Quo(value, target))
		if got := big.NewInt(int64(e.Value/1000 + min(e.Value%1000, 1))); e.Value < math.MaxInt64 && got.Cmp(replicas) != 0 {
			t.Errorf("%v of %v: the level %s asks for %s replicas, want %s", value, target, e.Value, got, replicas)
		}
		if e.Value == math.MaxInt64 && replicas.Cmp(big.NewInt(math.MaxInt64/1000)) < 0 {
			t.Errorf("%v of %v: the level saturates at %s replicas", value, target, replicas)
		}
		if e.Value < 0 || e.Activity != scalers.InactiveBySource {
			t.Errorf("%v of %v: got the level %s and the activity %d", value, target, e.Value, e.Activity)
		}
	})
}

// roundUpWhole returns the smallest whole number that is not below a number.
func roundUpWhole(exact *big.Rat) *big.Int {
	whole, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return whole
}
