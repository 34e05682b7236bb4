package prometheus

import (
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestValue(t *testing.T) {
	t.Run("one number is a level", testOneNumberIsLevel)
	t.Run("every other result is unknown", testEveryOtherResultIsUnknown)
}

func vector(numbers ...float64) model.Vector {
	v := model.Vector{}
	for _, n := range numbers {
		v = append(v, &model.Sample{Value: model.SampleValue(n)})
	}
	return v
}

func testOneNumberIsLevel(t *testing.T) {
	for name, c := range map[string]struct {
		answer model.Value
		zero   triggers.Zeros
		want   scalers.Milli
	}{
		"a vector of one element":               {vector(12.5), triggers.Zeros{}, 12_500},
		"a scalar":                              {&model.Scalar{Value: 3}, triggers.Zeros{}, 3000},
		"a true zero":                           {vector(0), triggers.Zeros{}, 0},
		"a negative zero":                       {vector(math.Copysign(0, -1)), triggers.Zeros{}, 0},
		"a decimal is itself, not its fraction": {vector(0.1), triggers.Zeros{}, 100},
		"finer digits round away from zero":     {vector(1.00001), triggers.Zeros{}, 1001},
		"a huge number saturates":               {vector(1e300), triggers.Zeros{}, math.MaxInt64},
		"empty, when the user wants 0":          {vector(), triggers.Zeros{Null: true}, 0},
		"NaN, when the user wants 0":            {vector(math.NaN()), triggers.Zeros{Null: true}, 0},
		"infinite, when the user wants 0":       {vector(math.Inf(1)), triggers.Zeros{Null: true}, 0},
		"negative, when the user wants 0":       {vector(-3), triggers.Zeros{Negative: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := level(c.answer, c.zero)
			if err != nil || got != c.want {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func testEveryOtherResultIsUnknown(t *testing.T) {
	all := triggers.Zeros{Null: true, Negative: true}
	for name, c := range map[string]struct {
		answer model.Value
		zero   triggers.Zeros
		reason string
	}{
		"empty":                             {vector(), triggers.Zeros{Negative: true}, "empty"},
		"NaN":                               {vector(math.NaN()), triggers.Zeros{Negative: true}, "is NaN (a division by 0? ignoreNullValues reads it as 0)"},
		"infinite":                          {vector(math.Inf(1)), triggers.Zeros{Negative: true}, "is +Inf"},
		"negatively infinite":               {vector(math.Inf(-1)), triggers.Zeros{Negative: true}, "is -Inf"},
		"negative":                          {vector(-0.5), triggers.Zeros{Null: true}, "is negative: -0.5"},
		"several elements, for all options": {vector(1, 2), all, "has 2 elements"},
		"a range, for all options":          {model.Matrix{}, all, "range of samples"},
		"a string, for all options":         {&model.String{Value: "7"}, all, "no result"},
		"nothing, for all options":          {nil, all, "no result"},
		"a histogram, for all options":      {model.Vector{{Histogram: &model.SampleHistogram{}}}, all, "histogram"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := level(c.answer, c.zero)
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, %v; want an error with %q", got, err, c.reason)
			}
		})
	}
}
