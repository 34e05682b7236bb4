package database

import (
	"context"
	"errors"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestCredentials(t *testing.T) {
	t.Run("all parameters are read without line breaks at the end", testAllParametersAreReadWithoutLineBreaksAtEnd)
	t.Run("a reading that fails is reported", testParameterThatCannotBeReadIsNamed)
	t.Run("different credentials have different digests", testDifferentCredentialsHaveDifferentDigests)
	t.Run("an error with a secret is not shown", testErrorWithSecretIsNotShown)
}

func testAllParametersAreReadWithoutLineBreaksAtEnd(t *testing.T) {
	values := map[string]string{"password": " p \r\n", "host": "h", "other": "o"}
	c, err := readCredentials(t.Context(), triggertest.Secrets(values), []triggers.AuthParameter{{Name: "password"}, {Name: "host"}, {Name: "port"}})
	if err != nil || len(c) != 2 || c["password"] != " p " || c["host"] != "h" {
		t.Errorf("got %q, %v", c, err)
	}
	if c, err := readCredentials(t.Context(), nil, []triggers.AuthParameter{{Name: "password"}}); err != nil || len(c) > 0 {
		t.Errorf("without secrets: got %q, %v", c, err)
	}
}

func testParameterThatCannotBeReadIsNamed(t *testing.T) {
	lost := errors.New("lost")
	_, err := readCredentials(t.Context(), triggertest.SecretsFunc(func(context.Context, string) (string, error) { return "", lost }), []triggers.AuthParameter{{Name: "password"}})
	if !errors.Is(err, lost) || err.Error() != "read the credentials: lost" {
		t.Errorf("got %v", err)
	}
}

func testDifferentCredentialsHaveDifferentDigests(t *testing.T) {
	seen := map[string]Credentials{}
	for _, c := range []Credentials{
		{}, {"host": "a"}, {"port": "a"}, {"host": "ab"}, {"host": "a", "port": "b"}, {"host": "a1:port=b"}, {"host": "b", "port": "a"}, {"password": "host=1:a"},
	} {
		if other, ok := seen[c.digest()]; ok {
			t.Errorf("%q and %q have the same digest", c, other)
		}
		seen[c.digest()] = c
	}
}

func testErrorWithSecretIsNotShown(t *testing.T) {
	c := Credentials{"password": "horse", "userName": "reader"}
	for text, want := range map[string]string{
		"user reader is unknown": "user reader is unknown",
		"a horse is no password": "the reason is not shown, because it contains the credential password",
	} {
		if got := c.redact(errors.New(text)); got.Error() != want {
			t.Errorf("%s: got %v, want %s", text, got, want)
		}
	}
}
