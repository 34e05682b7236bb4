package auth

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// maxFile bounds a file of credentials, in bytes.
const maxFile = 1 << 20

// Credentials are all credentials that are valid now. Several may have one name, so that one can be replaced without a gap.
type Credentials struct {
	files Files
	// all is replaced as a whole when a file changes.
	all atomic.Pointer[[]*Credential]
}

// Files are the paths of the files that hold credentials; "" means none.
type Files struct {
	// Tokens holds bearer tokens, one a line. List holds credentials of all kinds, as YAML.
	Tokens, List string
	// Certificates: the server asks its clients for certificates. Without it a clientCertificate in List is an error.
	Certificates bool
}

// Read reads all files. It returns nil when no file is named, and an error that joins all mistakes in them.
func Read(files Files) (*Credentials, error) {
	if files.Tokens == "" && files.List == "" {
		return nil, nil // The caller asked for no credentials.
	}
	all, err := files.read()
	if err != nil {
		return nil, err
	}
	c := &Credentials{files: files}
	c.all.Store(&all)
	return c, nil
}

func (f Files) read() ([]*Credential, error) {
	var (
		all      []*Credential
		mistakes []error
	)
	if f.List != "" {
		some, err := readList(f.List, f.Certificates)
		all, mistakes = append(all, some...), append(mistakes, err)
	}
	if f.Tokens != "" {
		some, err := readTokens(f.Tokens)
		all, mistakes = append(all, some...), append(mistakes, err)
	}
	return all, errors.Join(mistakes...)
}

// Follow reloads the files until ctx is done. While one of them, or a file that it names, cannot be read or parsed, the
// credentials that were read last stay valid, and the error is logged.
func (c *Credentials) Follow(ctx context.Context, log *slog.Logger) {
	regularfile.Follow(ctx, "credentials", c.reload, log)
}

// reload reads the files, and reports whether the credentials have changed. Unchanged credentials keep their rate
// limiters, so that a reload does not refill these.
func (c *Credentials) reload() (bool, error) {
	next, err := c.files.read()
	if err != nil {
		return false, err
	}
	before := *c.all.Load()
	if slices.EqualFunc(before, next, (*Credential).equal) {
		return false, nil
	}
	for i, one := range next {
		if j := slices.IndexFunc(before, one.equal); j >= 0 {
			next[i] = before[j]
		}
	}
	c.all.Store(&next)
	return true, nil
}
