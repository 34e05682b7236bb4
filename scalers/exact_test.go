package scalers_test

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestExact(t *testing.T) {
	t.Run("a number of a user is stored exactly or refused with the bound", testNumberOfUserIsStoredExactlyOrRefusedWithBound)
	t.Run("a share is stored in millionths or refused with the bound", testShareIsStoredInMillionthsOrRefusedWithBound)
	t.Run("any decimal is stored exactly or refused with the bound", testAnyDecimalIsStoredExactlyOrRefusedWithBound)
}

const (
	finest  = "0.001, the smallest step that is possible"
	largest = "9223372036854775.807, the largest number that is possible"
	lowest  = "-9223372036854775.807, the smallest number that is possible"
)

func testNumberOfUserIsStoredExactlyOrRefusedWithBound(t *testing.T) {
	for text, want := range map[string]scalers.Milli{
		"0": 0, "-0.000": 0, "1.5": 1500, "0.001": 1, "1e-3": 1, "1m": 1, "1000u": 1, "1.50000": 1500, "2.2e1": 22_000, "200Mi": 209_715_200_000,
		"9223372036854775.807": math.MaxInt64, "-9223372036854775.807": -math.MaxInt64, "0e999999999999": 0,
	} {
		if got, err := scalers.ParseExact(text); err != nil || got != want {
			t.Errorf("parse %q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"0.0005":               "0.0005 is finer than " + finest,
		"1e-9":                 "1e-9 is finer than " + finest,
		"-0.0005":              "-0.0005 is finer than " + finest,
		"500u":                 "500u is finer than " + finest,
		"33.3333":              "33.3333 is finer than " + finest + ": write 33.333 or 33.334",
		"-1.0005":              "-1.0005 is finer than " + finest + ": write -1 or -1.001",
		"1e-999999999":         "1e-999999999 is finer than " + finest,
		"9.3e15":               "9.3e15 is above " + largest,
		"16Ei":                 "16Ei is above " + largest,
		"1e999999999":          "1e999999999 is above " + largest,
		"9223372036854775.808": "9223372036854775.808 is above " + largest,
		"-1e16":                "-1e16 is below " + lowest,
		"many":                 `"many" is not a number`,
	} {
		if got, err := scalers.ParseExact(text); err == nil || err.Error() != want {
			t.Errorf("ParseExact(%q): got %d, %v, want the error %s", text, got, err, want)
		}
	}
	if _, err := scalers.ParseExact("NaN"); !errors.Is(err, scalers.ErrNotFinite) {
		t.Errorf("ParseExact(NaN): got the error %v, want %v", err, scalers.ErrNotFinite)
	}
}

func testShareIsStoredInMillionthsOrRefusedWithBound(t *testing.T) {
	for text, want := range map[string]int64{"0.1": 100_000, "100m": 100_000, "0.000001": 1, "1u": 1, "0": 0, "9223372036854.775807": math.MaxInt64} {
		if got, err := scalers.ParseMillionths(text); err != nil || got != want {
			t.Errorf("parse %q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"1n": "finer than 0.000001, the smallest", "0.0000015": "write 0.000001 or 0.000002", "10T": "above 9223372036854.775807, the largest",
	} {
		if got, err := scalers.ParseMillionths(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseExact(%q): got %d, %v, want the error %s", text, got, err, want)
		}
	}
}

// units are the factors of the suffixes, as fractions.
var units = map[string]string{
	"": "1", "n": "1/1000000000", "u": "1/1000000", "m": "1/1000", "k": "1000", "M": "1000000", "G": "1000000000", "T": "1000000000000",
	"P": "1000000000000000", "E": "1000000000000000000", "Ki": "1024", "Mi": "1048576", "Gi": "1073741824", "Ti": "1099511627776",
	"Pi": "1125899906842624", "Ei": "1152921504606846976",
}

func testAnyDecimalIsStoredExactlyOrRefusedWithBound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	suffixes := make([]string, 0, len(units))
	for suffix := range units {
		suffixes = append(suffixes, suffix)
	}
	accepted := 0
	for range 100_000 {
		text := []string{"", "-", "+"}[r.IntN(3)] + digits(r, 1+r.IntN(20))
		if r.IntN(2) == 0 {
			text += "." + digits(r, r.IntN(12))
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s: got no fraction, want one", text)
		}
		suffix := "e" + strconv.Itoa(r.IntN(40)-20)
		factor := "1" + suffix
		if r.IntN(2) == 0 {
			suffix = suffixes[r.IntN(len(suffixes))]
			factor = units[suffix]
		}
		by, ok := new(big.Rat).SetString(factor)
		if !ok {
			t.Fatalf("%s: got no fraction, want one", factor)
		}
		if checkExact(t, text+suffix, exact.Mul(exact, by)) {
			accepted++
		}
	}
	if accepted < 10_000 || accepted > 90_000 {
		t.Errorf("%d of 100000 numbers were accepted, want 10000 to 90000: the test covers too little of one side", accepted)
	}
}

// digits returns n random digits, many of which are 0.
func digits(r *rand.Rand, n int) string {
	var out strings.Builder
	for range n {
		if r.IntN(2) == 0 {
			out.WriteByte('0')
		} else {
			out.WriteByte(byte('0' + r.IntN(10)))
		}
	}
	return out.String()
}

// checkExact checks that a number is accepted if thousandths can represent it, and that the error names the bound if not. It
// reports whether it was accepted.
func checkExact(t *testing.T, text string, exact *big.Rat) bool {
	t.Helper()
	thousandths := new(big.Rat).Mul(exact, big.NewRat(1000, 1))
	most := new(big.Rat).SetInt64(math.MaxInt64)
	got, err := scalers.ParseExact(text)
	size := new(big.Rat).Abs(thousandths)
	switch beyond := size.Cmp(most) > 0; {
	case !beyond && thousandths.IsInt():
		if err != nil || new(big.Rat).SetInt64(int64(got)).Cmp(thousandths) != 0 {
			t.Errorf("ParseExact(%q): got %s, %v, want exactly %s thousandths", text, got, err, thousandths.RatString())
		}
	case err == nil:
		t.Errorf("ParseExact(%q): got %s without an error, want one: thousandths cannot represent it", text, got)
	case beyond && !strings.Contains(err.Error(), "9223372036854775.807") && !strings.Contains(err.Error(), finest):
		t.Errorf("ParseExact(%q): got the error %v, want it to name the bound", text, err)
	case !beyond && !strings.Contains(err.Error(), finest):
		t.Errorf("ParseExact(%q): got the error %v, want it to name the smallest step", text, err)
	}
	return err == nil
}

// FuzzParseExact compares the result for any text with a fraction of any size, where math/big can parse the notation.
func FuzzParseExact(f *testing.F) {
	for _, seed := range []string{"1.5", "-0.0005", "1e-9", "9.3e15", "9223372036854775.808", "100m", "33.3333", "1e+", "0x1", "1_0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		measured, bad := scalers.ParseMilli(text)
		got, err := scalers.ParseExact(text)
		if bad != nil {
			if err == nil || err.Error() != bad.Error() {
				t.Errorf("%q: ParseExact gives %s, %v, and ParseMilli the error %v, want the same error", text, got, err, bad)
			}
			return
		}
		if err == nil && got != measured {
			t.Errorf("%q: ParseExact gives %s, and ParseMilli %s, want the same", text, got, measured)
		}
		if exact := fraction(text); exact != nil {
			checkExact(t, text, exact)
		}
	})
}
