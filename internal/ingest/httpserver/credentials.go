package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
)

// Credentials are what lets requests in. Several are valid at once, so that one can be replaced without a gap.
type Credentials struct {
	files CredentialFiles
	// all is replaced as a whole when a file changes.
	all atomic.Pointer[[]*credential]
}

// CredentialFiles are the files that hold credentials; "" is none.
type CredentialFiles struct {
	// Tokens holds bearer tokens, one a line. List holds credentials of all kinds, as YAML.
	Tokens, List string
	// Certificates says that clients are asked for certificates; without it no credential may be one.
	Certificates bool
}

// ReadCredentials reads all files, or says everything that is wrong with them. It is nil when no file is named.
func ReadCredentials(files CredentialFiles) (*Credentials, error) {
	if files.Tokens == "" && files.List == "" {
		return nil, nil //nolint:nilnil // No credentials is what was asked for, and what Options understands.
	}
	all, err := files.read()
	if err != nil {
		return nil, err
	}
	c := &Credentials{files: files}
	c.all.Store(&all)
	return c, nil
}

func (f CredentialFiles) read() ([]*credential, error) {
	var (
		all   []*credential
		wrong []error
	)
	if f.List != "" {
		some, err := readList(f.List, f.Certificates)
		all, wrong = append(all, some...), append(wrong, err)
	}
	if f.Tokens != "" {
		some, err := readTokens(f.Tokens)
		all, wrong = append(all, some...), append(wrong, err)
	}
	return all, errors.Join(wrong...)
}

// Follow takes up what the files hold from then on, until ctx is done. While one of them, or a file that it names, cannot
// be read or understood, the credentials that were read last stay valid, and the log says so.
func (c *Credentials) Follow(ctx context.Context, log *slog.Logger) {
	follow(ctx, "credentials", c.look, log)
}

// look reads the files, and reports whether other credentials are valid now. Those that stay keep their rate.
func (c *Credentials) look() (bool, error) {
	next, err := c.files.read()
	if err != nil {
		return false, err
	}
	before := *c.all.Load()
	if slices.EqualFunc(before, next, (*credential).same) {
		return false, nil
	}
	for i, one := range next {
		if j := slices.IndexFunc(before, one.same); j >= 0 {
			next[i] = before[j]
		}
	}
	c.all.Store(&next)
	return true, nil
}
