package quantity

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/scalers"
)

func TestMilli(t *testing.T) {
	t.Parallel()
	t.Run("a quantity is read in thousandths", testQuantityIsReadInThousandths)
	t.Run("an absent quantity is not zero", testAbsentQuantityIsNotZero)
}

func testQuantityIsReadInThousandths(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]scalers.Milli{
		"0": 0, "0m": 0, "1": 1000, "1500m": 1500, "2k": 2_000_000, "1Ki": 1_024_000, "-5": -5000,
		"1n": 1, "-1n": -1, "-0.0000000000000000001": -1, "100200u": 101, "1.5e3": 1_500_000,
		"1e30": math.MaxInt64, "-1e30": -math.MaxInt64, "99999999999999999999Ei": math.MaxInt64, "9223372036854775": 9223372036854775000, "9223372036854776": math.MaxInt64,
	} {
		if got, ok := Milli(resource.MustParse(text)); got != want || !ok {
			t.Errorf("Milli(%s): got %d, %t, want %d", text, got, ok, want)
		}
	}
}

func testAbsentQuantityIsNotZero(t *testing.T) {
	t.Parallel()
	for answer, known := range map[string]bool{`{}`: false, `{"value":null}`: false, `{"value":"0"}`: true, `{"value":0}`: true} {
		var decoded struct {
			Value resource.Quantity `json:"value"`
		}
		if err := json.Unmarshal([]byte(answer), &decoded); err != nil {
			t.Fatal(err)
		}
		if got, ok := Milli(decoded.Value); got != 0 || ok != known {
			t.Errorf("Milli of %s: got %d, %t, want 0, %t", answer, got, ok, known)
		}
	}
}

// FuzzMilli compares Milli with arithmetic of any precision.
func FuzzMilli(f *testing.F) {
	for _, seed := range []string{"0", "1", "-1n", "1500m", "1e30", "9223372036854775807", "-9223372036854775.808", "12345678901234567890Ki"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(q.AsDec().String())
		if !ok {
			t.Fatalf("the decimal form of %q is no number", text)
		}
		got, known := Milli(q)
		if !known {
			t.Fatalf("Milli(%q): got unknown, want a number", text)
		}
		if want := milli(exact); want.Cmp(big.NewInt(int64(got))) != 0 {
			t.Errorf("Milli(%q): got %d, want %s", text, got, want)
		}
	})
}

// milli returns a number in thousandths, rounded away from zero and saturated.
func milli(exact *big.Rat) *big.Int {
	n := new(big.Rat).Mul(exact, big.NewRat(1000, 1))
	whole, rest := new(big.Int).QuoRem(n.Num(), n.Denom(), new(big.Int))
	whole.Add(whole, big.NewInt(int64(rest.Sign())))
	for _, limit := range []*big.Int{big.NewInt(math.MaxInt64), big.NewInt(-math.MaxInt64)} {
		if whole.Cmp(limit)*limit.Sign() > 0 {
			return limit
		}
	}
	return whole
}
