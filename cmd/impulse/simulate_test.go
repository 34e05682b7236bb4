package main

import (
	"strings"
	"testing"
)

func TestALoadIsRehearsedAndAnyInstantOfItExplained(t *testing.T) {
	t.Chdir("testdata/load")
	for name, args := range map[string]string{
		"table.txt":   "simulate -f web.yaml --input load.csv --startup-delay 30s --baseline hpa,keda,constant,oracle",
		"table.json":  "simulate -f web.yaml --input load.csv -o json",
		"instant.txt": "explain -f web.yaml --input load.csv --at 2026-03-01T08:21:00Z",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 0 || errs != "" {
			t.Errorf("%s: exit code %d, %s", args, code, errs)
		}
		golden(t, name, out)
	}
}

func TestAnInstantOfATestIsExplained(t *testing.T) {
	t.Chdir("testdata/story")
	code, out, errs := impulse(t, "", "explain", "-f", "failing.test.yaml", "--run", "longer", "--at", "30s")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	golden(t, "explained.txt", out)
}

func TestWhatCannotBeExplainedIsSaid(t *testing.T) {
	t.Chdir("testdata/story")
	for args, want := range map[string]string{
		"explain":                                             "name one object of the cluster",
		"explain web -f passing.test.yaml":                    "name one object of the cluster",
		"explain -f passing.test.yaml":                        "7 tests of passing.test.yaml match: name one test with --run",
		"explain -f absent.yaml":                              "absent.yaml",
		"explain -f failing.test.yaml --run longer --at=-1s":  "--at -1s is before the begin",
		"explain -f failing.test.yaml --run longer --at noon": `--at: "noon" is neither a time`,
		"explain -f failing.test.yaml --run (":                "--run: error parsing regexp",
		"explain web -o xml":                                  `--output is "xml": expected text, json or yaml`,
		"explain web --kubeconfig absent":                     "find the cluster: ",
		"simulate -f absent.yaml --input load.csv":            "absent.yaml: there is no such file",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", args, code, out, errs, want)
		}
	}
}
