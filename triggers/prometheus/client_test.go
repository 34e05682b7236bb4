package prometheus

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestClient(t *testing.T) {
	t.Run("the request is as configured", testRequestIsAsConfigured)
	t.Run("a server that accepts no POST is read by GET", testServerThatAcceptsNoPOSTIsReadByGET)
	t.Run("the path of the server comes before that of the API", testPathOfServerComesBeforeThatOfAPI)
	t.Run("the timeout is sent as Prometheus writes it", testTimeoutIsSentAsPrometheusWritesIt)
	t.Run("the query is evaluated at multiples of the step", testQueryIsEvaluatedAtMultiplesOfStep)
	t.Run("credentials are read at each use", testCredentialsAreReadAtEachUse)
	t.Run("missing credentials are unknown, and nothing is requested", testMissingCredentialsAreUnknownAndNothingIsRequested)
	t.Run("a redirect is not followed", testRedirectIsNotFollowed)
	t.Run("an unknown certificate is accepted only when configured", testUnknownCertificateIsAcceptedOnlyWhenConfigured)
	t.Run("a certificate of another name is refused", testCertificateOfAnotherNameIsRefused)
	t.Run("only the same query is shared", testOnlySameQueryIsShared)
	t.Run("a query of many objects is sent once for each authentication", testQueryOfManyObjectsIsSentOnceForEachAuthentication)
}

// request is one request to a server.
type request struct {
	header http.Header
	form   url.Values
}

// recordRequests starts a server that answers all requests with one sample, and returns the requests it gets.
func recordRequests(t *testing.T) (*httptest.Server, chan request) {
	t.Helper()
	requests := make(chan request, 10)
	return serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		requests <- request{r.Header, r.Form}
		_, _ = w.Write([]byte(one))
	}), requests
}

func testRequestIsAsConfigured(t *testing.T) {
	server, requests := recordRequests(t)
	c := configured(server.URL)
	c.Namespace, c.CustomHeaders = "team a", []string{"X-Scope-OrgID=team", "X-Two=a=b"}
	c.QueryParameters = []string{"dedup=true", "partial_response=false"}
	if v, err := mustReader(t, c, environment(nil)).Read(t.Context()); err != nil || v != 42_500 {
		t.Fatalf("got %v, %v", v, err)
	}
	got := <-requests
	for key, want := range map[string]string{
		"query": "sum(hits)", "namespace": "team a", "dedup": "true", "partial_response": "false", "timeout": "3s", "time": "",
	} {
		if got.form.Get(key) != want {
			t.Errorf("parameter %s is %q, want %q", key, got.form.Get(key), want)
		}
	}
	for key, want := range map[string]string{"X-Scope-OrgID": "team", "X-Two": "a=b", "Accept-Encoding": "identity"} {
		if got.header.Get(key) != want {
			t.Errorf("header %s is %q, want %q", key, got.header.Get(key), want)
		}
	}
}

func testServerThatAcceptsNoPOSTIsReadByGET(t *testing.T) {
	requests := make(chan request, 10)
	server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		requests <- request{r.Header, r.URL.Query()}
		_, _ = w.Write([]byte(one))
	})
	c := configured(server.URL + "/base/")
	c.Query, c.CustomHeaders, c.QueryParameters = "a + b", []string{"X-Scope-OrgID=team"}, []string{"dedup=true"}
	c.EvaluationStep = time.Second
	r := mustReader(t, c, environment(nil))
	for range 2 {
		if v, err := r.Read(t.Context()); err != nil || v != 42_500 {
			t.Fatalf("got %v, %v; want 42.5", v, err)
		}
		got := <-requests
		for key, want := range map[string]string{"query": "a + b", "dedup": "true", "timeout": "3s"} {
			if values := got.form[key]; len(values) != 1 || values[0] != want {
				t.Errorf("parameter %s is %q, want %q", key, values, want)
			}
		}
		if len(got.form["time"]) != 1 || got.header.Get("X-Scope-OrgID") != "team" {
			t.Errorf("the time is %q, and X-Scope-OrgID %q; want one time, and team", got.form["time"], got.header.Get("X-Scope-OrgID"))
		}
	}
}

func testPathOfServerComesBeforeThatOfAPI(t *testing.T) {
	for path, want := range map[string]string{
		"": "/api/v1/query", "/": "/api/v1/query", "/select/0/prometheus//": "/select/0/prometheus/api/v1/query", "/a%20b": "/a%20b/api/v1/query",
	} {
		paths := make(chan string, 1)
		server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
			paths <- r.URL.EscapedPath()
			_, _ = w.Write([]byte(one))
		})
		if _, err := mustReader(t, configured(server.URL+path), environment(nil)).Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-paths; got != want {
			t.Errorf("%q: requested %s, want %s", path, got, want)
		}
	}
}

