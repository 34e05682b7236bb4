package metricsapi

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/triggers/internal/quantity"
)

// FuzzAnswer: each answer gives a level that is not below 0, or an error of one short line.
func FuzzAnswer(f *testing.F) {
	for format, c := range map[string][2]string{
		formatJSON: {answerJSON, "components.0.tasks"}, formatPrometheus: {answerPrometheus, `queue_size{name="one"}`},
		formatXML: {answerXML, "stats.queue.0.waiting"}, formatYAML: {answerYAML, "components.0.tasks"},
	} {
		f.Add(format, c[1], []byte(c[0]))
	}
	for _, path := range []string{"a.#", `a.#(b==1)#|#`, "@keys.#", "a.@values|0", "..#", "a.@fromstr", "*", `a\.b`} {
		f.Add(formatJSON, path, []byte(`{"a": [{"b": 1}], "a.b": "{}"}`))
	}
	f.Fuzz(func(t *testing.T, format, location string, answer []byte) {
		find, problem := newFinder(format, location)
		if problem != "" {
			if strings.ContainsAny(problem, "\n\r\x00") {
				t.Errorf("%q: the problem is not one line: %q", location, problem)
			}
			return
		}
		level, err := find(strings.NewReader(string(answer)))
		switch {
		case err == nil && level < 0:
			t.Errorf("%s, %q: got the level %s, want one that is not negative", format, location, level)
		case err != nil && (utf8.RuneCountInString(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\n\r\x00")):
			t.Errorf("%s, %q: got no short line: %q", format, location, err)
		}
	})
}

// FuzzMissing: a path through a key that does not exist leads to no number, whatever follows.
func FuzzMissing(f *testing.F) {
	for _, rest := range []string{"", ".#", "|#", ".@keys.#", ".@values|#", ".@this.@keys.#", ".#(a>1)#|#", ".@reverse.@values.#", ".@flatten.#", ".@fromstr.#", ".0", ".*"} {
		f.Add(rest)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		if rest != "" && rest[0] != '.' && rest[0] != '|' {
			return
		}
		for _, before := range []string{"missing", "a.missing", "list.5", "list.#(n>9)", "number.more"} {
			find, problem := newFinder(formatJSON, before+rest)
			if problem != "" {
				continue
			}
			if level, err := find(strings.NewReader(`{"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}], "number": 3}`)); err == nil {
				t.Errorf("%q: got the level %s, want unknown", before+rest, level)
			}
		}
	})
}

// FuzzQuantity compares texts that begin with digits with the quantities of Kubernetes.
func FuzzQuantity(f *testing.F) {
	for _, text := range []string{"", "1", "-1", "100m", "1Ki", "1e3", "1E3", "1E", "1Ei", "1n", ".5", "5.", "+1", "9e99", "0.1u", "1e-99", " 1", "1 ", "1k0", "0x1", "1_0", "Infinity"} {
		f.Add(text)
	}
	digits := regexp.MustCompile(`^[-+]?\.?[0-9]`) // Without them Kubernetes reads "-", "k" and "E3" as 0.
	f.Fuzz(func(t *testing.T, text string) {
		const longest = 64
		if len(text) > longest || !digits.MatchString(text) {
			return
		}
		got, err := number(text)
		q, refused := resource.ParseQuantity(text)
		if refused != nil {
			if err == nil && !strings.ContainsAny(text, "eE") { // Kubernetes refuses exponents beyond 32 bits.
				t.Errorf("%q: got %s, want an error, as Kubernetes refuses it: %v", text, got, refused)
			}
			return
		}
		want, _ := quantity.Milli(q)
		if want < 0 {
			if err == nil {
				t.Errorf("%q: got %s, want an error, because it is negative", text, got)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
	})
}

// FuzzSelector: a selector that is accepted names one metric and selects a series with the labels that it requires.
func FuzzSelector(f *testing.F) {
	for _, text := range []string{"a", `a{b="c"}`, `{"a.b",c!="d"}`, `a{b=~"c|d",}`, "a{b='c'}", "a{b=`c`}", `{__name__="a"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, problem := parseSelector(text)
		if problem != "" {
			return
		}
		if s.name == "" {
			t.Fatalf("%q: got no name", text)
		}
		labels, exact := model.Metric{}, true
		for _, m := range s.matchers {
			_, twice := labels[model.LabelName(m.label)]
			exact = exact && !twice && !m.not && m.pattern == nil
			labels[model.LabelName(m.label)] = model.LabelValue(m.value)
		}
		if exact && !s.matches(labels) {
			t.Errorf("%q does not match %v", text, labels)
		}
	})
}
