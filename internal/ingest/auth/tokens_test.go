package auth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

func TestTokens(t *testing.T) {
	t.Run("tokens are rotated without a restart", testTokensAreRotatedWithoutRestart)
	t.Run("unreadable tokens keep the old ones", testUnreadableTokensKeepOldOnes)
	t.Run("nothing is logged while the tokens stay the same", testNothingIsLoggedWhileTokensStaySame)
}

// mountedSecret is a Secret as a kubelet mounts it: the file is a link through another link, which the kubelet replaces.
type mountedSecret struct {
	t    *testing.T
	dir  string
	log  bytes.Buffer
	all  *Credentials
	file string
}

// withMountedSecret runs a test in a bubble of fake time with credentials that are reloaded from a mounted Secret.
func withMountedSecret(t *testing.T, content string, test func(t *testing.T, m *mountedSecret)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &mountedSecret{t: t, dir: t.TempDir()}
		m.file = filepath.Join(m.dir, "tokens")
		if err := os.Symlink(filepath.Join("..data", "tokens"), m.file); err != nil {
			t.Fatal(err)
		}
		m.change(content)
		var err error
		if m.all, err = Read(Files{Tokens: m.file}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { m.all.Follow(ctx, slog.New(slog.NewTextHandler(&m.log, nil))) })
		test(t, m)
		cancel()
		done.Wait()
	})
}

// change switches to another version of the Secret, and waits until it has been read.
func (m *mountedSecret) change(content string) {
	m.t.Helper()
	version, err := os.MkdirTemp(m.dir, "..version-")
	err = errors.Join(err, os.WriteFile(filepath.Join(version, "tokens"), []byte(content), 0o600),
		os.Symlink(filepath.Base(version), filepath.Join(m.dir, "..next")),
		os.Rename(filepath.Join(m.dir, "..next"), filepath.Join(m.dir, "..data")))
	if err != nil {
		m.t.Fatal(err)
	}
	m.awaitReload()
}

func (m *mountedSecret) awaitReload() {
	<-time.After(2 * regularfile.FollowInterval)
	synctest.Wait()
}

func (m *mountedSecret) lookup(token string) (*Credential, bool) {
	return lookup(*m.all.all.Load(), &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
}

// expectValid fails the test unless exactly these tokens are valid.
func (m *mountedSecret) expectValid(tokens ...string) {
	m.t.Helper()
	for _, secret := range []string{"first-token", "second-token", "third-token"} {
		_, ok := m.lookup(secret)
		if want := strings.Contains(strings.Join(tokens, " "), secret); ok != want {
			m.t.Errorf("%s is valid: %t, want %t", secret, ok, want)
		}
	}
}

func testTokensAreRotatedWithoutRestart(t *testing.T) {
	withMountedSecret(t, "first-token\n", func(t *testing.T, m *mountedSecret) {
		m.expectValid("first-token")
		m.change("first-token\nsecond-token\n")
		m.expectValid("first-token", "second-token")
		m.change("second-token\n")
		m.expectValid("second-token")
		m.change("shop=second-token\n")
		if one, ok := m.lookup("second-token"); !ok || !one.allows("shop") || one.allows("bank") {
			t.Errorf("the token is valid for the wrong namespaces: %v", one)
		}
		if got := m.log.String(); strings.Count(got, "files reloaded") != 3 || strings.Contains(got, "second-token") {
			t.Errorf("the log is\n%s", got)
		}
	})
}

func testUnreadableTokensKeepOldOnes(t *testing.T) {
	withMountedSecret(t, "first-token\n", func(t *testing.T, m *mountedSecret) {
		m.change("# nothing\n")
		m.expectValid("first-token")
		<-time.After(time.Hour)
		if err := os.Remove(m.file); err != nil {
			t.Fatal(err)
		}
		m.awaitReload()
		m.expectValid("first-token")
		if got := m.log.String(); strings.Count(got, "files not reloaded") != 2 || !strings.Contains(got, "holds no token") || !strings.Contains(got, "no such file") {
			t.Errorf("the log is\n%s\nwant \"files not reloaded\" twice, \"holds no token\" and \"no such file\"", got)
		}
		if err := os.Symlink(filepath.Join("..data", "tokens"), m.file); err != nil {
			t.Fatal(err)
		}
		m.change("third-token\n")
		m.expectValid("third-token")
	})
}

func testNothingIsLoggedWhileTokensStaySame(t *testing.T) {
	withMountedSecret(t, "first-token\n", func(t *testing.T, m *mountedSecret) {
		m.change("\n# The same.\nfirst-token\n")
		<-time.After(time.Hour)
		m.expectValid("first-token")
		if m.log.Len() > 0 {
			t.Errorf("the log is\n%s", m.log.String())
		}
	})
}
