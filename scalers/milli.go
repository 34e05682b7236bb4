package scalers

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Milli is a quantity in thousandths.
type Milli int64

// ErrNotFinite says that a number is NaN or infinite: it is no quantity.
var ErrNotFinite = errors.New("not a finite number")

// suffixes are those of Kubernetes quantities, as powers.
var suffixes = map[string]struct{ base, exponent int64 }{
	"n": {10, -9}, "u": {10, -6}, "m": {10, -3}, "k": {10, 3}, "M": {10, 6}, "G": {10, 9}, "T": {10, 12}, "P": {10, 15}, "E": {10, 18},
	"Ki": {2, 10}, "Mi": {2, 20}, "Gi": {2, 30}, "Ti": {2, 40}, "Pi": {2, 50}, "Ei": {2, 60},
}

// maxNumber is the longest text that is read as a number.
const maxNumber = 64

// ParseMilli reads a decimal number, with an exponent or a Kubernetes suffix (100m, 2k, 1Gi) or without. Digits finer
// than a thousandth are rounded away from zero, as Kubernetes does; what does not fit saturates. NaN and infinities are
// ErrNotFinite.
func ParseMilli(text string) (Milli, error) {
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case "nan", "inf", "infinity":
		return 0, fmt.Errorf("%q: %w", text, ErrNotFinite)
	}
	if text == "" || len(text) > maxNumber {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	digits, unit := text, big.NewRat(1, 1)
	if n := strings.IndexFunc(text, isLetter); n >= 0 && !isExponent(text[n:]) {
		suffix, ok := suffixes[text[n:]]
		if !ok {
			return 0, fmt.Errorf("%q is not a number: no such unit %q", text, text[n:])
		}
		digits, unit = text[:n], power(suffix.base, suffix.exponent)
	}
	value, err := parseDecimal(digits)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return roundMilli(value.Mul(value, unit)), nil
}

// FromFloat returns the quantity whose shortest decimal text is that of f.
func FromFloat(f float64) (Milli, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%v: %w", f, ErrNotFinite)
	}
	if math.Abs(f) >= math.MaxInt64/1000 {
		return saturated(f < 0), nil
	}
	return ParseMilli(strconv.FormatFloat(f, 'e', -1, 64))
}

// String returns m as a decimal number without trailing zeros: "132", "1.5".
func (m Milli) String() string {
	sign, magnitude := "", uint64(m)
	if m < 0 {
		sign, magnitude = "-", -uint64(m)
	}
	whole := sign + strconv.FormatUint(magnitude/1000, 10)
	part := strings.TrimRight(fmt.Sprintf("%03d", magnitude%1000), "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// isExponent reports whether text is e or E and an integer; a lone E is the suffix.
func isExponent(text string) bool {
	_, err := strconv.Atoi(strings.TrimLeft(text, "eE"))
	return err == nil && (text[0] == 'e' || text[0] == 'E') && len(text) <= 6
}

// parseDecimal reads a decimal number with an optional small exponent.
func parseDecimal(text string) (*big.Rat, error) {
	if strings.ContainsAny(text, "/_xXpPoObB") {
		return nil, strconv.ErrSyntax
	}
	if n := strings.IndexAny(text, "eE"); n >= 0 {
		exponent, err := strconv.Atoi(text[n+1:])
		if err != nil || exponent > 400 || exponent < -400 {
			return nil, strconv.ErrRange
		}
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, strconv.ErrSyntax
	}
	return value, nil
}

func power(base, exponent int64) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(base), big.NewInt(max(exponent, -exponent)), nil)
	if exponent < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}

// roundMilli rounds away from zero to thousandths and saturates.
func roundMilli(value *big.Rat) Milli {
	value.Mul(value, big.NewRat(1000, 1))
	quo, rem := new(big.Int).QuoRem(value.Num(), value.Denom(), new(big.Int))
	if rem.Sign() != 0 {
		quo.Add(quo, big.NewInt(int64(value.Sign())))
	}
	if !quo.IsInt64() {
		return saturated(quo.Sign() < 0)
	}
	return Milli(quo.Int64())
}

func saturated(negative bool) Milli {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}
