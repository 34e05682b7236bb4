package house

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// A patch that does not apply any more would no longer test whether the chaos suite detects its fault.
func TestEveryMutationOfTheChaosSuiteApplies(t *testing.T) {
	t.Parallel()
	patches, err := filepath.Glob("../chaos/mutations/*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("there are no mutations: %v", err)
	}
	for _, patch := range patches {
		path, err := filepath.Abs(patch)
		if err != nil {
			t.Fatal(err)
		}
		check := exec.CommandContext(t.Context(), "git", "apply", "--check", path)
		check.Dir = "../.."
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s does not apply: %v\n%s", filepath.Base(patch), err, out)
		}
	}
}
