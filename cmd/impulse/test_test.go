package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTestCommand(t *testing.T) {
	t.Run("every vector of the HPA passes", testEveryVectorOfHPAPasses)
	t.Run("the expectations of the examples hold", testExpectationsOfExamplesHold)
	t.Run("fallback and formulas decide", testFallbackAndFormulasDecide)
	t.Run("a failure shows the expectation, the decision and its steps", testFailureShowsExpectationDecisionAndItsSteps)
}

var rewrite = flag.Bool("rewrite", false, "write the present output to testdata: only commit it if you understand what changed")

// impulse runs a command line, and returns the exit code, standard output and standard error.
func impulse(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = execute(t.Context(), append([]string{"impulse"}, args...), strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// golden compares a text with a file, or writes it there.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\n%s\nexpected\n%s", path, got, want)
	}
}

func testEveryVectorOfHPAPasses(t *testing.T) {
	paths, err := filepath.Glob("../../scalers/testdata/vectors/*.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := impulse(t, "", append([]string{"test"}, paths...)...)
	if code != 0 || out != "424 passed\n" || errs != "" {
		t.Errorf("got exit code %d, want 0; output %s%s", code, out, errs)
	}
}

func testExpectationsOfExamplesHold(t *testing.T) {
	t.Chdir("testdata/checkout")
	code, out, errs := impulse(t, "", "test", "passing.test.yaml")
	if code != 0 || out != "7 passed\n" || errs != "" {
		t.Errorf("got exit code %d, want 0;\n%s%s", code, out, errs)
	}
}

func testFallbackAndFormulasDecide(t *testing.T) {
	t.Chdir("testdata/checkout")
	code, out, errs := impulse(t, "", "test", "fallback.test.yaml")
	if code != 0 || out != "8 passed\n" || errs != "" {
		t.Errorf("got exit code %d, want 0;\n%s%s", code, out, errs)
	}
}

func testFailureShowsExpectationDecisionAndItsSteps(t *testing.T) {
	t.Chdir("testdata/checkout")
	for name, args := range map[string][]string{
		"failing.txt":   nil,
		"failing.json":  {"-o", "json"},
		"failing.xml":   {"-o", "junit"},
		"verbose.txt":   {"-v", "--run", "longer|passes"},
		"selected.json": {"-v", "--run", "passes", "-o", "json"},
	} {
		code, out, errs := impulse(t, "", append([]string{"test", "failing.test.yaml"}, args...)...)
		if wanted := map[bool]int{true: 0, false: 1}[name == "selected.json"]; code != wanted || errs != "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
		golden(t, name, out)
	}
}
