package docs

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	t.Run("every block of every page is of a form that a test covers", testEveryBlockIsOfFormThatTestCovers)
}

// coveredForms are the forms of blocks, by the text after the fence, with the test that covers them. A form with a file name, such as
// "yaml web.yaml", is one of coveredFiles.
var coveredForms = map[string]string{
	"yaml":               "TestObjects; those of trigger pages also triggers/triggertest",
	"yaml fragment":      "TestObjects: it is YAML",
	"yaml template":      "a template of Helm: nothing",
	"yaml values":        "TestHelm and test/chart",
	"yaml alertmanager":  "test/receiver: a real Alertmanager posts by it",
	"yaml prometheus":    "test/observability: promtool",
	"yaml notifications": "internal/control/notify",
	"json notification":  "internal/control/notify",
	"json patch":         "internal/control/notify",
	"promql":             "test/observability: promtool",
	"sh":                 "TestCommands",
	"console":            "TestCommands, and the test of the page in executedPages",
	"text":               "an excerpt of an output: nothing",
}

// executedPages are the pages whose console blocks are run, with the test that does it.
var executedPages = map[string]string{
	"README.md":              "TestExamples",
	"deploy/chart/README.md": "TestHelm",
	"docs/admission.md":      "test/e2e has the sentences",
	"docs/cli.md":            "TestCommandLinePage",
	"docs/explain.md":        "cmd/impulse",
	"docs/simulate.md":       "cmd/impulse",
	"docs/testing.md":        "TestExamples",
}

func testEveryBlockIsOfFormThatTestCovers(t *testing.T) {
	for _, page := range pages(t) {
		_, walked := walks[page]
		for _, b := range blocks(t, page) {
			form, file, _ := strings.Cut(b.info, " ")
			switch {
			case coveredForms[b.info] == "" && (form != "yaml" || !strings.HasSuffix(file, ".yaml") || executedPages[page] == "" && !walked):
				t.Errorf("%s:%d: no test covers a block of the form %q; there are %q", page, b.line, b.info, slices.Sorted(maps.Keys(coveredForms)))
			case b.info == "console" && executedPages[page] == "" && !walked:
				t.Errorf("%s:%d: no test runs the commands of this page: add it to walks", page, b.line)
			}
		}
	}
}
