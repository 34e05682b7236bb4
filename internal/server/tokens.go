package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Tokens are the bearer tokens that may post. Several are valid at once, so that one can be replaced without a gap.
type Tokens struct {
	path string
	// all is replaced as a whole when the file changes.
	all atomic.Pointer[[]token]
}

// token is kept as its hash: what is compared has one length, and a core dump shows nothing.
type token struct {
	hash [sha256.Size]byte
	// namespace is the only door it opens; "" opens all, the cluster-wide one included.
	namespace string
}

const (
	// shortest is the least length of a token.
	shortest = 8
	// lookEvery is how often the file is looked at for changes.
	lookEvery = time.Second
)

// ReadTokens reads tokens from a file: one a line, TOKEN or NAMESPACE=TOKEN. Empty lines and lines that begin with # mean
// nothing; space around a token, and a trailing newline, are not part of it.
func ReadTokens(path string) (*Tokens, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	all, err := parseTokens(path, content)
	if err != nil {
		return nil, err
	}
	t := &Tokens{path: path}
	t.all.Store(&all)
	return t, nil
}

// parseTokens never repeats what a line holds.
func parseTokens(path string, content []byte) ([]token, error) {
	var all []token
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
		all = append(all, token{hash: sha256.Sum256([]byte(secret)), namespace: namespace})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: holds no token", path)
	}
	return all, nil
}

// Follow takes up what the file holds from then on, until ctx is done. A mounted Secret is a link that is switched: what
// counts is what it leads to. While the file cannot be read or understood, the tokens that were read last stay valid, and
// the log says so.
func (t *Tokens) Follow(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := t.look()
		switch {
		case err == nil && (changed || said != ""):
			log.Info("tokens read", "file", t.path, "tokens", len(*t.all.Load()))
			said = ""
		case err != nil && err.Error() != said:
			log.Warn("tokens not read: those from before stay valid", "error", err)
			said = err.Error()
		}
	}
}

// look reads the file, and reports whether other tokens are valid now.
func (t *Tokens) look() (bool, error) {
	next, err := ReadTokens(t.path)
	if err != nil {
		return false, err
	}
	all := next.all.Load()
	if slices.Equal(*all, *t.all.Load()) {
		return false, nil
	}
	t.all.Store(all)
	return true, nil
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
	for _, one := range *t.all.Load() {
		if subtle.ConstantTimeCompare(hash[:], one.hash[:]) == 1 {
			found, match = one, 1
		}
	}
	return found, match == 1 && strings.EqualFold(scheme, "bearer")
}
