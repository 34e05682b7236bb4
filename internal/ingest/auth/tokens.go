package auth

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// minSecret is the least length of a token or a password.
const minSecret = 8

// readTokens reads bearer tokens from a file, one a line: TOKEN or NAMESPACE=TOKEN. It skips empty lines and lines that begin
// with #, and trims white space. The tokens have no name, so an alert that is sent with two of them is one alert.
func readTokens(path string) ([]*Credential, error) {
	content, err := regularfile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	return parseTokens(path, content)
}

// parseTokens parses the content of a file of tokens. Its errors do not repeat the lines.
func parseTokens(path string, content []byte) ([]*Credential, error) {
	var (
		all      []*Credential
		mistakes []error
		n        int
	)
	for line := range bytes.Lines(content) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		namespace, secret := AllNamespaces, text
		if before, after, ok := strings.Cut(text, "="); ok && IsNamespace(before) && strings.Trim(after, "=") != "" {
			namespace, secret = before, after
		}
		if len(secret) < minSecret || strings.ContainsAny(secret, " \t") {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: a token has at least %d characters and no space", path, n, minSecret))
			continue
		}
		all = append(all, newCredential("", bearerDigest(secret), namespace))
	}
	if len(all) == 0 && len(mistakes) == 0 {
		mistakes = append(mistakes, fmt.Errorf("%s: holds no token", path))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return all, nil
}
