package database

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestLevel(t *testing.T) {
	t.Run("a number is read exactly and rounded up to thousandths", testNumberIsReadExactlyAndRoundedUpToThousandths)
	t.Run("a text that is not exactly a number is unknown", testTextThatIsNotExactlyNumberIsUnknown)
}

func testNumberIsReadExactlyAndRoundedUpToThousandths(t *testing.T) {
	zeros, nines := strings.Repeat("0", 100), strings.Repeat("9", 65)
	for text, want := range map[string]scalers.Milli{
		"0": 0, "-0": 0, "-0.000": 0, "7": 7000, "+7": 7000, "7.": 7000, ".5": 500, "1e3": 1_000_000, "1.5E-1": 150, "9007199254740993": 9007199254740993_000,
		"0.0001": 1, "1.0010": 1001, "1.0011": 1002, "007.5": 7500, "1e-400": 1, "1e400": math.MaxInt64,
		"1." + zeros: 1000, "1." + zeros + "1": 1001, zeros + "1.5": 1500, nines: math.MaxInt64, nines[:35] + "." + nines[:30]: math.MaxInt64,
		"1" + zeros: math.MaxInt64, "12." + nines: 13_000,
	} {
		if got, err := level(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func testTextThatIsNotExactlyNumberIsUnknown(t *testing.T) {
	for text, want := range map[string]error{
		"": errText, " 1": errText, "1 ": errText, "1\n": errText, "5m": errText, "1Ki": errText, "1k": errText, "1E": errText, "0x10": errText, "1_000": errText,
		"1,5": errText, "true": errText, "١": errText, ".": errText, "-": errText, "--1": errText, "1e": errText, "many": errText, "\x31\x00": errText,
		"NaN": errNaN, "nan": errNaN, "-NaN": errNaN, "Infinity": errInfinite, "-Infinity": errInfinite, "inf": errInfinite, "+Inf": errInfinite,
	} {
		if got, err := level(text); err == nil || err.Error() != want.Error() {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "-0.001", "-1e30", "-" + strings.Repeat("9", 80)} {
		if got, err := level(text); err == nil || !strings.HasPrefix(err.Error(), "the answer is negative: -") {
			t.Errorf("%q: got %v, %v, want an error about a negative number", text, got, err)
		}
	}
}

// FuzzLevel: a text is a level only if it is a number, which is then rounded up to a thousandth at most.
func FuzzLevel(f *testing.F) {
	for _, text := range []string{"1.5", "0.0001", "-0", "1e3", "5m", "NaN", "9999999999999999999999999999999999999999999999999999999999999999999.9", "1e999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := level(text)
		if err != nil {
			return
		}
		if _, exponent, _ := strings.Cut(strings.ToLower(text), "e"); len(text) > 200 || len(exponent) > 4 {
			return // big.Rat would need too long.
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number, and was read as %s", text, got)
		}
		exact.Mul(exact, big.NewRat(1000, 1))
		if exact.Cmp(new(big.Rat).SetInt64(math.MaxInt64)) >= 0 {
			if got != math.MaxInt64 {
				t.Errorf("%s was read as %s", text, got)
			}
			return
		}
		excess := new(big.Rat).Sub(new(big.Rat).SetInt64(int64(got)), exact)
		if got < 0 || excess.Sign() < 0 || excess.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Errorf("%s was read as %s", text, got)
		}
	})
}
