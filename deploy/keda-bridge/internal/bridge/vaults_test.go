package bridge

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/cloudvaults"
)

func TestVaults(t *testing.T) {
	t.Run("an error and a panic have their codes, and repeat no credential", testFaultOfVaultHasCode)
	t.Run("a hung vault ends with the request, and their number is bounded", testHungVaultEndsWithRequest)
}

// secretsRequest returns the request for a vault.
func secretsRequest(vault string) *bridgeapi.ReadSecretsRequest {
	return &bridgeapi.ReadSecretsRequest{
		Version: bridgeapi.Version_VERSION_CURRENT, Vault: vault, Credentials: map[string]string{"clientSecret": "hunter2!"},
	}
}

func testFaultOfVaultHasCode(t *testing.T) {
	s := New(nil)
	s.vaults = map[string]cloudvaults.Read{
		"good": func(context.Context, *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
			return map[string]string{"password": "x"}, nil
		},
		"bad": func(context.Context, *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
			return nil, errors.New("refuses hunter2!")
		},
		"broken": func(context.Context, *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
			var value *string
			return map[string]string{"password": *value}, nil
		},
	}
	if answer, err := s.ReadSecrets(t.Context(), secretsRequest("good")); err != nil || answer.GetValues()["password"] != "x" {
		t.Errorf("got %v and the error %v, want the value", answer, err)
	}
	old := secretsRequest("good")
	old.Version = 2
	for name, c := range map[string]struct {
		request *bridgeapi.ReadSecretsRequest
		code    codes.Code
		want    string
	}{
		"an error":        {secretsRequest("bad"), codes.Unavailable, "refuses [credential]"},
		"a panic":         {secretsRequest("broken"), codes.Internal, "panics"},
		"no vault":        {secretsRequest("other"), codes.Unimplemented, `"other" is unknown`},
		"another version": {old, codes.FailedPrecondition, "and Impulse version 2"},
	} {
		if _, err := s.ReadSecrets(t.Context(), c.request); status.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want the code %s and %s", name, err, c.code, c.want)
		}
	}
}

func testHungVaultEndsWithRequest(t *testing.T) {
	s := New(nil)
	hung := make(chan struct{})
	s.vaults = map[string]cloudvaults.Read{"hung": func(context.Context, *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
		<-hung
		return nil, nil
	}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range maxVaults {
		if _, err := s.ReadSecrets(ended, secretsRequest("hung")); status.Code(err) != codes.DeadlineExceeded {
			t.Fatalf("got the error %v, want the code DeadlineExceeded", err)
		}
	}
	if _, err := s.ReadSecrets(t.Context(), secretsRequest("hung")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got the error %v, want the code ResourceExhausted", err)
	}
	close(hung)
	for range maxVaults { // The readings end.
		s.reading <- struct{}{}
	}
}
