package httpauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// maxTokenAge bounds how long a token without an expiry is used.
const maxTokenAge = 10 * time.Minute

// tokens keeps the token of an OAuth 2 client until it expires, or until the client's parameters change.
type tokens struct {
	mu    sync.Mutex
	token *oauth2.Token
	// client is the client of the token, and until the end of its use.
	client client
	until  time.Time
}

// client identifies an OAuth 2 client, and what it asks for.
type client struct{ url, id, secret, scopes, parameters string }

// get returns a valid token. base sends the request for it.
func (t *tokens) get(ctx context.Context, values map[string]string, base http.RoundTripper) (*oauth2.Token, error) {
	c := client{values["oauthTokenURI"], values["clientID"], values["clientSecret"], values["scopes"], values["endpointParams"]}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Valid() && t.client == c && time.Now().Before(t.until) {
		return t.token, nil
	}
	token, err := c.request(ctx, base)
	if err != nil {
		return nil, err
	}
	t.token, t.client, t.until = token, c, time.Now().Add(maxTokenAge)
	return token, nil
}

// forget makes the next get request a new token.
func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = nil
}

// request requests a token. No error contains the secret or the answer.
func (c client) request(ctx context.Context, base http.RoundTripper) (*oauth2.Token, error) {
	endpoint, err := url.Parse(c.url)
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http" {
		return nil, errors.New("the parameter oauthTokenURI of the authenticationRef is not an http or https URL")
	}
	parameters, err := url.ParseQuery(c.parameters)
	if err != nil {
		return nil, errors.New("the parameter endpointParams of the authenticationRef is not a query such as audience=metrics")
	}
	config := clientcredentials.Config{ClientID: c.id, ClientSecret: c.secret, TokenURL: c.url, Scopes: scopesOf(c.scopes), EndpointParams: parameters}
	if c.secret == "" {
		config.AuthStyle = oauth2.AuthStyleInParams
	}
	via := &http.Client{Transport: base, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		return fmt.Errorf("it redirects to %s://%s", next.URL.Scheme, next.URL.Host)
	}}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, via))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, fmt.Errorf("request a token from %s: it answered %s", endpoint.Host, strings.TrimSpace(refused.Response.Status+" "+refused.ErrorCode))
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, fmt.Errorf("request a token from %s: %w", endpoint.Host, failed.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("request a token from %s: its answer has no token", endpoint.Host)
	}
	return token, nil
}
