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

// errNotNumber says that a text is no number at all.
var errNotNumber = errors.New("not a number")

// maxNumber is the longest text that is read as a number, in bytes: any float64 and any int64 is shorter.
const maxNumber = 64

// ParseMilli reads a decimal number, plain (1.5), with an exponent (1e3) or with the suffix of a Kubernetes quantity (100m,
// 2k, 1Gi). Digits finer than a thousandth are rounded away from zero, as Kubernetes does; what does not fit saturates. NaN
// and infinities are ErrNotFinite.
func ParseMilli(text string) (Milli, error) {
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case "nan", "inf", "infinity":
		return 0, fmt.Errorf("%q is %w", text, ErrNotFinite)
	}
	d, ok := parseDecimal(text)
	if !ok {
		return 0, fmt.Errorf("%.*q is %w", maxNumber, text, errNotNumber)
	}
	return d.milli(), nil
}

// FromFloat returns the quantity whose shortest decimal text is that of f: 0.1 is 100 thousandths exactly.
func FromFloat(f float64) (Milli, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%v is %w", f, ErrNotFinite)
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
	part := magnitude % 1000
	if part == 0 {
		return whole
	}
	return whole + "." + strings.TrimRight(strconv.FormatUint(1000+part, 10)[1:], "0")
}

// decimal is ± digits × 10^ten × 2^two.
type decimal struct {
	negative bool
	// digits has no leading zeros; empty is zero.
	digits   string
	ten, two int
}

// parseDecimal reads what ParseMilli promises, without limits to the exponent.
func parseDecimal(text string) (decimal, bool) {
	var d decimal
	if len(text) > maxNumber {
		return d, false
	}
	if text != "" && (text[0] == '+' || text[0] == '-') {
		d.negative, text = text[0] == '-', text[1:]
	}
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
		end++
	}
	whole, part, _ := strings.Cut(text[:end], ".")
	if whole+part == "" || strings.Contains(part, ".") {
		return d, false
	}
	ten, two, ok := unit(text[end:])
	d.digits, d.ten, d.two = strings.TrimLeft(whole+part, "0"), ten-len(part), two
	return d, ok
}

// unit reads what may follow the digits, as powers of ten and two: nothing, an exponent, or a suffix.
func unit(text string) (ten, two int, ok bool) {
	if len(text) > 1 && (text[0] == 'e' || text[0] == 'E') && text != "Ei" {
		ten, err := strconv.Atoi(text[1:])
		if errors.Is(err, strconv.ErrRange) {
			ten, err = math.MaxInt32, nil
			if text[1] == '-' {
				ten = math.MinInt32
			}
		}
		return min(max(ten, math.MinInt32), math.MaxInt32), 0, err == nil
	}
	if power, found := strings.CutSuffix(text, "i"); found {
		n := strings.Index("KMGTPE", power)
		return 0, 10 * (n + 1), len(power) == 1 && n >= 0
	}
	const suffixes = "num kMGTPE"
	if text == "" {
		return 0, 0, true
	}
	n := strings.Index(suffixes, text)
	return 3*n - 9, 0, len(text) == 1 && n >= 0 && text != " "
}

// milli rounds away from zero to thousandths and saturates.
func (d decimal) milli() Milli {
	ten := d.ten + 3
	switch {
	case d.digits == "":
		return 0
	case len(d.digits)+ten > 20:
		return saturated(d.negative)
	case len(d.digits)+ten < -20:
		return d.sign(1)
	case len(d.digits) <= 15 && ten >= 0 && ten <= 3 && d.two == 0:
		n, _ := strconv.ParseInt(d.digits, 10, 64)
		return d.sign(n * [...]int64{1, 10, 100, 1000}[ten])
	}
	n, _ := new(big.Int).SetString(d.digits, 10)
	n.Lsh(n, uint(d.two))
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(ten, -ten))), nil)
	if ten >= 0 {
		n.Mul(n, power)
	} else {
		rest := new(big.Int)
		if n.QuoRem(n, power, rest); rest.Sign() > 0 {
			n.Add(n, big.NewInt(1))
		}
	}
	if !n.IsInt64() {
		return saturated(d.negative)
	}
	return d.sign(n.Int64())
}

func (d decimal) sign(magnitude int64) Milli {
	if d.negative {
		return Milli(-magnitude)
	}
	return Milli(magnitude)
}

func saturated(negative bool) Milli {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}
