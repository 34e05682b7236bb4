package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestNolint(t *testing.T) {
	t.Run("nolint names only linters that are enabled", testNolintNamesOnlyLintersThatAreEnabled)
}

// testNolintNamesOnlyLintersThatAreEnabled finds exceptions from linters that are not enabled: they explain nothing, and would hide a finding once it is.
func testNolintNamesOnlyLintersThatAreEnabled(t *testing.T) {
	config, err := os.ReadFile(filepath.Join("..", "..", ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var enabled []string
	for _, m := range regexp.MustCompile(`(?m)^    - (\w+)$`).FindAllStringSubmatch(string(config), -1) {
		enabled = append(enabled, m[1])
	}
	if len(enabled) == 0 {
		t.Fatal("the configuration enables no linter")
	}
	exception := regexp.MustCompile(`//nolint:([\w,]+)`)
	for _, f := range files(t) {
		for _, m := range exception.FindAllStringSubmatch(f.source, -1) {
			for name := range strings.SplitSeq(m[1], ",") {
				if !slices.Contains(enabled, name) {
					t.Errorf("%s: nolint:%s, but %s is not enabled in .golangci.yml", f.path, name, name)
				}
			}
		}
	}
}
