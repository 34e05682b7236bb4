package formula

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/types"
)

// Warning is about something in a formula that works and is probably not meant.
type Warning struct{ Problem, Suggestion string }

// Warnings returns what is probably not meant.
func (p *Program) Warnings() []Warning { return p.warnings }

// warnings looks at a formula that has been understood.
func warnings(text string, variables types.Map, numbers *numbers) []Warning {
	var all []Warning
	if numbers.passes != "" {
		all = append(all, Warning{
			Problem:    fmt.Sprintf("%q has a number on its right: the formula gives that number, or true or false, which are none", numbers.passes),
			Suggestion: "say what is meant: (a > 5 ? b : 0), or a > 5 and b > 0 as a condition",
		})
	}
	if behind := commented(text, variables); behind != "" {
		all = append(all, Warning{
			Problem:    fmt.Sprintf("%q is a comment, because it stands behind //", behind),
			Suggestion: "a / b divides; int(a / b) is the whole number of it",
		})
	}
	return all
}

// commented returns what stands behind the first // and is a formula itself; "" for none. Text that is written for people is
// none.
func commented(text string, variables types.Map) string {
	_, behind, _ := strings.Cut(text, "//")
	behind, _, _ = strings.Cut(behind, "\n")
	behind = strings.TrimSpace(behind)
	if behind == "" {
		return ""
	}
	if _, err := compile(behind, variables, &numbers{}); err != nil {
		return ""
	}
	return behind
}
