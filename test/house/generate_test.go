package house

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A generator that is a test writes nothing, and does not fail, if the test has another name.
func TestGenerators(t *testing.T) {
	t.Run("that are tests exist", func(t *testing.T) {
		all, found := files(t), 0
		for _, f := range all {
			for _, m := range regexp.MustCompile(`(?m)^//go:generate go test .*-run \^(\w+)\$`).FindAllStringSubmatch(f.source, -1) {
				found++
				exists := false
				for _, other := range all {
					exists = exists || filepath.Dir(other.path) == filepath.Dir(f.path) && strings.Contains(other.source, "\nfunc "+m[1]+"(t *testing.T)")
				}
				if !exists {
					t.Errorf("%s generates with the test %s, which does not exist", f.path, m[1])
				}
			}
		}
		if found < 2 {
			t.Errorf("found %d generators that are tests, want 2 or more", found)
		}
	})
}
