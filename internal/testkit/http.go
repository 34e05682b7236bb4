package testkit

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// maxResponse bounds what Request reads of a response, in bytes.
const maxResponse = 1 << 20

// Request sends a request with a JSON body, and with a bearer token unless that is empty. It returns the status code and the
// body of the response, or 0 and the text of the error when it fails. It reads at most maxResponse bytes of the body.
func Request(ctx context.Context, method, url, token string, body []byte) (code int, response string) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(content)
}

// Get is Request without a token and a body, of method GET.
func Get(ctx context.Context, url string) (code int, response string) {
	return Request(ctx, http.MethodGet, url, "", nil)
}

// Post is Request without a token, of method POST.
func Post(ctx context.Context, url string, body []byte) (code int, response string) {
	return Request(ctx, http.MethodPost, url, "", body)
}
