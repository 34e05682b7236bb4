package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers"
)

// maxAnswer limits how much of an answer is read, in bytes.
const maxAnswer = 1024

// transport sends the events of one sink. One goroutine uses it.
type transport interface {
	// send sends an event, and returns nil once the sink has accepted it. A *rejectedError is not worth a retry.
	send(ctx context.Context, e *Event) error
	close()
}

// httpTransport posts events to a server.
type httpTransport struct {
	definition *HTTP
	cluster    string
	body       *body
	client     *http.Client
	transport  *http.Transport
	// secrets are texts that no error may quote, although an answer may.
	secrets []string
}

// newHTTP returns the transport of a sink. base opens the connections.
func newHTTP(definition *HTTP, cluster string, base *http.Transport) (*httpTransport, error) {
	t := &httpTransport{definition: definition, cluster: cluster, transport: base.Clone(), secrets: secretsOf(definition)}
	var err error
	if definition.Body != "" {
		if t.body, err = compileBody(definition.Body); err != nil {
			return nil, err
		}
	}
	if t.transport.TLSClientConfig, err = definition.TLS.config(); err != nil {
		return nil, err
	}
	t.client = &http.Client{
		Transport:     t.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return t, nil
}

// config returns the configuration of a client.
func (t TLS) config() (*tls.Config, error) { return triggers.TLSConfig(t.CA, t.Cert, t.Key, false) }

// close implements transport.
func (t *httpTransport) close() { t.transport.CloseIdleConnections() }

// send implements transport.
func (t *httpTransport) send(ctx context.Context, e *Event) error {
	content, header, err := t.encode(ctx, e)
	if err != nil {
		return &rejectedError{"body: " + err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.definition.URL, bytes.NewReader(content))
	if err != nil {
		return &rejectedError{"the url is invalid"}
	}
	r.Header = header
	answer, err := t.client.Do(r)
	if err != nil {
		return t.connectionError(ctx, r, err)
	}
	defer answer.Body.Close()
	// The status decides: an answer that ends early has been given all the same.
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return t.judge(answer, string(text), time.Now())
}

// encode returns the body and the headers of the request for an event.
func (t *httpTransport) encode(ctx context.Context, e *Event) (content []byte, header http.Header, err error) {
	c := newCloudEvent(e, t.cluster)
	header, media := http.Header{}, jsonType
	switch {
	case t.body != nil:
		content, err = t.body.render(ctx, c, e.Time)
	case t.definition.Binary:
		content, header, err = c.binary()
	default:
		media = structuredType
		content, err = c.structured()
	}
	if err != nil {
		return nil, nil, err
	}
	header.Set("Content-Type", media)
	header.Set("User-Agent", "impulse")
	maps.Copy(header, t.definition.Header)
	return content, header, nil
}

// connectionError returns why there is no answer. The error of the HTTP client quotes the URL, which may contain a secret.
func (t *httpTransport) connectionError(ctx context.Context, r *http.Request, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("post to %s: %w", r.URL.Host, err)
}

// judge returns what an answer means.
func (t *httpTransport) judge(answer *http.Response, text string, now time.Time) error {
	code := answer.StatusCode
	why := fmt.Sprintf("%s answers %d %s", answer.Request.URL.Host, code, http.StatusText(code))
	if text = t.redact(text); text != "" {
		why += ": " + text
	}
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return &rejectedError{why + "; redirects are not followed: name the address to which it leads"}
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return &busyError{why, retryAfter(answer.Header.Get("Retry-After"), now)}
	case code == http.StatusRequestTimeout, code >= 500:
		return errors.New(why)
	default:
		return &rejectedError{why}
	}
}

// retryAfter returns the duration that a Retry-After header asks for; 0 if there is none.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(header)); err == nil {
		return time.Duration(min(max(seconds, 0), 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// secretsOf returns what an answer may repeat and no error may quote: the headers from files, and what follows the host in the URL.
func secretsOf(definition *HTTP) []string {
	var all []string
	for _, values := range definition.Header {
		for _, value := range values {
			all = append(all, value, strings.TrimPrefix(value, "Bearer "))
		}
	}
	if u, err := url.Parse(definition.URL); err == nil && len(u.RequestURI()) > 1 {
		all = append(all, u.RequestURI())
		if u.Path != "" && u.Path != "/" {
			all = append(all, u.Path)
		}
	}
	return all
}

// redact returns an answer in one line, or "" if it repeats a secret.
func (t *httpTransport) redact(text string) string {
	for _, secret := range t.secrets {
		if secret != "" && strings.Contains(text, secret) {
			return ""
		}
	}
	return printable.Line(strings.TrimSpace(strings.ToValidUTF8(text, "")), maxReason)
}
