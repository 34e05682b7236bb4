package alertmanager

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// canned answers every request without a network.
type canned []byte

// RoundTrip returns the answer.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c)), Request: r}, nil
}

// FuzzAnswer: whatever an Alertmanager says, it is either an error or a list in which each alert has labels and a start.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		"[" + listed("Slow", "active") + "]", "[" + listed("Slow", "suppressed"), "null", "[null]", "{}", "[]", `[{"labels":{"a":null},"startsAt":0}]`,
		`[{"labels":{"a":"b"},"startsAt":"0001-01-01T00:00:00Z"}]`, `[{"labels":{"a":"b"},"startsAt":"9999-12-31T23:59:59Z","status":[]}]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &client{env: triggers.Env{HTTP: &http.Client{Transport: canned(body)}, Now: time.Now}}
		list, err := c.alerts(t.Context(), "http://alertmanager:9093/api/v2/alerts")
		if (list == nil) != (err != nil) {
			t.Fatalf("%s: %d alerts and the error %v", body, len(list), err)
		}
		for i := range list {
			if a := list[i].alert(); len(a.Labels) == 0 || a.StartsAt.IsZero() {
				t.Errorf("%s: took %+v", body, a)
			}
		}
	})
}
