package formula_test

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/policy/formula"
)

func TestNumbers(t *testing.T) {
	t.Run("a formula that can never give a number is refused with the remedy", testFormulaThatCanNeverGiveNumberIsRefusedWithRemedy)
	t.Run("the suggested remedies give a number", testSuggestedRemediesGiveNumber)
	t.Run("a result that is not finite is not a number", testResultThatIsNotFiniteIsNotNumber)
	t.Run("a per-pod trigger is not reported as an unknown name", testPerPodTriggerIsNotReportedAsUnknownName)
	t.Run("a formula that is probably not meant gets a warning", testFormulaThatIsProbablyNotMeantGetsWarning)
}

func testFormulaThatCanNeverGiveNumberIsRefusedWithRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"(a % 2) * 100":            "write int(a) % 2",
		"5 % a":                    "write int(a) % 2",
		"(a ?? 0) % 2":             "write int(a) % 2",
		"round(a) % 2":             "write int(a) % 2",
		"a > 5":                    "as in (a > 5 ? 1 : 0)",
		"a > 5 and b > 5":          "as in (a > 5 ? 1 : 0)",
		"not (a > 5)":              "as in (a > 5 ? 1 : 0)",
		"any([a, b], # > 5)":       "as in (a > 5 ? 1 : 0)",
		"a in [1.0, 2.0]":          "as in (a > 5 ? 1 : 0)",
		"let x = a > 5; x":         "as in (a > 5 ? 1 : 0)",
		"b > 1 ? a > 5 : a > 6":    "as in (a > 5 ? 1 : 0)",
		"a ? 1 : 2":                "as in (a > 0 ? 1 : 2)",
		"a and b > 5 ? 1 : 2":      "as in (a > 0 ? 1 : 2)",
		"not a ? 1 : 2":            "as in (a > 0 ? 1 : 2)",
		"[a, b]":                   "with sum, max or mean",
		"filter([a, b], # != nil)": "with sum, max or mean",
		"nil":                      "no number",
		"int(a > 5)":               "invalid argument for int (type bool)",
		"max(a > 5, 1)":            "invalid argument for max (type bool)",
		"int(queu)":                "column 5: unknown name queu",
		"mean([a, queu])":          "column 10: unknown name queu",
		"max()":                    "not enough arguments to call max",
		"int(a, b)":                "invalid number of arguments",
		"sum(a)":                   "column 5: builtin sum takes only array",
	} {
		if _, err := formula.Compile(text, []string{"a", "b"}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%s): got %v, want %q", text, err, want)
		}
	}
}

func testSuggestedRemediesGiveNumber(t *testing.T) {
	for text, want := range map[string]float64{
		"int(a) % 2": 1, "(int(a) % 2) * 100": 100, "a > 5 ? 1 : 0": 1, "count([a, b], # > 1) % 2": 0, "int(a ?? 0) % 4": 3,
		"int(a / b)": 3, "mean([a, b])": 4.5, "median([a, b])": 4.5, "mean(a, b)": 4.5, "mean(filter([a, b], # > 5))": 7,
		"min([a, b], 1)": 1, "max(int(a), 3) + 1": 8, "a == nil ? 1 : 2": 2, "a != nil and b != nil ? a + b : 0": 9,
		"a > 5 or b > 5 ? 3 : 4": 3, "int(7)": 7, "int(a) + 0.5": 7.5,
	} {
		p, err := formula.Compile(text, []string{"a", "b"}, nil)
		if err != nil {
			t.Errorf("Compile(%s): got %v, want no error", text, err)
			continue
		}
		if got, err := p.Run([]*float64{new(float64(7)), new(float64(2))}); err != nil || got != want {
			t.Errorf("Run(%s): got %v, %v, want %v", text, got, err, want)
		}
	}
}

// int() of an infinite number depends on the processor: the smallest number on one, and the greatest on another.
func testResultThatIsNotFiniteIsNotNumber(t *testing.T) {
	zero, one := new(float64), new(float64(1))
	for _, c := range []struct {
		text string
		a, b *float64
		want string
	}{
		{"int(a / b)", one, zero, "int() of a number that is infinite"},
		{"int(a / b)", zero, zero, "int() of a number that is infinite"},
		{"int(-a / b) + 5", one, zero, "int() of a number that is infinite"},
		{"int(a * 1e19)", one, zero, "int() of a number that is infinite, NaN or above 2^63"},
		{"int(1e300 * a)", one, nil, "int() of a number that is infinite"},
		{"int(a)", nil, one, "needs a trigger that is unknown"},
		{"mean([])", one, one, "of an empty list are unknown"},
		{"median([])", one, one, "of an empty list are unknown"},
		{"max([])", one, one, "of an empty list are unknown"},
		{"mean(filter([a, b], # > 5))", one, one, "of an empty list are unknown"},
		{"mean([[], filter([a], # > 5)])", one, one, "of an empty list are unknown"},
		{"mean(filter([a, b], # != nil))", nil, nil, "needs a trigger that is unknown"},
		{"max(0, a / b)", zero, zero, "of a NaN"},
		{"max(a / b, 0)", zero, zero, "of a NaN"},
		{"min([3.0, [a / b]])", zero, zero, "of a NaN"},
	} {
		p, err := formula.Compile(c.text, []string{"a", "b"}, nil)
		if err != nil {
			t.Errorf("Compile(%s): got %v, want no error", c.text, err)
			continue
		}
		if got, err := p.Run([]*float64{c.a, c.b}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Run(%s): got %v, %v, want %q", c.text, got, err, c.want)
		}
	}
}

func testPerPodTriggerIsNotReportedAsUnknownName(t *testing.T) {
	_, err := formula.Compile("queue + cpu", []string{"queue"}, []string{"cpu", "memory"})
	if want := "cpu measures single pods and cannot be used in a formula: it asks for replicas beside the formula, and the higher count wins"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func testFormulaThatIsProbablyNotMeantGetsWarning(t *testing.T) {
	for text, want := range map[string]string{
		"a > 5 and b":                     `"and" has a number on its right`,
		"a > 5 && (b ?? 0)":               `"&&" has a number on its right`,
		"a > 5 or b":                      `"or" has a number on its right`,
		"a > 5 and (b > 2 and a)":         `"and" has a number on its right`,
		"a // b":                          `"b" is a comment`,
		"a + // 2\n b":                    `"2" is a comment`,
		"a + b":                           "",
		"a > 5 and b > 5 ? a : b":         "",
		"a + b // the queue and the rate": "",
		"a + b /* both */":                "",
		"a + b //":                        "",
		"a / b":                           "",
		"let both = a > 1; both and b > 1 ? 1 : 0": "",
	} {
		p, err := formula.Compile(text, []string{"a", "b"}, nil)
		if err != nil {
			t.Errorf("Compile(%s): got %v, want no error", text, err)
			continue
		}
		switch got := p.Warnings(); {
		case want == "" && len(got) > 0:
			t.Errorf("Warnings of %s: got %v, want none", text, got)
		case want != "" && (len(got) != 1 || !strings.Contains(got[0].Problem, want) || got[0].Suggestion == ""):
			t.Errorf("Warnings of %s: got %v, want %q", text, got, want)
		}
	}
	p, err := formula.Compile("a > 5 and b", []string{"a", "b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Run([]*float64{new(float64(7)), new(float64(2))}); err != nil || got != 2 {
		t.Errorf("Run: got %v, %v, want the number on the right, 2", got, err)
	}
}
