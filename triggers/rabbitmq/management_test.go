package rabbitmq

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// The answers in these tests are faults that a real RabbitMQ does not produce, or not at will.
func TestManagement(t *testing.T) {
	t.Run("an answer that is not one of the management API is unknown", testAnswerThatIsNotOneOfManagementAPIIsUnknown)
	t.Run("credentials are not sent to another server", testCredentialsAreNotSentToAnotherServer)
	t.Run("an incomplete answer is never a lower level", testIncompleteAnswerIsNeverLowerLevel)
	t.Run("the path before /api is kept", testPathBeforeAPIIsKept)
}

// answering returns the address of a server that answers the same to all requests.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

// over returns the metadata of a trigger for a server.
func over(host string, changes ...string) map[string]string {
	return (&testServer{}).metadata(append([]string{"host", host, "timeout", "1m"}, changes...)...)
}

func testAnswerThatIsNotOneOfManagementAPIIsUnknown(t *testing.T) {
	const wrong = "the answer is not one of RabbitMQ's management API"
	for _, c := range []struct {
		body, want string
		list       bool
	}{
		{"", wrong, false},
		{"<html>", wrong, false},
		{"[]", wrong, false},
		{"null", "the answer is incomplete: name is missing", false},
		{"{}", "the answer is incomplete: name is missing", false},
		{`{"name":"other","messages":1}`, "the server answered for another queue", false},
		{`{"name":"orders","messages":"1"}`, wrong, false},
		{`{"name":"orders","messages":1.5}`, wrong, false},
		{`{"name":"orders","messages":null}`, errNoCount.Error(), false},
		{`{"name":"orders","messages":-1}`, errNegative.Error(), false},
		{`{"name":"orders","messages":1,"messages_ready":-1}`, errNegative.Error(), false},
		{`{"name":"orders","messages":99999999999999999999}`, wrong, false},
		{`{"name":"orders","messages":1,"message_stats":{"publish_details":{"rate":-1}}}`, errNegative.Error(), false},
		{`{"name":"orders","messages":1,"message_stats":{"publish_details":{"rate":1e999}}}`, wrong, false},
		{`{"name":"orders","messages":1,"state":"down"}`, "its state is down", false},
		{`{"name":"orders","messages":1`, wrong, false},
		{`{"name":"orders","messages":1}` + strings.Repeat(" ", maxAnswerBytes), "the answer is larger than 8 MiB", false},
		{`{"name":"orders","messages":1,"state":"running"}`, "1", false},
		{`{}`, "the answer is incomplete: items is missing", true},
		{`{"items":[]}`, "the answer is incomplete: filtered_count is missing", true},
		{`{"items":[null],"filtered_count":1}`, "the answer is incomplete: items[0] is missing", true},
		{`{"items":[{"messages":1}],"filtered_count":1}`, "the answer is incomplete: items[0].name is missing", true},
		{`{"items":[{"name":"a","messages":1}],"filtered_count":2}`, "2 queues match, and pageSize is 100", true},
		{`{"items":[{"name":"a","messages":1},{"name":"b","messages":2,"state":"crashed"}],"filtered_count":2}`, `queue "b": its state is crashed`, true},
		{`{"items":[{"name":"a","messages":1},{"name":"b"}],"filtered_count":2}`, `queue "b": ` + errNoCount.Error(), true},
		{`{"items":[{"name":"a","messages":1},{"name":"b","messages":2}],"filtered_count":2}`, "3", true},
	} {
		host := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.body)) })
		got := read(t, environment(nil), over(host, "useRegex", strconv.FormatBool(c.list)))
		if got != c.want && !strings.Contains(got, ": "+c.want) {
			t.Errorf("%.100s: got %s, want %s", c.body, got, c.want)
		}
	}
	half := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"name":"orders","messages":1}`))
	})
	if got, want := read(t, environment(nil), over(half)), "the answer broke off: unexpected EOF"; !strings.HasSuffix(got, want) {
		t.Errorf("half an answer: got %s, want %s", got, want)
	}
}

func testCredentialsAreNotSentToAnotherServer(t *testing.T) {
	var requests atomic.Int64
	other := answering(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	host := answering(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusFound) })
	got := read(t, environment(admins()), over(host))
	if want := "the server redirects (302)"; !strings.Contains(got, want) || requests.Load() != 0 {
		t.Errorf("got %s, and %d requests to the other server, want %s, and none", got, requests.Load(), want)
	}
}

func testIncompleteAnswerIsNeverLowerLevel(t *testing.T) {
	var body atomic.Pointer[[]byte]
	host := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*body.Load()) })
	const rates = `"message_stats":{"publish":9,"publish_details":{"rate":6.0},"deliver_get":9,"deliver_get_details":{"rate":2.0}}`
	whole := []byte(`{"items":[{"name":"a","messages":5,"messages_ready":4,` + rates + `},{"name":"b","messages":5,"messages_ready":4,` + rates + `}],"filtered_count":2}`)
	for _, c := range []struct{ mode, want string }{
		{queueLength, "10"}, {messageRate, "12, active"}, {deliverGetRate, "4"}, {publishedRatio, "3"}, {consumptionTime, "4.5"},
	} {
		next := reading(t, environment(nil), over(host, "useRegex", "true", "mode", c.mode, "value", "1"))
		triggertest.Incomplete(t, whole, func(part []byte) (string, error) {
			body.Store(&part)
			got := next(t.Context())
			if strings.HasPrefix(got, "read the queues") || strings.HasPrefix(got, "at least") {
				return "", errors.New(got)
			}
			return got, nil
		})
		body.Store(&whole)
		if got := next(t.Context()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.mode, got, c.want)
		}
	}
}

func testPathBeforeAPIIsKept(t *testing.T) {
	var path atomic.Value
	host := answering(t, func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.EscapedPath())
		_, _ = w.Write([]byte(`{"name":"orders","messages":7}`))
	})
	for at, want := range map[string]string{
		"/a%2Fb/c/shop": "/a%2Fb/c/api/queues/shop/orders", "": "/api/queues/%2F/orders", "/rabbit/": "/rabbit/api/queues/%2F/orders",
	} {
		if got := read(t, environment(nil), over(host+at)); got != "7" || path.Load() != want {
			t.Errorf("%s: got %s from %v, want 7 from %s", at, got, path.Load(), want)
		}
	}
}
