package prometheus

import (
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// level returns the number in an answer. It is never negative.
func level(v model.Value, zero triggers.Zeros) (scalers.Milli, error) {
	number, err := single(v)
	missing := errors.Is(err, errEmpty) || math.IsNaN(number) || math.IsInf(number, 0)
	switch {
	case missing && zero.Null:
		return 0, nil
	case err != nil:
		return 0, err
	case missing:
		return 0, fmt.Errorf("the answer is %v (a division by 0? ignoreNullValues reads it as 0)", model.SampleValue(number))
	case number < 0 && zero.Negative:
		return 0, nil
	case number < 0:
		return 0, triggers.VaryingErrorf("the answer is negative: %v", model.SampleValue(number))
	}
	return scalers.FromFloat(number)
}

// errEmpty is returned for a query that selects no series.
var errEmpty = errors.New("the answer is empty: no series matches the query")

// single returns the number of a scalar or of a vector with one element.
func single(v model.Value) (float64, error) {
	switch v := v.(type) {
	case *model.Scalar:
		return float64(v.Value), nil
	case model.Vector:
		switch {
		case len(v) == 0:
			return 0, errEmpty
		case len(v) > 1:
			return 0, triggers.VaryingErrorf("the answer has %d elements: wrap the query in sum() or max()", len(v))
		case v[0] == nil || v[0].Histogram != nil:
			return 0, errors.New("the answer is a histogram, not a number: wrap the query in histogram_quantile() or histogram_count()")
		}
		return float64(v[0].Value), nil
	case model.Matrix:
		return 0, errors.New("the answer is a range of samples: remove the range selector or wrap it in a function such as rate()")
	}
	return 0, errors.New("the answer has no result")
}
