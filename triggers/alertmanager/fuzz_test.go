package alertmanager

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// FuzzAnswer: each answer of an Alertmanager is either an error or a list in which each alert has labels and a start.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		"[" + listed("Slow", "active") + "]", "[" + listed("Slow", "suppressed"), "null", "[null]", "{}", "[]", `[{"labels":{"a":null},"startsAt":0}]`,
		`[{"labels":{"a":"b"},"startsAt":"0001-01-01T00:00:00Z"}]`, `[{"labels":{"a":"b"},"startsAt":"9999-12-31T23:59:59Z","status":[]}]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := triggertest.Canned(func(r *http.Request) (int, []byte) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/status"):
				return http.StatusOK, []byte(statusAfter(time.Hour, "disabled"))
			case strings.HasSuffix(r.URL.Path, "/groups"):
				return http.StatusOK, []byte("[]")
			}
			return http.StatusOK, body
		})
		c := &client{http: &http.Client{Transport: answer}, env: triggers.Env{Now: time.Now}}
		list, err := c.list(t.Context(), "http://alertmanager:9093/api/v2/")
		if (list == nil) != (err != nil) {
			t.Fatalf("%s: %d alerts and the error %v, want either", body, len(list), err)
		}
		for i := range list {
			if a := list[i]; len(a.Labels) == 0 || a.StartsAt.IsZero() {
				t.Errorf("%s: the list has %+v, want labels and a start", body, a)
			}
		}
	})
}
