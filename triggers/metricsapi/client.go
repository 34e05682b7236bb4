package metricsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// maxRedirects is how many redirects within one server are followed.
	maxRedirects = 5
	// maxAddressBytes is the maximum length of an address in a reason.
	maxAddressBytes = 200
)

// client requests answers and finds the number in them.
type client struct {
	http        *http.Client
	credentials *credentials
	find        finder
	timeout     time.Duration
}

func newClient(transport http.RoundTripper, c *credentials, find finder, timeout time.Duration) *client {
	return &client{http: &http.Client{Transport: transport, CheckRedirect: checkRedirect}, credentials: c, find: find, timeout: timeout}
}

// read returns the number in the answer of a server.
func (c *client) read(ctx context.Context, u *url.URL) (scalers.Milli, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %s", c.timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return 0, errors.New("url is not a URL")
	}
	c.credentials.apply(request)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, reason(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("it answered %d %s: only 200 is a complete answer", response.StatusCode, http.StatusText(response.StatusCode))
	}
	answer := &body{Reader: response.Body}
	level, err := c.find(answer)
	switch {
	case err != nil:
		return 0, reason(ctx, err)
	case !endMarked(response) && !answer.endsAsText():
		return 0, errors.New("the answer may be incomplete: the server marks its end neither by a length nor by a line break")
	}
	return level, nil
}

// checkRedirect refuses a redirect to another server, because it would send the credentials there.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if from, to := via[0].URL, next.URL; from.Scheme != to.Scheme || !strings.EqualFold(from.Hostname(), to.Hostname()) || port(from) != port(to) {
		return fmt.Errorf("redirected to %s: set url to the final address", printable.Line(to.Scheme+"://"+to.Host, maxAddressBytes))
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	}
	return nil
}

// port returns the port of a URL.
func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// reason drops the URL from an error, because it may contain credentials.
func reason(ctx context.Context, err error) error {
	var request *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &request):
		return request.Err
	}
	return err
}

// display returns a URL without what may be secret in it.
func display(u *url.URL) string {
	return printable.Line((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), maxAddressBytes)
}

// endMarked reports whether the end of an answer shows that it is complete. It is not if an HTTP/1 connection is simply closed then.
func endMarked(r *http.Response) bool {
	return r.ContentLength >= 0 || len(r.TransferEncoding) > 0 || r.Uncompressed || r.ProtoMajor > 1
}

// body is the body of an answer. It remembers its last byte.
type body struct {
	io.Reader

	last byte
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	n, err := b.Reader.Read(into)
	if n > 0 {
		b.last = into[n-1]
	}
	return n, err
}

// endsAsText reports whether the last byte ends a line, an object, a list or an element, rather than perhaps half a number.
func (b *body) endsAsText() bool { return strings.IndexByte("\n}]>", b.last) >= 0 }
