package main

import (
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/binaries"
)

// place selects a sandbox.
type place struct{ name, dir string }

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// folder is the absolute path of the sandbox's folder.
func (p *place) folder() (string, error) {
	if p.dir != "" {
		return filepath.Abs(p.dir)
	}
	if !namePattern.MatchString(p.name) {
		return "", fmt.Errorf("--name %q: use at most 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit", p.name)
	}
	cache, err := binaries.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "run", p.name), nil
}
