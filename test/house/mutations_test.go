package house

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestMutations(t *testing.T) {
	t.Parallel()
	t.Run("every mutation of the chaos suite can be applied", testEveryMutationOfChaosSuiteCanBeApplied)
}

// A patch that does not apply any more would no longer test whether the chaos suite detects its fault.
func testEveryMutationOfChaosSuiteCanBeApplied(t *testing.T) {
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
