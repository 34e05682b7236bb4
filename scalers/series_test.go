package scalers_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestSeries(t *testing.T) {
	t.Run("a series is parsed as promtool does", testSeriesIsParsedAsPromtoolDoes)
}

// expand parses promtool's notation: ax3 is a four times, a+bx3 is a, a+b, a+2b, a+3b; _ is no reading, _x3 three of them;
// err, stale and nan are failed readings.
func expand(t testing.TB, text string) []reading {
	t.Helper()
	var all []reading
	for field := range strings.FieldsSeq(text) {
		base, times, repeated := strings.Cut(field, "x")
		n := 0
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatalf("series %q: got %v, want a number after x", field, err)
			}
		}
		switch base {
		case "_":
			all = append(all, slices.Repeat([]reading{{none: true}}, max(n, 1))...)
			continue
		case "err", "stale", "nan":
			all = append(all, slices.Repeat([]reading{{failed: true}}, n+1)...)
			continue
		}
		first, by := base, "0"
		if i := strings.LastIndexAny(base, "+-"); i > 0 {
			first, by = base[:i], base[i:]
		}
		value, increment := number(t, first), number(t, by)
		for k := range n + 1 {
			all = append(all, reading{value: value + increment*scalers.Milli(k)})
		}
	}
	return all
}

func number(t testing.TB, text string) scalers.Milli {
	t.Helper()
	m, err := scalers.ParseMilli(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// nth returns the k-th reading. After the end of a series its last value repeats; an empty series has no readings.
func nth(series []reading, k int) reading {
	if len(series) == 0 {
		return reading{none: true}
	}
	return series[min(k, len(series)-1)]
}

func testSeriesIsParsedAsPromtoolDoes(t *testing.T) {
	got := expand(t, "100 4x2 0+10x2 9-2x2 _x2 err -1")
	want := []scalers.Milli{100, 4, 4, 4, 0, 10, 20, 9, 7, 5}
	for i, v := range want {
		if got[i].value != v*1000 {
			t.Errorf("value %d is %s, want %d", i, got[i].value, v)
		}
	}
	if rest := got[len(want):]; len(rest) != 4 || !rest[0].none || !rest[1].none || !rest[2].failed || rest[3].value != -1000 {
		t.Errorf("then got %v, want none twice, a failure and -1", rest)
	}
}
