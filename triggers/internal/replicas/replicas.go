package replicas

import (
	"fmt"
	"math"
	"math/big"

	"github.com/impulse-sh/impulse/scalers"
)

// Measurement is one reading of a trigger. It is shared and must not be changed.
type Measurement struct {
	Metrics []Metric
	// Active is true if the source reports that there is work.
	Active bool
}

// Metric has the value of a metric and its target for one replica, both exact. The target is above 0.
type Metric struct{ Value, Target *big.Rat }

// Event returns the event for a measurement. The level is the number of replicas that the metrics ask for, in thousandths: the largest
// quotient of a value and its target, rounded up. input is true for the argument of a formula: its level is the value itself.
func (m Measurement) Event(input bool) scalers.Event {
	if input {
		return m.argument()
	}
	level := new(big.Rat)
	for _, each := range m.Metrics {
		if ratio := new(big.Rat).Quo(each.Value, each.Target); ratio.Cmp(level) > 0 {
			level = ratio
		}
	}
	e := scalers.Event{Value: roundUp(level), Activity: scalers.InactiveBySource}
	if m.Active {
		e.Activity = scalers.ActiveBySource
	}
	return e
}

// argument returns the event for the argument of a formula.
func (m Measurement) argument() scalers.Event {
	if len(m.Metrics) != 1 {
		return scalers.Event{Err: fmt.Errorf("a formula needs one value, but the server has %d metrics for this trigger", len(m.Metrics))}
	}
	return scalers.Event{Value: roundUp(m.Metrics[0].Value)}
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
