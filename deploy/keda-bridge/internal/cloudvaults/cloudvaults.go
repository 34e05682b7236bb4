// Package cloudvaults reads secrets of the secret managers of cloud providers, with the libraries of the clouds, and with identities
// as KEDA's scalers use them. What KEDA's own resolver reads as an empty text, such as a secret that does not exist, is an error here.
package cloudvaults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// Read returns the value of each parameter of a request.
type Read func(ctx context.Context, r *bridgeapi.ReadSecretsRequest) (map[string]string, error)

// All returns the vaults by the fields of an authentication.
func All() map[string]Read {
	return map[string]Read{"azureKeyVault": readAzure, "awsSecretManager": readAWS, "gcpSecretManager": readGoogle}
}

// maxSecrets bounds the secrets of a request. They are read at the same time.
const maxSecrets = 64

// errAnonymous is the reason why a request without credentials and without an identity is refused. The libraries would look for an identity
// in the environment.
var errAnonymous = errors.New("it has neither credentials nor a podIdentity")

// text is a version of a secret, which may have the values of several parameters.
type text struct{ name, version, stage string }

// readTexts reads each version that the secrets of a request name once, so that a username belongs to its password, and returns the value
// of each parameter. value returns it from the text.
func readTexts(
	ctx context.Context, secrets []*bridgeapi.VaultSecret,
	read func(context.Context, text) (string, error), value func(content string, s *bridgeapi.VaultSecret) (string, error),
) (map[string]string, error) {
	if len(secrets) > maxSecrets {
		return nil, fmt.Errorf("it has more than %d secrets", maxSecrets)
	}
	type outcome struct {
		content string
		err     error
	}
	var of []text
	for _, s := range secrets {
		of = append(of, textOf(s))
	}
	slices.SortFunc(of, func(a, b text) int {
		return slices.Compare([]string{a.name, a.version, a.stage}, []string{b.name, b.version, b.stage})
	})
	of = slices.Compact(of)
	outcomes := make([]outcome, len(of))
	var all sync.WaitGroup
	for i := range of {
		all.Go(func() {
			defer recovered(&outcomes[i].err)
			outcomes[i].content, outcomes[i].err = read(ctx, of[i])
		})
	}
	all.Wait()
	values := map[string]string{}
	for _, s := range secrets {
		o := outcomes[slices.Index(of, textOf(s))]
		if o.err == nil {
			values[s.GetParameter()], o.err = value(o.content, s)
		}
		if o.err != nil {
			return nil, fmt.Errorf("parameter %s: secret %s: %w", s.GetParameter(), s.GetName(), o.err)
		}
	}
	return values, nil
}

func textOf(s *bridgeapi.VaultSecret) text { return text{s.GetName(), s.GetVersion(), s.GetStage()} }

// whole is the value of a parameter that is a whole secret.
func whole(content string, _ *bridgeapi.VaultSecret) (string, error) { return content, nil }

// recovered sets an error to a panic of its caller, if there is one.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("the library of the cloud panics: %v", cause)
	}
}