func testTimeoutIsSentAsPrometheusWritesIt(t *testing.T) {
	server, requests := recordRequests(t)
	for timeout, want := range map[time.Duration]string{
		500 * time.Millisecond: "500ms", 3 * time.Second: "3s", 1500 * time.Millisecond: "1s500ms", 90 * time.Second: "1m30s", 20*time.Second + 1: "20s1ms",
	} {
		c := configured(server.URL)
		c.Timeout = timeout
		if _, err := mustReader(t, c, environment(nil)).Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := (<-requests).form["timeout"]; len(got) != 1 || got[0] != want {
			t.Errorf("%s was sent as %v, want %s", timeout, got, want)
		}
	}
}

func testQueryIsEvaluatedAtMultiplesOfStep(t *testing.T) {
	server, requests := recordRequests(t)
	env, now := environment(nil), time.Time{}
	env.Now = func() time.Time { return now }
	c := configured(server.URL)
	c.EvaluationStep = 15 * time.Second
	r := mustReader(t, c, env)
	for at, want := range map[string]string{
		"2026-11-29T10:00:00Z": "1795946400", "2026-11-29T10:00:14.999999999Z": "1795946400", "2026-11-29T11:00:15+01:00": "1795946415",
	} {
		parsed, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		now = parsed
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := (<-requests).form["time"]; len(got) != 1 || got[0] != want {
			t.Errorf("at %s the query was evaluated at %v, want %s", at, got, want)
		}
	}
}

func testCredentialsAreReadAtEachUse(t *testing.T) {
	server, requests := recordRequests(t)
	secrets := map[string]string{"bearerToken": "first\n", "username": "me", "password": "pass word"}
	bearer, basic := configured(server.URL), configured(server.URL)
	bearer.AuthModes, basic.AuthModes = "bearer", "basic"
	r := mustReader(t, bearer, environment(secrets))
	read := func(r *reader) string {
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		return (<-requests).header.Get("Authorization")
	}
	if got := read(r); got != "Bearer first" {
		t.Errorf("the request has the header Authorization %q", got)
	}
	secrets["bearerToken"] = "second"
	if got := read(r); got != "Bearer second" {
		t.Errorf("after the rotation the request has the header Authorization %q", got)
	}
	if got := read(mustReader(t, basic, environment(secrets))); got != "Basic bWU6cGFzcyB3b3Jk" {
		t.Errorf("the request has the header Authorization %q", got)
	}
	if got := read(mustReader(t, configured(server.URL), environment(secrets))); got != "" {
		t.Errorf("without authModes the request has the header Authorization %q", got)
	}
}

func testMissingCredentialsAreUnknownAndNothingIsRequested(t *testing.T) {
	server, requests := recordRequests(t)
	c := configured(server.URL)
	c.AuthModes = "bearer"
	if v, err := mustReader(t, c, environment(nil)).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "has no parameter bearerToken") {
		t.Errorf("got %v, %v", v, err)
	}
	env := environment(nil)
	env.Secrets = triggertest.SecretsFunc(func(context.Context, string) (string, error) { return "", errors.New("no such Secret") })
	if v, err := mustReader(t, c, env).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "no such Secret") {
		t.Errorf("got %v, %v", v, err)
	}
	if len(requests) > 0 {
		t.Error("the server got a request")
	}
}

func testRedirectIsNotFollowed(t *testing.T) {
	other, requests := recordRequests(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(other.URL, "//", "//user:hunter2@", 1)+"/path?token=hunter2", status)
		})
		c := configured(server.URL)
		c.AuthModes, c.CustomHeaders = "bearer", []string{"X-Api-Key=hunter2"}
		v, err := mustReader(t, c, environment(map[string]string{"bearerToken": "hunter2"})).Read(t.Context())
		if err == nil || !strings.Contains(err.Error(), "redirected to "+other.URL+":") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: got %v, %v", status, v, err)
		}
	}
	if len(requests) > 0 {
		t.Error("the other host got a request")
	}
}

func testUnknownCertificateIsAcceptedOnlyWhenConfigured(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(one)) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	c := configured(server.URL)
	if v, err := mustReader(t, c, environment(nil)).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, %v", v, err)
	}
	c.UnsafeSSL = true
	if v, err := mustReader(t, c, environment(nil)).Read(t.Context()); err != nil || v != 42_500 {
		t.Errorf("got %v, %v", v, err)
	}
}

