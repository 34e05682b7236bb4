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

// kinds are the Kubernetes kinds that the packages below name; they have the form of a reason.
var kinds = []string{"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"}

// The page docs/conditions.md is generated from the constants in api/v1alpha1/reasons.go, and lists every reason only if no package
// has another one.
func TestReasons(t *testing.T) {
	known := map[string]bool{}
	all := files(t)
	for _, f := range all {
		if f.path == "api/v1alpha1/reasons.go" {
			for _, m := range regexp.MustCompile(`\tReason\w+ = "(\w+)"`).FindAllStringSubmatch(f.source, -1) {
				known[m[1]] = true
			}
		}
	}
	t.Run("are constants of the API", func(t *testing.T) {
		if len(known) < 40 {
			t.Fatalf("found %d reasons in the API, want 40 or more", len(known))
		}
		reason := regexp.MustCompile(`^([A-Z][a-z]+){2,}$`)
		for _, f := range all {
			if f.test() || f.dir != "internal/control/status" && f.dir != "internal/control/controller" && f.path != "internal/policy/compile/paused.go" {
				continue
			}
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
	})
	t.Run("of triggers are known to the API", func(t *testing.T) {
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
	})
	t.Run("of the condition ScalingLimited are the rules", func(t *testing.T) {
		for rule := scalers.RuleUnknown; rule.String() != "?"; rule++ {
			name := rule.String()
			if name = strings.ToUpper(name[:1]) + name[1:]; rule != scalers.RuleActivation && !known[name] {
				t.Errorf("rule %s has no reason %s in api/v1alpha1/reasons.go", rule, name)
			}
		}
	})
}
