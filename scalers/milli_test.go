package scalers_test

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestMilli(t *testing.T) {
	t.Run("numbers are read exactly", testNumbersAreReadExactly)
	t.Run("a text that is not a number is refused", testTextThatIsNotNumberIsRefused)
	t.Run("NaN and infinity are not quantities", testNaNAndInfinityAreNotQuantities)
	t.Run("a float has its shortest text", testFloatHasItsShortestText)
	t.Run("millis are printed without trailing zeros", testMillisArePrintedWithoutTrailingZeros)
}

func testNumbersAreReadExactly(t *testing.T) {
	for text, want := range map[string]scalers.Milli{
		"0": 0, "-0": 0, "+7": 7000, "132": 132_000, "1.5": 1500, ".5": 500, "5.": 5000, "0.1": 100, "2.2": 2200, "007": 7000,
		// Finer than a thousandth is rounded away from zero.
		"0.0001": 1, "-0.0001": -1, "1.0001": 1001, "-1.0001": -1001, "1.0000": 1000, "1e-400": 1, "0.0009999999999999999999": 1,
		// Exponents and the suffixes of quantities.
		"1e3": 1_000_000, "1E3": 1_000_000, "1.5e+2": 150_000, "25e-1": 2500, "100m": 100, "1500u": 2, "1n": 1, "2k": 2_000_000,
		"3M": 3_000_000_000, "1G": 1_000_000_000_000, "1Ki": 1_024_000, "1.5Mi": 1_572_864_000, "1E": math.MaxInt64, "0Ei": 0,
		// Numbers that do not fit saturate.
		"1e30": math.MaxInt64, "-1e30": math.MinInt64, "1e999999999999999999999": math.MaxInt64, "1e-999999999999999999999": 1,
		"9223372036854775.807": math.MaxInt64, "9223372036854775.808": math.MaxInt64, "-9223372036854775.808": math.MinInt64,
		"0e999999999999999999999": 0, "16Ei": math.MaxInt64,
	} {
		if got, err := scalers.ParseMilli(text); err != nil || got != want {
			t.Errorf("parse %q: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func testTextThatIsNotNumberIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "-", "+", ".", "1 ", " 1", "1..2", "1.2.3", "1_000", "0x10", "1/2", "1e", "1e1.5", "1x", "1ki", "1 i", "1i", "1KMi", "--1", "e3", "m",
		"1mm", "1e3m", "١", "null", "1,5", strings.Repeat("1", 65),
	} {
		if got, err := scalers.ParseMilli(text); err == nil || errors.Is(err, scalers.ErrNotFinite) {
			t.Errorf("%q is %s, %v; want it refused", text, got, err)
		}
	}
}

func testNaNAndInfinityAreNotQuantities(t *testing.T) {
	for _, text := range []string{"NaN", "nan", "Inf", "+Inf", "-Inf", "Infinity", "-infinity"} {
		if _, err := scalers.ParseMilli(text); !errors.Is(err, scalers.ErrNotFinite) {
			t.Errorf("ParseMilli(%q): got the error %v, want ErrNotFinite", text, err)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := scalers.FromFloat(f); !errors.Is(err, scalers.ErrNotFinite) {
			t.Errorf("FromFloat(%v): got the error %v, want ErrNotFinite", f, err)
		}
	}
}

func testFloatHasItsShortestText(t *testing.T) {
	for f, want := range map[float64]scalers.Milli{
		0: 0, 0.1: 100, 2.2: 2200, 1e-9: 1, -0.25: -250, 1e21: math.MaxInt64, math.MaxFloat64: math.MaxInt64,
		math.SmallestNonzeroFloat64: 1, -1e300: math.MinInt64, 2251799813685249.5: 2251799813685249500,
	} {
		if got, err := scalers.FromFloat(f); err != nil || got != want {
			t.Errorf("%v is %d, %v; want %d", f, got, err, want)
		}
	}
}

func testMillisArePrintedWithoutTrailingZeros(t *testing.T) {
	for m, want := range map[scalers.Milli]string{
		0: "0", 1: "0.001", 1500: "1.5", 132_000: "132", -1: "-0.001", -2050: "-2.05", math.MaxInt64: "9223372036854775.807",
		math.MinInt64: "-9223372036854775.808",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d is %s, want %s", int64(m), got, want)
		}
	}
}

// FuzzParseMilli compares the result with a fraction of any size, where math/big can parse the notation.
func FuzzParseMilli(f *testing.F) {
	for _, seed := range []string{"1.5", "-0.0001", "1e3", "1E", "100m", "1Ki", "NaN", "9223372036854775.808", "1e-30", ".", "1e+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := scalers.ParseMilli(text)
		if err != nil {
			return
		}
		if back, err := scalers.ParseMilli(got.String()); err != nil || back != got {
			t.Errorf("ParseMilli(%q): got %s, which is parsed as %s, %v, want the same", text, got, back, err)
		}
		if exact := fraction(text); exact != nil && !roundedAway(exact, got) {
			t.Errorf("ParseMilli(%q): got %s, want %s rounded away from zero", text, got, exact.RatString())
		}
	})
}

// fraction returns the number as a fraction; nil when math/big does not know the notation, or the number is too large or small.
func fraction(text string) *big.Rat {
	if n := strings.IndexAny(text, "eE"); n >= 0 {
		if exponent, err := strconv.Atoi(text[n+1:]); err != nil || exponent > 50 || exponent < -50 {
			return nil
		}
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return exact
}

// roundedAway reports whether m is the thousandth next to exact, away from zero, or saturated.
func roundedAway(exact *big.Rat, m scalers.Milli) bool {
	if m == math.MaxInt64 || m == math.MinInt64 {
		return true
	}
	magnitude := new(big.Rat).Abs(exact)
	rounded := new(big.Rat).Abs(big.NewRat(int64(m), 1000))
	short := new(big.Rat).Sub(rounded, magnitude)
	return short.Sign() >= 0 && short.Cmp(big.NewRat(1, 1000)) < 0 && (m == 0 || exact.Sign() < 0 == (m < 0))
}
