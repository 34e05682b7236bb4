package prometheus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/triggers"
)

// maxAnswerBytes is the maximum size of an answer. An answer with one number has a few hundred bytes.
const maxAnswerBytes = 1 << 20

// newAPI returns the query API of the configured server. It does no I/O.
func newAPI(c Config, env triggers.Env) (v1.API, error) {
	headers, _ := pairs("customHeaders", c.CustomHeaders)
	parameters, _ := pairs("queryParameters", c.QueryParameters)
	if c.Namespace != "" {
		parameters = append(parameters, pair{"namespace", c.Namespace})
	}
	parameters = append(parameters, pair{"timeout", timeoutParameter(c.Timeout)})
	base := env.HTTP.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	if c.UnsafeSSL {
		base = insecureTransport(base)
	}
	client := &http.Client{
		Transport:     &transport{base: base, mode: c.AuthModes, headers: headers, parameters: parameters, secret: env.Secret},
		CheckRedirect: refuseRedirect,
	}
	a, err := api.NewClient(api.Config{Address: c.ServerAddress, Client: client})
	if err != nil {
		return nil, fmt.Errorf("parse serverAddress: %w", err)
	}
	return v1.NewAPI(strictClient{a}), nil
}

// timeoutParameter returns the timeout in whole milliseconds and in Prometheus's format, such as 1s500ms. The client library would send
// 1.5s, which Prometheus refuses.
func timeoutParameter(timeout time.Duration) string {
	return model.Duration((timeout + time.Millisecond - 1).Truncate(time.Millisecond)).String()
}

// insecureTransport returns a transport that accepts any certificate. It keeps no idle connections, because nothing would close them.
func insecureTransport(base http.RoundTripper) http.RoundTripper {
	t, ok := base.(*http.Transport)
	if !ok {
		t = &http.Transport{}
	}
	t = t.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.InsecureSkipVerify = true
	t.DisableKeepAlives = true
	return t
}

// refuseRedirect refuses every redirect, because following it would lose the query or send the credentials to another host.
func refuseRedirect(next *http.Request, _ []*http.Request) error {
	return fmt.Errorf("redirected to %s://%s: set serverAddress to the final address", next.URL.Scheme, next.URL.Host)
}

// transport adds the configured headers, parameters and credentials to each request, and limits the size of the answer.
type transport struct {
	base                http.RoundTripper
	mode                string
	headers, parameters []pair
	secret              func(ctx context.Context, parameter string) (string, error)
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	query := r.URL.Query()
	for _, p := range t.parameters {
		query.Add(p.key, p.value)
	}
	r.URL.RawQuery = query.Encode()
	for _, h := range t.headers {
		r.Header.Add(h.key, h.value)
	}
	if err := t.authorize(r); err != nil {
		return nil, errors.Join(err, closeBody(r))
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswerBytes)
	return resp, nil
}

// closeBody closes the body of a request that is not sent, as http.RoundTripper requires.
func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// authorize adds the current credentials.
func (t *transport) authorize(r *http.Request) error {
	return triggers.Authorize(r.Context(), r, t.mode, t.secret)
}
