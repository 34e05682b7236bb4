package release

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// behind matches what git describe says about a commit after a tag.
var behind = regexp.MustCompile(`^(.+)-\d+-g[0-9a-f]{7,}$`)

// CheckVersion returns an error unless version is the complete version of a release, such as v1.2.3 or v1.2.3-rc.1.
func CheckVersion(version string) error {
	suggestion := "write it as VERSION=v1.2.3 or VERSION=v1.2.3-rc.1"
	fixed := "v" + strings.TrimPrefix(version, "v")
	described := behind.FindStringSubmatch(version)
	switch {
	case semver.IsValid(fixed) && strings.HasSuffix(version, "-dirty"):
		suggestion = "it names files that are not committed; commit them, and write a version such as v1.2.3"
	case semver.IsValid(fixed) && described != nil:
		suggestion = "it names a commit behind the tag " + described[1] + "; write a new version"
	case semver.IsValid(version) && semver.Canonical(version) == version:
		return nil
	case semver.IsValid(fixed):
		suggestion = "write VERSION=" + semver.Canonical(fixed)
	}
	return fmt.Errorf("VERSION=%s is not the version of a release: %s", version, suggestion)
}

// CheckTree returns an error unless the repository in dir has exactly the commit that is released: nothing is changed, and the tag of
// the version, if it exists, is at this commit.
func CheckTree(ctx context.Context, dir, version string) error {
	changed, err := git(ctx, dir, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("these files differ from the commit, and would be released without being recorded anywhere: commit or remove them\n%s", changed)
	}
	head, err := git(ctx, dir, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	tagged, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "refs/tags/"+version+"^{commit}")
	if err != nil {
		return nil //nolint:nilerr // There is no such tag yet.
	}
	if tagged != head {
		return fmt.Errorf("the tag %s is at commit %.12s, and this is %.12s: check out the tag, or choose another version", version, tagged, head)
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
