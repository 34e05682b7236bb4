package metricsapi

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestClient(t *testing.T) {
	t.Run("a number is read", testNumberIsRead)
	t.Run("faults of a server are unknown, with a reason of one line", testFaultsOfServerAreUnknownWithReasonOfOneLine)
	t.Run("a slow server is unknown after the timeout", testSlowServerIsUnknownAfterTimeout)
	t.Run("half an answer is unknown", testHalfAnswerIsUnknown)
	t.Run("an answer whose end is not marked must end as text", testAnswerWhoseEndIsNotMarkedMustEndAsText)
	t.Run("a server that does not exist is unknown", testServerThatDoesNotExistIsUnknown)
	t.Run("a redirect within the server is followed, with the credentials", testRedirectWithinServerIsFollowed)
	t.Run("credentials are not sent to another server", testCredentialsAreNotSentToAnotherServer)
}

func testNumberIsRead(t *testing.T) {
	server, requests := recordRequests(t)
	got, err := read(t, metadata(" "+server.URL+"/api/stats?of=mail "), nil)
	if err != nil || got != 42_500 {
		t.Errorf("got %s, %v, want 42.5", got, err)
	}
	if r := <-requests; r.Method != http.MethodGet || r.URL.String() != "/api/stats?of=mail" || r.Header.Get("Authorization") != "" {
		t.Errorf("got the request %s %s with the headers %v, want GET /api/stats?of=mail without credentials", r.Method, r.URL, r.Header)
	}
}

func testFaultsOfServerAreUnknownWithReasonOfOneLine(t *testing.T) {
	page := "<html><body>" + strings.Repeat("token=hunter2 ", 1000) + "</body></html>"
	for name, c := range map[string]struct {
		status int
		body   string
		reason string
	}{
		"503":               {503, page, "it answered 503 Service Unavailable"},
		"404":               {404, page, "it answered 404 Not Found"},
		"401":               {401, stats, "it answered 401 Unauthorized"},
		"no content":        {204, "", "it answered 204 No Content: only 200 is a complete answer"},
		"a part":            {206, stats, "it answered 206 Partial Content"},
		"a web page":        {200, page, "the answer is not JSON"},
		"an empty answer":   {200, "", "the answer is empty"},
		"blanks":            {200, " \r\n", "the answer is empty"},
		"cut JSON":          {200, stats[:20], "the answer is not JSON"},
		"more than JSON":    {200, stats + "x", "the answer is not JSON"},
		"a key twice":       {200, `{"queue": {"waiting": 1, "waiting": 2}}`, `has the key "waiting" twice`},
		"a huge answer":     {200, `{"a": "` + strings.Repeat("x", maxJSONBytes) + `"}`, "larger than 1024 KiB"},
		"another answer":    {200, `{"queue": {"length": 1}}`, "has nothing at valueLocation"},
		"null":              {200, `{"queue": {"waiting": null}}`, "is null"},
		"null on the way":   {200, `{"queue": null}`, "has nothing at valueLocation"},
		"a boolean":         {200, `{"queue": {"waiting": false}}`, "is a boolean"},
		"an object":         {200, `{"queue": {"waiting": {"mail": 1}}}`, "has parts"},
		"a list":            {200, `{"queue": {"waiting": [1]}}`, "has parts"},
		"a text":            {200, `{"queue": {"waiting": "hunter2"}}`, "is a text that is not a number"},
		"an empty text":     {200, `{"queue": {"waiting": ""}}`, "is a text that is not a number"},
		"a dash":            {200, `{"queue": {"waiting": "-"}}`, "is a text that is not a number"},
		"NaN":               {200, `{"queue": {"waiting": "NaN"}}`, "is NaN or infinite"},
		"NaN without quote": {200, `{"queue": {"waiting": NaN}}`, "the answer is not JSON"},
		"a negative number": {200, `{"queue": {"waiting": -1.5}}`, "is negative: -1.5"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.status, c.body)
			got, err := read(t, metadata(server.URL+"/stats?token=hunter2"), nil)
			if err == nil {
				t.Fatalf("got %s, want unknown", got)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "request "+server.URL+"/stats: ") || !strings.Contains(text, c.reason) {
				t.Errorf("got the reason %q, want one with %q", text, c.reason)
			}
			if len(text) > 400 || strings.ContainsAny(text, "\n\r\t") || strings.Contains(text, "hunter2") {
				t.Errorf("got %q, want a short line that does not quote the answer or the query", text)
			}
		})
	}
}

func testSlowServerIsUnknownAfterTimeout(t *testing.T) {
	for name, begin := range map[string]string{"silent": "", "in the middle": stats[:10]} {
		t.Run(name, func(t *testing.T) {
			var ended atomic.Int64
			server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
				if begin != "" {
					_, _ = w.Write([]byte(begin))
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
				ended.Add(1)
			})
			for i := 1; ended.Load() == 0; i++ { // A request may not arrive before the timeout.
				got, err := read(t, metadata(server.URL, "timeout", "50"), nil)
				if err == nil || !strings.HasSuffix(err.Error(), "no answer within 50ms") {
					t.Fatalf("got %s, %v, want no answer within 50ms", got, err)
				}
				if i == 1000 {
					t.Fatalf("of %d requests none ended at the server, want that one does", i)
				}
			}
		})
	}
}

