package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/impulse-sh/impulse/internal/printable"
)

const (
	// maxAnswer bounds the size of an answer, in bytes.
	maxAnswer = 1 << 20
	// maxReason bounds the length of a reason that the server gives, in bytes.
	maxReason = 300
)

// client sends requests to one server.
type client struct {
	http      *http.Client
	base      *url.URL
	namespace string
	token     string
}

// newClient returns the client of a server.
func newClient(via *http.Client, address, namespace string) (*client, error) {
	base, err := url.Parse(strings.TrimSpace(address))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" || base.User != nil {
		return nil, fmt.Errorf("the address %q is not an http or https URL such as https://vault.vault:8200", printable.Line(address, maxReason))
	}
	own := *via
	own.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		return fmt.Errorf("it redirects to %s://%s, and the token is sent to no other server", next.URL.Scheme, next.URL.Host)
	}
	return &client{http: &own, base: base, namespace: namespace}, nil
}

// answer is what the server answers.
type answer struct {
	Data          map[string]any `json:"data"`
	LeaseID       string         `json:"lease_id"`
	LeaseDuration int64          `json:"lease_duration"`
	Auth          *struct {
		ClientToken string `json:"client_token"`
	} `json:"auth"`
	Errors []string `json:"errors"`
}

// send sends a request for a path, with a body if it is not nil. No error contains the token, the body or a secret.
func (c *client) send(ctx context.Context, method, path string, body map[string]string) (*answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	at := c.base.JoinPath("v1", path)
	request, err := http.NewRequestWithContext(ctx, method, at.String(), content)
	if err != nil {
		return nil, errors.New("the address or the path is not valid")
	}
	request.Header.Set("X-Vault-Request", "true")
	if c.token != "" {
		request.Header.Set("X-Vault-Token", c.token)
	}
	if c.namespace != "" {
		request.Header.Set("X-Vault-Namespace", c.namespace)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.reason(err)
	}
	defer func() { _ = response.Body.Close() }() // It was only read.
	return decode(response)
}

// reason returns the reason of a failed request without its URL.
func (c *client) reason(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	return fmt.Errorf("ask %s: %w", c.base.Host, err)
}

// decode decodes an answer. A status other than 200 is an error with the reason that the server gives.
func decode(response *http.Response) (*answer, error) {
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case len(content) > maxAnswer:
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	var a answer
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	err = decoder.Decode(&a) // Its error could repeat a secret.
	switch {
	case response.StatusCode != http.StatusOK:
		why := strings.Join(a.Errors, ", ")
		if response.StatusCode == http.StatusNotFound && why == "" {
			why = "there is no secret at this path"
		}
		return nil, errors.New(printable.Line(strings.TrimSuffix("it answered "+response.Status+": "+why, ": "), maxReason))
	case err != nil:
		return nil, errors.New("the answer is not the JSON of a vault")
	}
	return &a, nil
}
