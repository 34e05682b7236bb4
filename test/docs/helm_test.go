package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/helm"
)

func TestHelm(t *testing.T) {
	t.Run("the chart accepts the values of every page", testChartAcceptsValuesOfEveryPage)
	t.Run("the page of the chart shows the output of its commands", testPageOfChartShowsOutputOfItsCommands)
}

// testChartAcceptsValuesOfEveryPage renders the chart with the values of each command, and with those of each block. values.schema.json
// refuses unknown ones.
func testChartAcceptsValuesOfEveryPage(t *testing.T) {
	rendered := 0
	render := func(page string, line int, values []string) {
		rendered++
		if _, err := helm.Template(t, root, "impulse", "impulse-system", values...); err != nil {
			t.Errorf("%s:%d: %v", page, line, err)
		}
	}
	files := map[string]string{}
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.info != "yaml values" {
				continue
			}
			files[page] = filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(files[page], []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			render(page, b.line, []string{"--values", files[page]})
		}
	}
	for _, c := range everyCommand(t) {
		if values := valuesOf(c.text, files[c.page]); len(values) > 0 && !strings.HasPrefix(c.text, "helm template") {
			render(c.page, c.line, values)
		}
	}
	if rendered < 8 {
		t.Errorf("found %d sets of values, want 8 or more", rendered)
	}
}

// valuesOf returns the values that a command gives to the chart. file has the content of its file of values.
func valuesOf(text, file string) (values []string) {
	words := strings.Fields(text)
	if words[0] != "helm" || !slices.Contains(words, helm.Chart) {
		return nil
	}
	for i, word := range words {
		switch word {
		case "--set":
			values = append(values, word, strings.Trim(words[i+1], `'"`))
		case "--values":
			values = append(values, word, file)
		}
	}
	return values
}

func testPageOfChartShowsOutputOfItsCommands(t *testing.T) {
	const page = "deploy/chart/README.md"
	for _, b := range blocks(t, page) {
		if b.info != "console" {
			continue
		}
		line, shown, _ := strings.Cut(b.text, "\n")
		out, err := helm.Run(t, root, strings.Fields(strings.TrimPrefix(line, "$ helm "))...)
		if err != nil {
			out = err.Error()
		}
		if !strings.Contains(out, strings.TrimSpace(shown)) {
			t.Errorf("%s:%d: %s\nprints\n%s\nthe page shows\n%s", page, b.line, line, out, shown)
		}
	}
}
