package cloudvaults

import (
	"context"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

func TestCloudvaults(t *testing.T) {
	t.Run("a library that panics makes its own vault an error", testLibraryThatPanicsIsError)
	t.Run("more secrets than a request may name are an error", testTooManySecretsAreError)
}

func testLibraryThatPanicsIsError(t *testing.T) {
	read := func(context.Context, text) (string, error) { panic("oh") }
	got, err := readTexts(t.Context(), []*bridgeapi.VaultSecret{{Parameter: "p", Name: "db"}}, read, whole)
	if err == nil || err.Error() != "parameter p: secret db: the library of the cloud panics: oh" {
		t.Errorf("got %v and the error %v, want that of the panic", got, err)
	}
}

func testTooManySecretsAreError(t *testing.T) {
	read := func(context.Context, text) (string, error) {
		t.Error("a secret was read")
		return "", nil
	}
	got, err := readTexts(t.Context(), make([]*bridgeapi.VaultSecret, maxSecrets+1), read, whole)
	if err == nil || !strings.Contains(err.Error(), "more than 64 secrets") {
		t.Errorf("got %v and the error %v, want one", got, err)
	}
}
