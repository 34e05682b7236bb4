package metricsapi

import (
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds an answer, in bytes. The samples of 10 000 pods take about 4 MiB.
const maxAnswer = 16 << 20

// limitAnswers makes the reading of an answer fail that is longer than maxAnswer.
func limitAnswers(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err == nil {
			response.Body = &limitedBody{ReadCloser: response.Body, left: maxAnswer}
		}
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// limitedBody fails after a number of bytes.
type limitedBody struct {
	io.ReadCloser

	left int
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	b.left -= n
	return n, err
}
