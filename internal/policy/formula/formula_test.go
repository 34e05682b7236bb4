package formula_test

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/policy/formula"
)

func TestFormula(t *testing.T) {
	t.Run("a formula gives a number", testFormulaGivesNumber)
	t.Run("an unknown trigger is nil, not zero", testUnknownTriggerIsNilNotZero)
	t.Run("a result that is not a number is an error", testResultThatIsNotNumberIsError)
	t.Run("a formula that is invalid or may take long is refused", testFormulaThatIsInvalidOrMayTakeLongIsRefused)
}

func testFormulaGivesNumber(t *testing.T) {
	names := []string{"queue", "rate"}
	for text, want := range map[string]float64{
		"queue + rate":                            12,
		"(queue + rate) / 2":                      6,
		"queue > 5 ? queue * 2 : rate":            20,
		"count([queue, rate], {# > 1})":           2,
		"count([queue, rate], # > 5) > 1 ? 5 : 7": 7,
		"max(queue, rate) - min(queue, rate)":     8,
		"sum([queue, rate]) / len([queue, rate])": 6,
		"ceil(queue / 3)":                         4,
		"queue ?? 0":                              10,
		"7":                                       7,
		"queue in [10.0, 11.0] ? 1 : 2":           1,
		"let q = queue; q * q":                    100,
	} {
		p, err := formula.Compile(text, names, nil)
		if err != nil {
			t.Errorf("Compile(%s): got %v, want no error", text, err)
			continue
		}
		if got, err := p.Run([]*float64{new(float64(10)), new(float64(2))}); err != nil || got != want {
			t.Errorf("Run(%s): got %v, %v, want %v", text, got, err, want)
		}
	}
}

func testUnknownTriggerIsNilNotZero(t *testing.T) {
	names := []string{"queue", "rate"}
	for text, want := range map[string]float64{
		"queue ?? 3":                       3,
		"queue == nil ? rate : queue":      2,
		"(queue ?? rate) + (rate ?? 1000)": 4,
		"rate":                             2,
	} {
		p, err := formula.Compile(text, names, nil)
		if err != nil {
			t.Fatalf("Compile(%s): got %v, want no error", text, err)
		}
		if got, err := p.Run([]*float64{nil, new(float64(2))}); err != nil || got != want {
			t.Errorf("Run(%s): got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"queue", "queue + rate", "max(queue, rate)", "queue > 1 ? 1 : 2", "count([queue, rate], {# > 1})"} {
		p, err := formula.Compile(text, names, nil)
		if err != nil {
			t.Fatalf("Compile(%s): got %v, want no error", text, err)
		}
		if got, err := p.Run([]*float64{nil, new(float64(2))}); err == nil || !strings.Contains(err.Error(), "needs a trigger that is unknown") {
			t.Errorf("Run(%s): got %v, %v, want that it needs an unknown trigger", text, got, err)
		}
	}
}

func testResultThatIsNotNumberIsError(t *testing.T) {
	for text, want := range map[string]string{
		"queue / 0": "not finite", "0.0 / 0.0": "not finite", "int(queue) % 0": "integer divide by zero", "[queue, nil][1]": "no number",
		"queue > 1 and queue": "no number: it is a bool",
	} {
		p, err := formula.Compile(text, []string{"queue"}, nil)
		if err != nil {
			t.Errorf("Compile(%s): got %v, want no error", text, err)
			continue
		}
		if got, err := p.Run([]*float64{new(float64(1))}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run(%s): got %v, %v, want %q", text, got, err, want)
		}
	}
}

func testFormulaThatIsInvalidOrMayTakeLongIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "is empty",
		"  ":                 "is empty",
		"queue +":            "column 7: unexpected token EOF",
		"queu + 1":           "column 1: unknown name queu",
		`"text"`:             "text or a pattern",
		"{a: queue}":         "text or a pattern",
		"now()":              "unknown name now",
		"sum(1..1000000000)": "has a range",
		"count([1,2], {count([1,2], {count([1,2], {# > 1}) > 1}) > 1})": "loops within loops",
		strings.Repeat("queue + ", 300) + "1":                           "exceeds maximum allowed nodes",
		strings.Repeat(" ", 5000) + "1":                                 "longer than",
	} {
		if _, err := formula.Compile(text, []string{"queue"}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%.40q): got %v, want %q", text, err, want)
		}
	}
	for _, name := range []string{"my-queue", "1st", "", "count", "a.b"} {
		if _, err := formula.Compile("1", []string{name}, nil); err == nil || !strings.Contains(err.Error(), "cannot be a name") {
			t.Errorf("Compile with a trigger named %q: got %v, want an error about the name", name, err)
		}
	}
}

func FuzzFormula(f *testing.F) {
	for _, text := range []string{"a + b", "count([a, b], {# > 1})", "a ?? b", "reduce([a, b], #acc + #, 0)", "let x = a; x / b", "map([1], {# % 0})", "[a][9]", "max()"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := formula.Compile(text, []string{"a", "b"}, nil)
		if err != nil {
			return
		}
		for _, values := range [][]*float64{{new(float64(1)), new(float64(2))}, {nil, new(float64(0))}, {nil, nil}} {
			if got, err := p.Run(values); err == nil && got-got != 0 {
				t.Fatalf("Run(%q): got %v, want a finite number or an error", text, got)
			}
		}
	})
}
