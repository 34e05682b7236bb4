package builtin

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestNumbers(t *testing.T) {
	t.Run("a number that cannot be held is refused by every kind with the bound", testNumberThatCannotBeHeldIsRefusedByEveryKindWithBound)
	t.Run("every number of every kind is stored exactly or refused", testEveryNumberOfEveryKindIsStoredExactlyOrRefused)
}

// decodeWith sets one field of a kind's example, and returns the config, if there is one, and what is wrong with the field.
func decodeWith(k triggers.Kind, key, text string) (triggers.Config, string) {
	metadata := maps.Clone(k.Example)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[key] = text
	config, err := k.Decode(metadata)
	for _, e := range triggers.FieldErrors(err) {
		if e.Field == key {
			return config, e.Problem
		}
	}
	return config, ""
}

func testNumberThatCannotBeHeldIsRefusedByEveryKindWithBound(t *testing.T) {
	bounds := map[string]map[string]string{
		"number": {
			"0.0005": "0.001, the smallest", "1e-9": "0.001, the smallest", "33.3333": "write 33.333 or 33.334", "1e16": "9223372036854775.807, the largest",
		},
		"integer":  {"99999999999999999999": ", the largest number", "-99999999999999999999": ", the smallest number"},
		"duration": {"0.5ns": "1ns, the shortest", "9999999h": "2562047h47m16.854775807s, the longest", "99999999999999999999": "the longest"},
	}
	seen := map[string]int{}
	for _, k := range Kinds() {
		for _, f := range k.Fields {
			for text, want := range bounds[f.Type] {
				seen[f.Type]++
				if config, problem := decodeWith(k, f.Key, text); config != nil || !strings.Contains(problem, want) {
					t.Errorf("%s, %s: %s: got %q, want %q", k.Name, f.Key, text, problem, want)
				}
			}
		}
	}
	if len(seen) != len(bounds) {
		t.Errorf("fields were seen of %v", seen)
	}
}

func testEveryNumberOfEveryKindIsStoredExactlyOrRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	taken := 0
	for _, k := range Kinds() {
		for i, f := range k.Fields {
			for range 2000 {
				if f.Type == "number" && checkNumber(t, r, k, i) {
					taken++
				}
			}
		}
	}
	if taken < 1000 {
		t.Errorf("only %d numbers were taken", taken)
	}
}

// checkNumber decodes a random number as field i of a kind. If it is accepted, it must be what was written. If it cannot be stored,
// the error must name the bound. checkNumber reports whether the number is part of a config.
func checkNumber(t *testing.T, r *rand.Rand, k triggers.Kind, i int) bool {
	t.Helper()
	text := fmt.Sprintf("%d.%0*de%d", r.IntN(1_000_000), 1+r.IntN(8), r.IntN(1000), r.IntN(24)-12)
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%s is no number", text)
	}
	thousandths := exact.Mul(exact, big.NewRat(1000, 1))
	possible := thousandths.IsInt() && thousandths.Cmp(new(big.Rat).SetInt64(math.MaxInt64)) <= 0
	config, problem := decodeWith(k, k.Fields[i].Key, text)
	if strings.Contains(problem, " that is possible") == possible {
		t.Errorf("%s, %s: %s: got %q", k.Name, k.Fields[i].Key, text, problem)
	}
	if config == nil {
		return false
	}
	got, ok := reflect.TypeAssert[scalers.Milli](fieldOf(reflect.ValueOf(config), k.Fields[i].Key))
	if !ok || new(big.Rat).SetInt64(int64(got)).Cmp(thousandths) != 0 {
		t.Errorf("%s, %s: %s became %s", k.Name, k.Fields[i].Key, text, got)
	}
	return true
}

// fieldOf returns the field of a config with a key; the zero Value if there is none. The config may embed structs.
func fieldOf(config reflect.Value, key string) reflect.Value {
	for i := range config.NumField() {
		f := config.Type().Field(i)
		if f.Tag.Get("json") == key {
			return config.Field(i)
		}
		if f.Anonymous {
			if found := fieldOf(config.Field(i), key); found.IsValid() {
				return found
			}
		}
	}
	return reflect.Value{}
}
