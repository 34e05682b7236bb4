package httpauth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
)

// Modes are the ways in which a trigger authenticates. None of bearer, basic and oauth goes with another of them.
type Modes []string

// The modes, with KEDA's names.
const (
	Bearer = "bearer"
	Basic  = "basic"
	OAuth  = "oauth"
	Custom = "custom"
	TLS    = "tls"
)

// all are the modes.
var all = []string{Bearer, Basic, OAuth, Custom, TLS}

// Parse returns the modes in the value of the parameter authModes. The error is a *triggers.FieldError.
func Parse(value string) (Modes, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var modes Modes
	for mode := range strings.SplitSeq(value, ",") {
		mode = strings.TrimSpace(mode)
		if !slices.Contains(all, mode) {
			return nil, invalid(fmt.Sprintf("%q is not supported", mode), "write "+strings.Join(all[:len(all)-1], ", ")+" or "+all[len(all)-1])
		}
		if !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	exclusive := slices.DeleteFunc(slices.Clone(modes), func(mode string) bool { return mode == Custom || mode == TLS })
	if len(exclusive) > 1 {
		return nil, invalid(strings.Join(exclusive, " and ")+" exclude each other", "write one of them")
	}
	return modes, nil
}

func invalid(problem, suggestion string) error {
	return &triggers.FieldError{Field: "authModes", Problem: problem, Suggestion: suggestion}
}

// Parameters returns the parameters of the authenticationRef that the modes use. Certificates are used without any mode; tls means that
// there has to be one.
func Parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "authModes", Doc: "As in the metadata, if they have neither authModes nor authMode."},
		{Name: "authMode", Doc: "Another name of authModes."},
		{Name: "bearerToken", Doc: "The token for authModes bearer."},
		{Name: "token", Doc: "Another name of bearerToken."},
		{Name: "username", Doc: "The user for authModes basic."},
		{Name: "password", Doc: "The password of the user."},
		{Name: "oauthTokenURI", Doc: "For authModes oauth, the URL of the token endpoint. oauth2 of the authenticationRef defines this, clientID, clientSecret, scopes and endpointParams."},
		{Name: "clientID", Doc: "The identifier of the OAuth 2 client."},
		{Name: "clientSecret", Doc: "The secret of the OAuth 2 client."},
		{Name: "scopes", Doc: "The scopes that the client requests, separated by commas."},
		{Name: "scope", Doc: "Another name of scopes."},
		{Name: "endpointParams", Doc: "Further parameters for the token endpoint, such as audience=metrics&resource=a."},
		{Name: "customAuthHeader", Doc: "The name of the header for authModes custom."},
		{Name: "customAuthValue", Doc: "The value of this header."},
		{Name: "ca", Doc: "CA certificates in PEM that sign the certificate of the server. Default: those of the system."},
		{Name: "cert", Doc: "A client certificate in PEM. authModes tls requires it."},
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
	}
}
