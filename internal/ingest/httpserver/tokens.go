package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// shortest is the least length of a token or a password.
const shortest = 8

// readTokens reads bearer tokens from a file: one a line, TOKEN or NAMESPACE=TOKEN. Empty lines and lines that begin with #
// mean nothing; space around a token, and a trailing newline, are not part of it. They have no name: whichever of them a
// sender uses, it is one door.
func readTokens(path string) ([]*credential, error) {
	content, err := regularfile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	return parseTokens(path, content)
}

// parseTokens never repeats what a line holds.
func parseTokens(path string, content []byte) ([]*credential, error) {
	var (
		all   []*credential
		wrong []error
		n     int
	)
	for line := range bytes.Lines(content) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		namespace, secret := everywhere, text
		if before, after, ok := strings.Cut(text, "="); ok && isNamespace(before) && strings.Trim(after, "=") != "" {
			namespace, secret = before, after
		}
		if len(secret) < shortest || strings.ContainsAny(secret, " \t") {
			wrong = append(wrong, fmt.Errorf("%s:%d: a token has at least %d characters and no space", path, n, shortest))
			continue
		}
		all = append(all, newCredential("", bearer(secret), namespace))
	}
	if len(all) == 0 && len(wrong) == 0 {
		wrong = append(wrong, fmt.Errorf("%s: holds no token", path))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return all, nil
}
