package external

import (
	"errors"
	"math"
	"math/big"
	"strconv"
)

var (
	errNegative  = errors.New("is negative")
	errNotFinite = errors.New("is not a finite number")
)

// amount returns the number that a server sends as an integer and as a float. The float counts unless it is 0. Then the integer counts:
// older servers do not send the float.
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
