package scalers

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Milli is a quantity in thousandths: Milli(1500) is 1.5.
type Milli int64

// milliPlaces are the decimal places of a Milli.
const milliPlaces = 3

// ErrNotFinite is returned for NaN and infinities, which are no quantities.
var ErrNotFinite = errors.New("not a finite number")

// errNotNumber is returned for a text that is no number.
var errNotNumber = errors.New("not a number")

// maxNumber is the greatest length of a number, in bytes. Every int64, and every float64 in its shortest text with an
// exponent, is shorter.
const maxNumber = 64

// ParseMilli parses a decimal number that was measured: plain (1.5), with an exponent (1e3) or with the suffix of a Kubernetes
// quantity (100m, 2k, 1Gi). It rounds digits finer than a thousandth away from zero, as Kubernetes does, and saturates. The
// error is ErrNotFinite for NaN and infinities. For numbers that a user wrote, see [ParseExact].
func ParseMilli(text string) (Milli, error) {
	d, err := readDecimal(text)
	if err != nil {
		return 0, err
	}
	n, _ := d.scaled(milliPlaces)
	return Milli(n), nil
}

// readDecimal parses a number in the notation of ParseMilli, with any exponent.
func readDecimal(text string) (decimal, error) {
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case "nan", "inf", "infinity":
		return decimal{}, fmt.Errorf("%q is %w", text, ErrNotFinite)
	}
	d, ok := parseDecimal(text)
	if !ok {
		return decimal{}, fmt.Errorf("%.*q is %w", maxNumber, text, errNotNumber)
	}
	return d, nil
}

// FromFloat converts f by way of its shortest decimal text, so that 0.1 is exactly 100 thousandths. It rounds and saturates as
// [ParseMilli] does, and returns ErrNotFinite for NaN and infinities.
func FromFloat(f float64) (Milli, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%v is %w", f, ErrNotFinite)
	}
	return ParseMilli(strconv.FormatFloat(f, 'e', -1, 64))
}

// String returns m as a decimal number without trailing zeros: "132", "1.5".
func (m Milli) String() string { return decimalText(int64(m), milliPlaces) }

// decimalText formats n × 10^-places without trailing zeros.
func decimalText(n int64, places int) string {
	sign, magnitude := "", uint64(n)
	if n < 0 {
		sign, magnitude = "-", -uint64(n)
	}
	unit := uint64(1)
	for range places {
		unit *= 10
	}
	whole := sign + strconv.FormatUint(magnitude/unit, 10)
	part := magnitude % unit
	if part == 0 {
		return whole
	}
	return whole + "." + strings.TrimRight(strconv.FormatUint(unit+part, 10)[1:], "0")
}

// decimal is ± digits × 10^ten × 2^two.
type decimal struct {
	negative bool
	// digits has no leading zeros; empty is zero.
	digits   string
	ten, two int
}

// parseDecimal parses a finite number; false when the text is none.
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

// unit parses the text after the digits into powers of ten and two: nothing, an exponent, or a suffix.
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

// loss is what a conversion to an integer loses.
type loss uint8

const (
	lossless loss = iota
	rounded
	saturated
)

// scaled returns d × 10^places, rounded away from zero and saturated.
func (d decimal) scaled(places int) (int64, loss) {
	ten := d.ten + places
	switch {
	case d.digits == "":
		return 0, lossless
	case len(d.digits)+ten > 20:
		return d.most(), saturated
	case len(d.digits)+ten < -20:
		return d.sign(1), rounded
	case len(d.digits) <= 15 && ten >= 0 && ten <= 3 && d.two == 0:
		n, _ := strconv.ParseInt(d.digits, 10, 64)
		return d.sign(n * [...]int64{1, 10, 100, 1000}[ten]), lossless
	}
	n, _ := new(big.Int).SetString(d.digits, 10)
	n.Lsh(n, uint(d.two))
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(ten, -ten))), nil)
	lost := lossless
	if ten >= 0 {
		n.Mul(n, power)
	} else {
		rest := new(big.Int)
		if n.QuoRem(n, power, rest); rest.Sign() > 0 {
			n.Add(n, big.NewInt(1))
			lost = rounded
		}
	}
	if !n.IsInt64() {
		return d.most(), saturated
	}
	return d.sign(n.Int64()), lost
}

func (d decimal) sign(magnitude int64) int64 {
	if d.negative {
		return -magnitude
	}
	return magnitude
}

// most is the number to which a number that does not fit saturates.
func (d decimal) most() int64 {
	if d.negative {
		return math.MinInt64
	}
	return math.MaxInt64
}
