package house

import (
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

// The page docs/conditions.md is generated from the constants in api/v1alpha1/reasons.go, and lists every reason only if no package
// has another one.
func TestReasons(t *testing.T) {
	all := files(t)
	known := knownReasons(t, all)
	t.Run("are constants of the API", func(t *testing.T) {
		for _, f := range all {
			reports := f.dir == "internal/control/status" || f.dir == "internal/control/controller" || f.path == "internal/policy/compile/paused.go"
			if !f.test() && reports {
				literalReasons(t, f)
			}
		}
	})
	t.Run("of triggers are known to the API", func(t *testing.T) { triggerReasons(t, all, known) })
	t.Run("of the API are reported by some package", func(t *testing.T) { reportedReasons(t, all, known) })
	t.Run("of the condition ScalingLimited are the rules", func(t *testing.T) {
		for rule := scalers.RuleUnknown; rule.String() != "?"; rule++ {
			name := rule.String()
			if name = strings.ToUpper(name[:1]) + name[1:]; rule != scalers.RuleActivation && !known[name] {
				t.Errorf("rule %s has no reason %s in api/v1alpha1/reasons.go", rule, name)
			}
		}
	})
}

// knownReasons returns the reasons of the API.
func knownReasons(t *testing.T, all []file) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, f := range all {
		if f.path == "api/v1alpha1/reasons.go" {
			for _, m := range regexp.MustCompile(`\tReason\w+ = "(\w+)"`).FindAllStringSubmatch(f.source, -1) {
				known[m[1]] = true
			}
		}
	}
	if len(known) < 40 {
		t.Fatalf("found %d reasons in the API, want 40 or more", len(known))
	}
	return known
}

// reportedReasons reports reasons of the API, and so of docs/conditions.md, that nothing reports any more: no package uses the constant, no
// trigger has the reason, and no rule has its name.
func reportedReasons(t *testing.T, all []file, known map[string]bool) {
	t.Helper()
	reported := map[string]bool{}
	for rule := scalers.RuleUnknown; rule.String() != "?"; rule++ {
		name := rule.String()
		reported[strings.ToUpper(name[:1])+name[1:]] = true
	}
	for _, f := range all {
		if f.test() || strings.HasPrefix(f.dir, "api/") {
			continue
		}
		for _, m := range regexp.MustCompile(`v1alpha1\.Reason(\w+)|Reason: +"(\w+)"|reason\w+ += "(\w+)"`).FindAllStringSubmatch(f.source, -1) {
			reported[m[1]+m[2]+m[3]] = true
		}
	}
	for reason := range known {
		if !reported[reason] {
			t.Errorf("nothing reports the reason %s of api/v1alpha1/reasons.go", reason)
		}
	}
}

// literalReasons reports literals that have the form of a reason.
func literalReasons(t *testing.T, f file) {
	t.Helper()
	kinds := []string{"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"}
	reason := regexp.MustCompile(`^([A-Z][a-z]+){2,}$`)
	ast.Inspect(f.ast, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok {
			return true
		}
		if text, err := strconv.Unquote(literal.Value); err == nil && reason.MatchString(text) && !slices.Contains(kinds, text) {
			t.Errorf("%s: the literal %q: use a constant of api/v1alpha1/reasons.go", f.fset.Position(n.Pos()), text)
		}
		return true
	})
}

// triggerReasons reports reasons in triggers, which do not import the API, that the API does not have.
func triggerReasons(t *testing.T, all []file, known map[string]bool) {
	t.Helper()
	found := 0
	for _, f := range all {
		if f.test() || !strings.HasPrefix(f.dir, "triggers/") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:Reason:|reason\w+ +=) "(\w+)"`).FindAllStringSubmatch(f.source, -1) {
			found++
			if !known[m[1]] {
				t.Errorf("%s has the reason %s, which is not in api/v1alpha1/reasons.go", f.path, m[1])
			}
		}
	}
	if found < 3 {
		t.Errorf("found %d reasons in triggers, want 3 or more", found)
	}
}
