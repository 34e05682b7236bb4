package policytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestSeries(t *testing.T) {
	t.Run("a series is promtool's", testSeriesIsPromtools)
	t.Run("an invalid series is reported with the wrong part", testInvalidSeriesIsReportedWithWrongPart)
}

// spellOut writes the readings of a series one by one, up to a thousand.
func spellOut(s engine.Series) string {
	var out []string
	for k := range min(s.Len(), 1000) {
		switch answer, value := s.At(k); answer {
		case engine.Number:
			out = append(out, value.String())
		case engine.Silent:
			out = append(out, "_")
		default:
			out = append(out, map[engine.Answer]string{engine.Failed: "err", engine.Stale: "stale", engine.NaN: "nan", engine.Infinite: "inf"}[answer])
		}
	}
	return strings.Join(out, " ")
}

func testSeriesIsPromtools(t *testing.T) {
	for text, want := range map[string]string{
		"100 400x3 0+10x5 _ err stale nan":    "100 400 400 400 400 0 10 20 30 40 50 _ err stale nan",
		"_x3 1":                               "_ _ _ 1",
		"errx1 stalex1 NaNx1 Inf -Inf +infx1": strings.Repeat("err ", 2) + strings.Repeat("stale ", 2) + strings.Repeat("nan ", 2) + "inf" + strings.Repeat(" inf", 3),
		"5-2x3":                               "5 3 1 -1",
		"-1":                                  "-1",
		"-1-1x2":                              "-1 -2 -3",
		"1e3 1e-3x1 1e+2+1e1x2":               "1000 0.001 0.001 100 110 120",
		".5+.25x2 2.":                         "0.5 0.75 1 2",
		"100m 2k 1Mi+1Mix1":                   "0.1 2000 1048576 2097152",
		"1x0 2+1x0":                           "1 2",
		" 1\n\t2  3 ":                         "1 2 3",
		"+3":                                  "3",
	} {
		s, wrong := parseSeries(text)
		if wrong != nil || spellOut(s) != want {
			t.Errorf("got the series %s (%v) of %q, want %s", spellOut(s), wrong, text, want)
		}
	}
}

func testInvalidSeriesIsReportedWithWrongPart(t *testing.T) {
	for text, want := range map[string]seriesError{
		"":                 {0, 0, "", "is empty"},
		"1 x 2":            {2, 2, "x", "is no value"},
		"1 2 3,4":          {4, 3, "3,4", "is no value"},
		"1x":               {0, 1, "1x", "is no value"},
		"1 _x":             {2, 2, "_x", "has no number after x"},
		"errx-1":           {0, 1, "errx-1", "has no number after x"},
		"_x0":              {0, 1, "_x0", "is no value at all"},
		"1+2":              {0, 1, "1+2", "is no value"},
		"a":                {0, 1, "a", "is no value"},
		"0x1F":             {0, 1, "0x1F", "is no value"},
		"1x99999999999999": {0, 1, "1x99999999999999", "makes the series longer than 100000000 values"},
		"1x99999999 1 2":   {11, 2, "1", "makes the series longer than 100000000 values"},
		"{{schema:1}}":     {0, 1, "{{schema:1}}", "is no value"},
		"0+0.0005x3": {
			0, 1, "0+0.0005x3",
			"cannot be counted on exactly: +0.0005 is finer than 0.001, the smallest step that is possible",
		},
		"1e16-1x3": {
			0, 1, "1e16-1x3",
			"cannot be counted on exactly: 1e16 is above 9223372036854775.807, the largest number that is possible",
		},
	} {
		if _, wrong := parseSeries(text); wrong == nil || *wrong != want {
			t.Errorf("got the error %+v of %q, want %+v", wrong, text, want)
		}
	}
}

func FuzzSeries(f *testing.F) {
	for _, text := range []string{"100 400x3 0+10x5 _ err stale nan", "_x3", "5-2x3", "1e+2+1e1x2", "100m 1Mix2", "1x99999999 1", "-.5-.5x1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, wrong := parseSeries(text)
		switch {
		case wrong != nil && (wrong.Offset > len(text) || !strings.HasPrefix(text[wrong.Offset:], wrong.Part)):
			t.Errorf("got the error %+v of %q, want one whose part is at its offset", wrong, text)
		case wrong != nil:
		case s.Len() < 1 || s.Len() > maxValues:
			t.Errorf("got %d values of %q, want from 1 to %d", s.Len(), text, maxValues)
		case s.Len() <= 1000:
			// Written value by value it is the same series.
			again, wrong := parseSeries(spellOut(s))
			if wrong != nil || spellOut(again) != spellOut(s) {
				t.Errorf("the series of %q is spelled out as %q, and that is read as %q (%v), want the same", text, spellOut(s), spellOut(again), wrong)
			}
		}
	})
}

// testFiles returns the contents of the test files that the tests of the command use.
func testFiles(f *testing.F) []string {
	f.Helper()
	paths, err := filepath.Glob("../../../cmd/impulse/testdata/*/*.test.yaml")
	if err != nil || len(paths) == 0 {
		f.Fatal("no test files to start with", err)
	}
	var all []string
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, string(content))
	}
	return all
}

func FuzzFile(f *testing.F) {
	for _, content := range testFiles(f) {
		// One test at a time: the fuzzer gets further with short inputs.
		for _, test := range strings.Split(content, "\n- name")[1:] {
			f.Add([]byte("tests:\n- name" + test))
		}
	}
	f.Add([]byte("tests: &t [{<<: *t}, *t]"))
	f.Add([]byte("tests: [&t {<<: *t, inputs: [{readyReplicas: _, trigger: a}]}]"))
	dir, err := filepath.Abs("../../../cmd/impulse/testdata/checkout")
	if err != nil {
		f.Fatal(err)
	}
	kinds := builtin.Kinds()
	f.Fuzz(func(t *testing.T, content []byte) {
		l := &loader{kinds: kinds, objects: map[string]*object{}}
		tests, problems := l.parse(filepath.Join(dir, "fuzz.test.yaml"), content)
		if len(tests) == 0 && len(problems) == 0 {
			t.Error("got neither a test nor a mistake, want one of them")
		}
		if len(problems) > 0 {
			return
		}
		for _, test := range tests {
			turns := 0
			for turn := range test.scenario.Turns(test.end) {
				decisionOf(test.scenario, turn)
				if turns++; turns > 200 {
					break
				}
			}
		}
	})
}
