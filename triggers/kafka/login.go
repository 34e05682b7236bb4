package kafka

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// login returns how to log in to each broker; nil without a login. life ends with the session.
func (a access) login(life context.Context, web *http.Client) (sasl.Mechanism, error) {
	switch a.mechanism {
	case mechanismPlain:
		return plain.Auth{User: a.username, Pass: a.password}.AsMechanism(), nil
	case mechanismSCRAM256:
		return scram.Auth{User: a.username, Pass: a.password}.AsSha256Mechanism(), nil
	case mechanismSCRAM512:
		return scram.Auth{User: a.username, Pass: a.password}.AsSha512Mechanism(), nil
	case mechanismToken:
		return a.tokens(life, web)
	}
	return nil, nil
}

// tokens returns a login with tokens of an OAuth 2 server. A token is used until it expires.
func (a access) tokens(life context.Context, web *http.Client) (sasl.Mechanism, error) {
	extensions := map[string]string{}
	for pair := range strings.SplitSeq(a.extensions, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if ok {
			extensions[key] = value
		} else if a.extensions != "" {
			return nil, errors.New("the credential oauthExtensions does not have the form key=value,key=value")
		}
	}
	settings := clientcredentials.Config{
		ClientID: a.username, ClientSecret: a.password, TokenURL: a.tokenURL,
		Scopes: strings.FieldsFunc(a.scopes, func(r rune) bool { return r == ',' || r == ' ' }),
	}
	client := *web
	client.Timeout = exchangeTimeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // The secret stays with its server.
	source := settings.TokenSource(context.WithValue(life, oauth2.HTTPClient, &client))
	return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		token, err := source.Token()
		if err != nil {
			return oauth.Auth{}, tokenFailure(err)
		}
		return oauth.Auth{Token: token.AccessToken, Extensions: extensions}, nil
	}), nil
}

// tokenFailure returns the error of a token server, without what it has sent: that may repeat the client's secret.
func tokenFailure(err error) error {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok && answer.Response != nil {
		return errors.New("get a token: the server of oauthTokenEndpointUri answers " + answer.Response.Status)
	}
	return errors.New("get a token: the server of oauthTokenEndpointUri cannot be reached, or sends no token")
}
