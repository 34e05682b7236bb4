package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
)

// maxAnswerBytes is the maximum size of an answer. An answer with one number has a few hundred bytes.
const maxAnswerBytes = 1 << 20

// formType is the type of a body in the encoding of a form.
const formType = "application/x-www-form-urlencoded"

// usualHeaders are the headers of a request of a trigger without customHeaders.
var usualHeaders = http.Header{
	"Content-Type":    {formType},
	"Accept-Encoding": {"identity"}, // An answer is so small that its compression costs more than it saves.
	"Idempotency-Key": nil,          // It is not sent, and lets net/http send the request again if the connection was closed.
}

// client sends requests to the query API of one server.
type client struct {
	http http.Client
	// address and headers are those of all requests.
	address *url.URL
	headers http.Header
}

// post is a request by POST, without what the requests of a client have.
var post = &http.Request{Method: http.MethodPost}

// response is what a server answered to a request.
type response struct {
	*http.Response

	body []byte
}

// newClient returns a client for the configured server. It does no I/O.
func newClient(c Config, env triggers.Env) (*client, error) {
	address, err := endpoint(c)
	if err != nil {
		return nil, err
	}
	modes, err := httpauth.Parse(c.modes())
	if err != nil {
		return nil, err
	}
	headers := usualHeaders
	if custom, _ := pairs("customHeaders", c.CustomHeaders); len(custom) > 0 {
		headers = headers.Clone()
		for _, h := range custom {
			headers.Add(h.key, h.value)
		}
	}
	return &client{
		http:    http.Client{Transport: transportOf(c, modes, env), CheckRedirect: refuseRedirect},
		address: address, headers: headers,
	}, nil
}

// transportOf returns what authenticates and signs requests, or the shared transport if there is nothing to add to them.
func transportOf(c Config, modes httpauth.Modes, env triggers.Env) http.RoundTripper {
	signs := c.AWSRegion != "" || env.Secrets != nil
	if len(modes) == 0 && !signs && !c.UnsafeSSL {
		return env.HTTP.Transport
	}
	t := &httpauth.Transport{Base: env.HTTP.Transport, Modes: modes, Secrets: env.Secrets, UnsafeSSL: c.UnsafeSSL}
	if signs {
		t.Sign = (&signer{region: c.AWSRegion, secrets: env.Secrets, now: env.Now}).sign
	}
	return t
}

// endpoint returns the address of the query API, with the configured parameters.
func endpoint(c Config) (*url.URL, error) {
	u, err := url.Parse(c.ServerAddress)
	if err != nil {
		return nil, errors.New("serverAddress is not a URL")
	}
	parameters, _ := pairs("queryParameters", c.QueryParameters)
	if c.Namespace != "" {
		parameters = append(parameters, pair{"namespace", c.Namespace})
	}
	query := url.Values{}
	for _, p := range append(parameters, pair{"timeout", timeoutParameter(c.Timeout)}) {
		query.Add(p.key, p.value)
	}
	u.Path = path.Join("/", u.Path, "api/v1/query")
	u.RawQuery = query.Encode()
	return u, nil
}

// send sends a query, by POST or by GET, and returns the answer. query is in the encoding of a form.
func (c *client) send(ctx context.Context, method, query string) (*response, error) {
	r := post.WithContext(ctx)
	r.URL, r.Header = c.address, c.headers
	if method == http.MethodGet {
		r = r.Clone(ctx)
		r.Method, r.URL.RawQuery = method, r.URL.RawQuery+"&"+query
		r.Header.Del("Content-Type")
	} else {
		r.ContentLength = int64(len(query))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(query)), nil }
		r.Body, _ = r.GetBody()
	}
	got, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(http.MaxBytesReader(nil, got.Body, maxAnswerBytes))
	return &response{got, body}, err
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
