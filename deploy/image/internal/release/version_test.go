package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckVersion(t *testing.T) {
	t.Run("accepts complete versions", func(t *testing.T) {
		for _, version := range []string{"v0.1.0", "v1.2.3", "v1.2.3-rc.1"} {
			if err := CheckVersion(version); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("suggests a version for every other", func(t *testing.T) {
		for version, want := range map[string]string{
			"1.2.3":                      "VERSION=1.2.3 is not the version of a release: write VERSION=v1.2.3",
			"v1.2":                       "VERSION=v1.2 is not the version of a release: write VERSION=v1.2.0",
			"v1.2.3+build":               "VERSION=v1.2.3+build is not the version of a release: write VERSION=v1.2.3",
			"":                           "VERSION= is not the version of a release: write it as VERSION=v1.2.3 or VERSION=v1.2.3-rc.1",
			"latest":                     "VERSION=latest is not the version of a release: write it as VERSION=v1.2.3 or VERSION=v1.2.3-rc.1",
			"674355cb574e-dirty":         "VERSION=674355cb574e-dirty is not the version of a release: write it as VERSION=v1.2.3 or VERSION=v1.2.3-rc.1",
			"v1.2.3-4-g674355cb574e":     "VERSION=v1.2.3-4-g674355cb574e is not the version of a release: it names a commit behind the tag v1.2.3; write a new version",
			"v1.2.3-dirty":               "VERSION=v1.2.3-dirty is not the version of a release: it names files that are not committed; commit them, and write a version such as v1.2.3",
			"v1.2.3-4-g674355cb57-dirty": "VERSION=v1.2.3-4-g674355cb57-dirty is not the version of a release: it names files that are not committed; commit them, and write a version such as v1.2.3",
		} {
			if err := CheckVersion(version); err == nil || err.Error() != want {
				t.Errorf("CheckVersion(%q): got %v, want %s", version, err, want)
			}
		}
	})
}

func TestCheckTree(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=impulse", "-c", "user.email=impulse@localhost", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	check := func(t *testing.T, want string) {
		t.Helper()
		err := CheckTree(t.Context(), dir, "v1.2.3")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	t.Run("refuses a folder that is no repository", func(t *testing.T) {
		t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
		check(t, "not a git repository")
	})
	run("init", "--quiet")
	run("commit", "--quiet", "--allow-empty", "--message", "first")
	t.Run("accepts a commit without a tag", func(t *testing.T) { check(t, "") })
	run("tag", "--annotate", "--message", "v1.2.3", "v1.2.3")
	t.Run("accepts the commit of the tag", func(t *testing.T) { check(t, "") })
	run("commit", "--quiet", "--allow-empty", "--message", "second")
	t.Run("refuses another commit than that of the tag", func(t *testing.T) { check(t, "the tag v1.2.3 is at commit") })
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("refuses files that are not committed", func(t *testing.T) { check(t, "?? new") })
}
