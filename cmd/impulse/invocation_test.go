package main

import (
	"strings"
	"testing"
)

func TestInvocation(t *testing.T) {
	t.Run("a plugin of kubectl calls itself kubectl impulse", testPluginCallsItselfKubectlImpulse)
	t.Run("the completer of the plugin completes its arguments", testCompleterCompletesItsArguments)
	t.Run("an unknown command has suggestions", testUnknownCommandHasSuggestions)
	t.Run("the help lists the connection flags in one place", testHelpListsConnectionFlagsInOnePlace)
}

// called runs a command line of a program.
func called(t *testing.T, program string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = execute(t.Context(), append([]string{program}, args...), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func testPluginCallsItselfKubectlImpulse(t *testing.T) {
	for _, program := range []string{"/usr/local/bin/kubectl-impulse", "kubectl-impulse.exe"} {
		for _, args := range []string{"explain -h", "check -h", "adopt hpa -h", "-h"} {
			code, out, errs := called(t, program, strings.Fields(args)...)
			if code != 0 || errs != "" || !strings.Contains(out, "  kubectl impulse ") {
				t.Errorf("%s %s: got exit code %d, %s%s", program, args, code, out, errs)
			}
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, "  impulse ") || strings.Contains(line, "| impulse ") || strings.Contains(line, "`impulse ") {
					t.Errorf("%s %s: got the line %q, want kubectl impulse in it", program, args, line)
				}
			}
		}
	}
	if _, out, _ := called(t, "/usr/local/bin/impulse", "check", "-h"); strings.Contains(out, pluginName) || !strings.Contains(out, "  impulse check ") {
		t.Errorf("as impulse: got %s", out)
	}
}

func testCompleterCompletesItsArguments(t *testing.T) {
	if code, out, _ := called(t, "/usr/bin/kubectl_complete-impulse", "expl"); code != 0 || !strings.HasPrefix(out, "explain\t") || !strings.HasSuffix(out, ":4\n") {
		t.Errorf("a command: got exit code %d, %q", code, out)
	}
	if code, out, _ := called(t, "kubectl_complete-impulse", "check", "-o", ""); code != 0 || out != "text\njson\nyaml\nsarif\n:4\n" {
		t.Errorf("the value of a flag: got exit code %d, %q", code, out)
	}
	if code, out, errs := impulse(t, "", "completion", "kubectl"); code != 0 || errs != "" || out != completer {
		t.Errorf("the script: got exit code %d, %q%s", code, out, errs)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, errs := impulse(t, "", "completion", shell); code != 0 || errs != "" || !strings.Contains(out, "__complete") {
			t.Errorf("%s: got exit code %d, %d bytes, %s", shell, code, len(out), errs)
		}
	}
}

func testHelpListsConnectionFlagsInOnePlace(t *testing.T) {
	_, listed, _ := impulse(t, "", "options")
	for _, name := range []string{
		"kubeconfig", "context", "cluster", "user", "server", "token", "as", "as-group", "certificate-authority", "client-certificate", "client-key",
		"insecure-skip-tls-verify", "tls-server-name", "request-timeout",
	} {
		if !strings.Contains(listed, " --"+name+" ") {
			t.Errorf("impulse options: got no --%s", name)
		}
		for path := range strings.SplitSeq("adopt hpa,adopt keda,alerts,explain,history,run,uninstall", ",") {
			cmd, _, err := command().Find(strings.Fields(path))
			if err != nil {
				t.Fatal(err)
			}
			if has := cmd.Flags().Lookup(name) != nil; has == (path == "run" && name == "request-timeout") {
				t.Errorf("impulse %s: got the flag --%s %t", path, name, has)
			}
			if _, help, _ := impulse(t, "", append(strings.Fields(path), "-h")...); strings.Contains(help, "  --"+name+" ") || !strings.Contains(help, `Use "impulse options"`) {
				t.Errorf("impulse %s -h: got --%s in it, or no hint at impulse options:\n%s", path, name, help)
			}
		}
	}
}

func testUnknownCommandHasSuggestions(t *testing.T) {
	code, out, errs := impulse(t, "", "histroy")
	if want := "impulse: unknown command \"histroy\" for \"impulse\"\nimpulse: Did you mean this?\nimpulse:   history\n"; code != 2 || out != "" || errs != want {
		t.Errorf("got exit code %d, %s%q, want %q", code, out, errs, want)
	}
}