// testHalfAnswerIsUnknown ends connections before the end of the answer. What has arrived is a valid answer by itself.
func testHalfAnswerIsUnknown(t *testing.T) {
	for name, header := range map[string]string{"length": "Content-Length: 100", "chunked": "Transfer-Encoding: chunked"} {
		for format, body := range map[string]string{formatJSON: stats, formatYAML: "queue: {waiting: 1}\n", formatPrometheus: "queue 1\n", formatXML: "<queue><waiting>1</waiting></queue>"} {
			t.Run(name+" "+format, func(t *testing.T) {
				if strings.HasSuffix(header, "chunked") {
					body = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
				}
				server := answerRaw(t, "HTTP/1.1 200 OK\r\n"+header+"\r\n\r\n"+body)
				location := "queue.waiting"
				if format == formatPrometheus {
					location = "queue"
				}
				if got, err := read(t, metadata(server.URL, "format", format, "valueLocation", location), nil); err == nil {
					t.Errorf("got %s, want unknown", got)
				}
			})
		}
	}
}

// answerRaw starts a server that writes a text to each connection and closes it.
func answerRaw(tb testing.TB, text string) *httptest.Server {
	tb.Helper()
	return serveWith(tb, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			tb.Error(err)
			return
		}
		_, _ = buffer.WriteString(text)
		_ = buffer.Flush()
		_ = conn.Close()
	})
}

func testAnswerWhoseEndIsNotMarkedMustEndAsText(t *testing.T) {
	for body, known := range map[string]bool{"waiting: 12": false, "waiting: 12\n": true, "{waiting: 12}": true} {
		server := answerRaw(t, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+body)
		got, err := read(t, metadata(server.URL, "format", "yaml", "valueLocation", "waiting"), nil)
		if known && (err != nil || got != 12_000) || !known && (err == nil || !strings.Contains(err.Error(), "may be incomplete")) {
			t.Errorf("%q: got %s, %v, want known: %t", body, got, err, known)
		}
	}
	server := serve(t, 200, "waiting: 12")
	if got, err := read(t, metadata(server.URL, "format", "yaml", "valueLocation", "waiting"), nil); err != nil || got != 12_000 {
		t.Errorf("with a length: got %s, %v, want 12", got, err)
	}
}

func testServerThatDoesNotExistIsUnknown(t *testing.T) {
	for _, url := range []string{"http://" + testkit.FreeAddress(t), "http://no-such-host.invalid/"} {
		if got, err := read(t, metadata(url), nil); err == nil {
			t.Errorf("%s: got %s, want unknown", url, got)
		}
	}
}

func testRedirectWithinServerIsFollowed(t *testing.T) {
	server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Api-Key") != "s3cret" || r.Header.Get("Authorization") == "":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/stats":
			http.Redirect(w, r, "/stats/", http.StatusMovedPermanently)
		case r.URL.Path == "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			_, _ = io.WriteString(w, stats)
		}
	})
	secrets := map[string]string{"apiKey": "s3cret", "username": "me"}
	if got, err := read(t, metadata(server.URL+"/stats", "authMode", "apiKey,basic"), secrets); err != nil || got != 42_500 {
		t.Errorf("got %s, %v, want 42.5", got, err)
	}
	if got, err := read(t, metadata(server.URL+"/loop", "authMode", "apiKey,basic"), secrets); err == nil || !strings.HasSuffix(err.Error(), "redirected more than 5 times") {
		t.Errorf("got %s, %v, want an end of the redirects", got, err)
	}
}

func testCredentialsAreNotSentToAnotherServer(t *testing.T) {
	other, requests := recordRequests(t)
	for _, target := range []string{other.URL, "//" + strings.TrimPrefix(other.URL, "http://"), "http://localhost:PORT", "https://127.0.0.1:PORT", "http://127.0.0.1"} {
		server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
			_, port, _ := strings.Cut(r.Host, ":")
			w.Header().Set("Location", strings.Replace(target, "PORT", port, 1)+"/?key=hunter2")
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		for method, secrets := range map[string]map[string]string{"header": {"apiKey": "s3cret"}, "query": {"apiKey": "s3cret"}} {
			got, err := read(t, metadata(server.URL, "authMode", "apiKey", "method", method), secrets)
			if err == nil || !strings.Contains(err.Error(), "set url to the final address") || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s, %s: got %s, %v, want a refused redirect, without the key", target, method, got, err)
			}
		}
	}
	if len(requests) > 0 {
		t.Errorf("the other server got %d requests, want 0", len(requests))
	}
}
