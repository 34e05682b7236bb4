package observability

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/promtool"
)

func TestPage(t *testing.T) {
	t.Run("promtool accepts every configuration and expression of the page and of the runbooks", testPromtoolAcceptsEveryConfigurationAndExpression)
}

var (
	configuration = regexp.MustCompile("(?ms)^```yaml prometheus\n(.*?)^```")
	expressions   = regexp.MustCompile("(?ms)^```promql\n(.*?)^```")
	inTable       = regexp.MustCompile("(?m)^\\| [A-Z].*\\? \\| `(.*)` \\|$")
	oneLine       = regexp.MustCompile(`(?m)^.+$`)
)

func testPromtoolAcceptsEveryConfigurationAndExpression(t *testing.T) {
	page := read(t, "docs/observability.md")
	configurations := configuration.FindAllStringSubmatch(page, -1)
	for i, c := range configurations {
		name := fmt.Sprintf("%d.yaml", i)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := promtool.Run(t, root, dir, "check", "config", "--syntax-only", name); err != nil {
			t.Errorf("%v\n%s\nof\n%s", err, out, c[1])
		}
	}
	var all []string
	for _, row := range inTable.FindAllStringSubmatch(page, -1) {
		all = append(all, row[1])
	}
	for _, name := range runbooks(t) {
		for _, block := range expressions.FindAllStringSubmatch(read(t, "docs/runbooks/"+name+".md"), -1) {
			all = append(all, oneLine.FindAllString(block[1], -1)...)
		}
	}
	if len(configurations) < 2 || len(all) < 10 {
		t.Fatalf("found %d configurations and %d expressions: the patterns are broken", len(configurations), len(all))
	}
	for _, expression := range all {
		if out, err := promtool.Run(t, root, root, "--experimental", "promql", "format", expression); err != nil {
			t.Errorf("%s: %v\n%s", expression, err, out)
		}
	}
}
