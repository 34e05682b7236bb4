package server

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
)

// Tokens are the bearer tokens that may post. Several are valid at once, so that one can be replaced without a gap.
type Tokens struct{ all []token }

// token is kept as its hash: what is compared has one length, and a core dump shows nothing.
type token struct {
	hash [sha256.Size]byte
	// namespace is the only door it opens; "" opens all, the cluster-wide one included.
	namespace string
	// name stands for it in records and logs.
	name string
}

// shortest is the least length of a token.
const shortest = 8

// ReadTokens reads tokens from a file: one a line, TOKEN or NAMESPACE=TOKEN. Empty lines and lines that begin with # mean
// nothing; space around a token, and a trailing newline, are not part of it.
func ReadTokens(path string) (*Tokens, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	return parseTokens(path, content)
}

// parseTokens never repeats what a line holds.
func parseTokens(path string, content []byte) (*Tokens, error) {
	t := &Tokens{}
	n := 0
	for line := range bytes.Lines(content) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		namespace, secret := "", text
		if before, after, ok := strings.Cut(text, "="); ok && isNamespace(before) && after != "" && strings.Trim(after, "=") != "" {
			namespace, secret = before, after
		}
		if len(secret) < shortest || strings.ContainsAny(secret, " \t") {
			return nil, fmt.Errorf("%s:%d: a token has at least %d characters and no space", path, n, shortest)
		}
		t.all = append(t.all, token{hash: sha256.Sum256([]byte(secret)), namespace: namespace, name: fmt.Sprintf("token-%d", len(t.all)+1)})
	}
	if len(t.all) == 0 {
		return nil, fmt.Errorf("%s: holds no token", path)
	}
	return t, nil
}

// isNamespace reports whether a word can be the name of a namespace; a token that holds an = is no such word before it, or
// has nothing but padding behind it.
func isNamespace(word string) bool {
	if word == "" || len(word) > 63 {
		return false
	}
	for _, r := range word {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// find returns the token that a header carries. All are compared, in constant time.
func (t *Tokens) find(header string) (token, bool) {
	scheme, secret, _ := strings.Cut(header, " ")
	hash := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	var found token
	match := 0
	for i := range t.all {
		if subtle.ConstantTimeCompare(hash[:], t.all[i].hash[:]) == 1 {
			found, match = t.all[i], 1
		}
	}
	return found, match == 1 && strings.EqualFold(scheme, "bearer")
}
