package kafka

import (
	"strings"
	"testing"
)

func TestLimitation(t *testing.T) {
	t.Run("numbers and ranges are read as KEDA reads them", testNumbersAndRangesAreReadAsKEDAReadsThem)
	t.Run("anything else is refused", testAnythingElseIsRefused)
}

func testNumbersAndRangesAreReadAsKEDAReadsThem(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "1,3": "1,3", "2-4": "2,3,4", "0-1, 4 - 5": "0,1,4,5", "3-3": "3", "0-2147483647": "0,1,2,3,4,5",
	} {
		l, err := parseLimitation(strings.Split(text, ","))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got []string
		for id := range int32(6) {
			if l.includes(id) {
				got = append(got, string('0'+id))
			}
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: got %v of the partitions 0 to 5, want %s", text, got, want)
		}
	}
	if !limitation(nil).includes(7) {
		t.Error("without a limitation, a partition does not count")
	}
}

func testAnythingElseIsRefused(t *testing.T) {
	for _, text := range []string{"x", "-1", "1-", "3-1", "1-2-3", "1.5", "2147483648", " "} {
		if l, err := parseLimitation([]string{text}); err == nil {
			t.Errorf("%q: got %v, want an error", text, l)
		}
	}
}

// FuzzLimitation: what is accepted includes the ends of each range.
func FuzzLimitation(f *testing.F) {
	for _, text := range []string{"1", "1-2", "a", "1-2-3", "2147483647"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLimitation([]string{text})
		if err != nil {
			return
		}
		for _, r := range l {
			if r.first < 0 || !l.includes(r.first) || !l.includes(r.last) {
				t.Errorf("%q: %v does not include its ends", text, r)
			}
		}
	})
}
