package formula

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/types"
)

// Warning describes something in a formula that is valid but probably unintended. Both texts are sentences without a full stop.
type Warning struct{ Problem, Suggestion string }

// Warnings returns what is probably unintended in the formula.
func (p *Program) Warnings() []Warning { return p.warnings }

// warnings returns the warnings for a formula that compiles.
func warnings(text string, variables types.Map, numbers *numbers) []Warning {
	var all []Warning
	if numbers.passes != "" {
		all = append(all, Warning{
			Problem:    fmt.Sprintf("%q has a number on its right: the formula gives that number, or true or false, which are no numbers", numbers.passes),
			Suggestion: "write (a > 5 ? b : 0), or a > 5 and b > 0 as a condition",
		})
	}
	if behind := commented(text, variables); behind != "" {
		all = append(all, Warning{
			Problem:    fmt.Sprintf("%q is a comment, because it follows //", behind),
			Suggestion: "a / b divides; int(a / b) is the whole part",
		})
	}
	return all
}

// commented returns the text after the first // when it is itself a formula, and "" when it is not, such as a remark for people.
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
