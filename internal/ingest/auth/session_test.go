package auth

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSession(t *testing.T) {
	t.Run("every replica with the same credentials accepts a session", testEveryReplicaAcceptsSession)
	t.Run("a session that was changed is not accepted", testChangedSessionIsNotAccepted)
	t.Run("a session ends with its time and with its credential", testSessionEndsWithItsTimeAndCredential)
}

// readTokensOf returns the credentials of a file of tokens.
func readTokensOf(t *testing.T, tokens string) *Credentials {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(tokens), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := Read(Files{Tokens: path})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// newSession signs in with a token for an hour.
func newSession(t *testing.T, all *Credentials, token string, now time.Time) string {
	t.Helper()
	credential, err := all.SignIn("", token, now)
	if err != nil {
		t.Fatal(err)
	}
	return credential.NewSession(now.Add(time.Hour))
}

func testEveryReplicaAcceptsSession(t *testing.T) {
	const tokens = "shop=token-of-shop\nbank=token-of-bank\n"
	now := time.Now()
	session := newSession(t, readTokensOf(t, tokens), "token-of-bank", now)
	credential, err := readTokensOf(t, tokens).Resume(session, now)
	if err != nil || credential.Authorize("bank") != nil || credential.Authorize("shop") == nil {
		t.Errorf("got %+v, %v, want the credential of bank", credential, err)
	}
}

func testChangedSessionIsNotAccepted(t *testing.T) {
	now := time.Now()
	all := readTokensOf(t, "token-of-all\n")
	session := newSession(t, all, "token-of-all", now)
	content, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil {
		t.Fatal(err)
	}
	for i := range content {
		changed := append([]byte(nil), content...)
		changed[i] ^= 1
		if _, err := all.Resume(base64.RawURLEncoding.EncodeToString(changed), now); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("with byte %d changed: got %v, want ErrUnauthenticated", i, err)
		}
	}
	for _, wrong := range []string{"", "x", "token-of-all", session + "A", session[:len(session)-2], base64.RawURLEncoding.EncodeToString(make([]byte, 40))} {
		if _, err := all.Resume(wrong, now); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%q: got %v, want ErrUnauthenticated", wrong, err)
		}
	}
}

func testSessionEndsWithItsTimeAndCredential(t *testing.T) {
	now := time.Now()
	all := readTokensOf(t, "token-of-all\n")
	session := newSession(t, all, "token-of-all", now)
	if _, err := all.Resume(session, now.Add(time.Hour-2*time.Second)); err != nil {
		t.Errorf("before its end: %v", err)
	}
	if _, err := all.Resume(session, now.Add(time.Hour)); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("at its end: got %v, want ErrUnauthenticated", err)
	}
	if _, err := readTokensOf(t, "another-token\n").Resume(session, now); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("after a rotation: got %v, want ErrUnauthenticated", err)
	}
	for range CredentialBurst {
		_, _ = all.Resume(session, now)
	}
	if _, err := all.Resume(session, now); !errors.Is(err, ErrRateLimited) {
		t.Errorf("beyond the rate: got %v, want ErrRateLimited", err)
	}
}