func testCertificateOfAnotherNameIsRefused(t *testing.T) {
	ca := testkit.NewAuthority(t)
	for name, want := range map[string]string{"prometheus.example": "x509: cannot validate certificate for 127.0.0.1", "127.0.0.1": ""} {
		cert, key := ca.Issue(name)
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		var asked atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			_, _ = w.Write([]byte(one))
		}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		server.StartTLS()
		defer server.Close()
		c := configured(server.URL)
		c.AuthModes = "bearer"
		_, err = mustReader(t, c, environment(map[string]string{"ca": ca.PEM(), "bearerToken": "hunter2"})).Read(t.Context())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || want != "" && asked.Load() > 0 {
			t.Errorf("a certificate of %s: got error %v, and %d requests; want %q, and a request only without an error", name, err, asked.Load(), want)
		}
	}
}

func testOnlySameQueryIsShared(t *testing.T) {
	env, other := environment(nil), environment(nil)
	other.Object = "checkout"
	c := configured("http://prometheus:9090")
	if key(c, env) != key(c, other) {
		t.Error("the same question is not shared")
	}
	for name, change := range map[string]func(*Config){
		"serverAddress": func(c *Config) { c.ServerAddress = "http://other" }, "query": func(c *Config) { c.Query = "up" },
		"namespace": func(c *Config) { c.Namespace = "x" }, "customHeaders": func(c *Config) { c.CustomHeaders = []string{"a=b"} },
		"queryParameters": func(c *Config) { c.QueryParameters = []string{"a=b"} }, "ignoreNullValues": func(c *Config) { c.IgnoreNullValues = true },
		"negativeIsZero": func(c *Config) { c.NegativeIsZero = true }, "unsafeSsl": func(c *Config) { c.UnsafeSSL = true },
		"acceptPartialResponse": func(c *Config) { c.AcceptPartial = true }, "evaluationStep": func(c *Config) { c.EvaluationStep = time.Second },
		"authModes": func(c *Config) { c.AuthModes = "basic" }, "timeout": func(c *Config) { c.Timeout *= 2 },
		"awsRegion": func(c *Config) { c.AWSRegion = "eu-west-1" },
	} {
		changed := c
		change(&changed)
		if key(changed, env) == key(c, env) {
			t.Errorf("another %s shares the reading", name)
		}
	}
	c.AuthModes = "bearer"
	env.Credentials, other.Credentials = "TriggerAuthentication/shop/reader", "TriggerAuthentication/shop/reader"
	if key(c, env) != key(c, other) {
		t.Error("the same question with the same credentials is not shared")
	}
	other.Credentials = "TriggerAuthentication/bank/reader"
	if key(c, env) == key(c, other) {
		t.Error("a reading made with some credentials is shared with others")
	}
}

func testQueryOfManyObjectsIsSentOnceForEachAuthentication(t *testing.T) {
	server, requests := recordRequests(t)
	c := configured(server.URL)
	c.AuthModes = "bearer"
	ctx, cancel := context.WithCancel(t.Context())
	poller := triggers.NewPoller(4, 4)
	var running sync.WaitGroup
	running.Go(func() { _ = poller.Run(ctx) })
	levels := make(chan scalers.Milli, 100)
	for _, team := range []string{"shop", "bank"} {
		for object := range 10 {
			env := environment(map[string]string{"bearerToken": "token-of-" + team})
			env.Namespace, env.Object, env.Credentials = team, strconv.Itoa(object), "TriggerAuthentication/"+team+"/reader"
			env.Poller, env.PollingInterval = poller, time.Hour
			source, err := open(c, env)
			if err != nil {
				t.Fatal(err)
			}
			running.Go(func() { _ = source.Run(ctx, func(e scalers.Event) { levels <- e.Value }) })
		}
	}
	for range 20 {
		if level := <-levels; level != 42_500 {
			t.Errorf("a level is %v", level)
		}
	}
	cancel()
	running.Wait()
	close(requests)
	requestsOf := map[string]int{}
	for r := range requests {
		requestsOf[r.header.Get("Authorization")]++
	}
	if len(requestsOf) != 2 || requestsOf["Bearer token-of-shop"] != 1 || requestsOf["Bearer token-of-bank"] != 1 {
		t.Errorf("the requests are %v", requestsOf)
	}
}
