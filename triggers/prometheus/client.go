package prometheus

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
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
	modes, err := httpauth.Parse(c.modes())
	if err != nil {
		return nil, err
	}
	base := &httpauth.Transport{Base: env.HTTP.Transport, Modes: modes, Secrets: env.Secrets, UnsafeSSL: c.UnsafeSSL}
	if c.AWSRegion != "" || env.Secrets != nil {
		base.Sign = (&signer{region: c.AWSRegion, secrets: env.Secrets, now: env.Now}).sign
	}
	client := &http.Client{Transport: &transport{base: base, headers: headers, parameters: parameters}, CheckRedirect: refuseRedirect}
	a, err := api.NewClient(api.Config{Address: c.ServerAddress, Client: client})
	if err != nil {
		return nil, fmt.Errorf("parse serverAddress: %w", err)
	}
	return v1.NewAPI(strictClient{a, c.AcceptPartial}), nil
}

// timeoutParameter returns the timeout in whole milliseconds and in Prometheus's format, such as 1s500ms. The client library would send
// 1.5s, which Prometheus refuses.
func timeoutParameter(timeout time.Duration) string {
	return model.Duration((timeout + time.Millisecond - 1).Truncate(time.Millisecond)).String()
}

// refuseRedirect refuses every redirect, because following it would lose the query or send the credentials to another host.
func refuseRedirect(next *http.Request, _ []*http.Request) error {
	return fmt.Errorf("redirected to %s://%s: set serverAddress to the final address", next.URL.Scheme, next.URL.Host)
}

// transport adds the configured headers and parameters to each request, and limits the size of the answer.
type transport struct {
	base                http.RoundTripper
	headers, parameters []pair
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
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswerBytes)
	return resp, nil
}
