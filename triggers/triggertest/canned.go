package triggertest

import (
	"bytes"
	"io"
	"net/http"
)

// Canned is an http.RoundTripper that answers requests without a network, with a status code and a body.
type Canned func(r *http.Request) (code int, body []byte)

// RoundTrip returns the answer.
func (c Canned) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body := c(r)
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}
