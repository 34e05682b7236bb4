package auth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCredentials(t *testing.T) {
	t.Run("a file that a credentials list names is reloaded, too", testFileThatCredentialsListNamesIsReloadedToo)
	t.Run("an invalid token file is refused without printing it", testInvalidTokenFileIsRefusedWithoutPrintingIt)
	t.Run("anonymous requests have a rate limit per namespace", testAnonymousRequestsHaveRateLimitPerNamespace)
}

func testFileThatCredentialsListNamesIsReloadedToo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("token", "first-token\n")
	write("list.yaml", "- {name: a, namespaces: [shop], tokenFile: token}\n- {name: b, namespaces: [shop], token: other-token}")
	c, err := Read(Files{List: filepath.Join(dir, "list.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	valid := func(token string) *Credential {
		one, _ := lookup(*c.all.Load(), requestWith("Bearer "+token, nil))
		return one
	}
	other := valid("other-token")
	if changed, err := c.reload(); changed || err != nil {
		t.Errorf("nothing has changed: %t, %v", changed, err)
	}
	write("token", "second-token\n")
	if changed, err := c.reload(); !changed || err != nil {
		t.Errorf("the token has changed: %t, %v", changed, err)
	}
	if valid("first-token") != nil || valid("second-token") == nil {
		t.Error("the first token is still valid, or the second is not")
	}
	if valid("other-token") != other {
		t.Error("an unchanged credential has a new rate")
	}
	write("token", "short")
	if changed, err := c.reload(); changed || err == nil || valid("second-token") == nil {
		t.Errorf("a broken file changes the credentials: %t, %v", changed, err)
	}
}

func testInvalidTokenFileIsRefusedWithoutPrintingIt(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "short\n", "shop=short\n", "two secret words\n"} {
		_, err := parseTokens("tokens", []byte(content))
		if err == nil {
			t.Errorf("%q was accepted", content)
			continue
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "short") {
			t.Errorf("the error repeats a token: %v", err)
		}
	}
}

func testAnonymousRequestsHaveRateLimitPerNamespace(t *testing.T) {
	now := time.Now()
	s := NewAnonymousRates()
	for range anonymousBurst {
		if !s.Allow("bank", now) {
			t.Fatal("refused within its rate")
		}
	}
	if s.Allow("bank", now) || !s.Allow("shop", now) {
		t.Error("the rate of bank is not its own")
	}
	for i := range maxNamespaces {
		s.Allow(fmt.Sprint("invented-", i), now)
	}
	if len(s.limiters) > maxNamespaces || s.Allow("one-more", now) {
		t.Errorf("%d namespaces are stored", len(s.limiters))
	}
	if now = now.Add(time.Second); !s.Allow("one-more", now) || s.limiters["bank"] == nil || len(s.limiters) != 2 {
		t.Errorf("a second later %d namespaces are stored", len(s.limiters))
	}
}
