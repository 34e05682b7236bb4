package httpauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/impulse-sh/impulse/triggers"
)

// Transport authenticates each request with the current credentials. Set the fields before the first request.
type Transport struct {
	// Base sends the requests.
	Base http.RoundTripper
	// Modes are how to authenticate. Without any, the parameter authModes of the credentials says it.
	Modes Modes
	// Secrets reads the credentials.
	Secrets triggers.Secrets
	// UnsafeSSL accepts any certificate of the server.
	UnsafeSSL bool
	// Sign signs a request that has everything else already, and none of the modes. It may change the request. It may be nil.
	Sign func(r *http.Request) error

	tokens tokens
}

// RoundTrip sends one request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Secrets == nil && len(t.Modes) == 0 && !t.UnsafeSSL && t.Sign == nil { // There is nothing to add.
		return cmp.Or(t.Base, http.DefaultTransport).RoundTrip(r)
	}
	r = r.Clone(r.Context())
	base, modes, err := t.authenticate(r)
	if err == nil && t.Sign != nil && len(modes) == 0 { // As in KEDA, which signs nothing that it authenticates in another way.
		err = t.Sign(r)
	}
	if err != nil {
		return nil, errors.Join(err, closeBody(r))
	}
	resp, err := base.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.tokens.forget() // It may have been revoked.
	}
	return resp, err
}

// closeBody closes the body of a request that is not sent, as http.RoundTripper requires.
func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// authenticate adds the current credentials to a request. It returns the transport that sends it, and the modes that were used.
func (t *Transport) authenticate(r *http.Request) (http.RoundTripper, Modes, error) {
	var names []string
	for _, p := range Parameters() {
		names = append(names, p.Name)
	}
	values, err := t.Secrets.Read(r.Context(), names...)
	if err != nil {
		return nil, nil, err
	}
	for name, other := range map[string]string{"bearerToken": "token", "scopes": "scope", "authModes": "authMode"} {
		if values[name] == "" && values[other] != "" {
			values[name] = values[other]
		}
	}
	modes := t.Modes
	if len(modes) == 0 {
		if modes, err = Parse(values["authModes"]); err != nil {
			return nil, nil, fmt.Errorf("read the authenticationRef: %w", err)
		}
	}
	base, err := WithCertificates(t.Base, values["ca"], values["cert"], values["key"], t.UnsafeSSL)
	if err != nil {
		return nil, nil, err
	}
	for _, mode := range modes {
		if err := t.add(r.Context(), r, mode, values, base); err != nil {
			return nil, nil, err
		}
	}
	return base, modes, nil
}

// needed are the parameters that a mode cannot do without.
var needed = map[string][]string{
	Bearer: {"bearerToken"}, Basic: {"username"}, OAuth: {"oauthTokenURI", "clientID"}, Custom: {"customAuthHeader", "customAuthValue"}, TLS: {"cert", "key"},
}

// add adds the credentials of one mode. base also sends the request for a token.
func (t *Transport) add(ctx context.Context, r *http.Request, mode string, values map[string]string, base http.RoundTripper) error {
	for _, name := range needed[mode] {
		if values[name] == "" {
			return fmt.Errorf("authModes is %s, but the authenticationRef has no parameter %s", mode, name)
		}
	}
	switch mode {
	case Bearer:
		r.Header.Set("Authorization", "Bearer "+values["bearerToken"])
	case Basic:
		r.SetBasicAuth(values["username"], values["password"])
	case OAuth:
		token, err := t.tokens.get(ctx, values, base)
		if err != nil {
			return err
		}
		token.SetAuthHeader(r)
	case Custom:
		name, value := values["customAuthHeader"], values["customAuthValue"]
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return errors.New("the parameters customAuthHeader and customAuthValue of the authenticationRef are not a header")
		}
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	return nil
}

// scopesOf returns the elements of a list that is separated by commas or blanks.
func scopesOf(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
