package external

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/impulse-sh/impulse/scalers"
)

// measurement is one reading of a trigger. It is shared and must not be changed.
type measurement struct {
	metrics []metric
	// active is true if the server reports that there is work.
	active bool
}

// metric has the value of a metric and its target for one replica, both exact. The target is above 0.
type metric struct{ value, target *big.Rat }

var (
	errNegative  = errors.New("is negative")
	errNotFinite = errors.New("is not a finite number")
)

// event returns the event for a measurement. The level is the number of replicas that the metrics ask for, in thousandths: the largest
// quotient of a value and its target, rounded up. input is true for the argument of a formula: its level is the value itself.
func (m measurement) event(input bool) scalers.Event {
	if input {
		return m.argument()
	}
	level := new(big.Rat)
	for _, each := range m.metrics {
		if ratio := new(big.Rat).Quo(each.value, each.target); ratio.Cmp(level) > 0 {
			level = ratio
		}
	}
	e := scalers.Event{Value: roundUp(level), Activity: scalers.InactiveBySource}
	if m.active {
		e.Activity = scalers.ActiveBySource
	}
	return e
}

// argument returns the event for the argument of a formula.
func (m measurement) argument() scalers.Event {
	if len(m.metrics) != 1 {
		return scalers.Event{Err: fmt.Errorf("a formula needs one value, but the server has %d metrics for this trigger", len(m.metrics))}
	}
	return scalers.Event{Value: roundUp(m.metrics[0].value)}
}

// amount returns the number that a server sends as an integer and as a float. The float counts if it is above 0; older servers do not
// send it.
func amount(whole int64, float float64) (*big.Rat, error) {
	switch {
	case math.IsNaN(float) || math.IsInf(float, 0):
		return nil, errNotFinite
	case float < 0 || float == 0 && whole < 0:
		return nil, errNegative
	case float > 0:
		return shortest(float), nil
	}
	return new(big.Rat).SetInt64(whole), nil
}

// given returns the number of amount as text.
func given(whole int64, float float64) string {
	if float != 0 {
		return strconv.FormatFloat(float, 'g', -1, 64)
	}
	return strconv.FormatInt(whole, 10)
}

// shortest returns the number that the shortest decimal text of a finite float denotes: 0.1 is a tenth.
func shortest(float float64) *big.Rat {
	exact, ok := new(big.Rat).SetString(strconv.FormatFloat(float, 'e', -1, 64))
	if !ok {
		return new(big.Rat).SetFloat64(float)
	}
	return exact
}

// roundUp returns a number that is not negative in thousandths. It rounds up and saturates.
func roundUp(exact *big.Rat) scalers.Milli {
	thousandths := new(big.Int).Mul(exact.Num(), big.NewInt(1000))
	quotient, rest := thousandths.QuoRem(thousandths, exact.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	if !quotient.IsInt64() {
		return math.MaxInt64
	}
	return scalers.Milli(quotient.Int64())
}
