package metricsapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestPods(t *testing.T) {
	t.Run("the numbers of all pods are aggregated", testNumbersOfAllPodsAreAggregated)
	t.Run("each pod gets the path, the query and the credentials", testEachPodGetsPathQueryAndCredentials)
	t.Run("one pod that fails makes the level unknown", testOnePodThatFailsMakesLevelUnknown)
	t.Run("a pod that becomes unready during the reading does not count", testPodThatBecomesUnreadyDuringReadingDoesNotCount)
	t.Run("a Service without ready pods is unknown", testServiceWithoutReadyPodsIsUnknown)
	t.Run("at most eight pods are asked at a time", testAtMostEightPodsAreAskedAtTime)
	t.Run("a pod is asked at the port that it has", testPodIsAskedAtPortThatItHas)
	t.Run("aggregates equal those of exact arithmetic", testAggregatesEqualThoseOfExactArithmetic)
	t.Run("the Service of the URL is followed while the trigger runs", testServiceOfURLIsFollowedWhileTriggerRuns)
	t.Run("a trigger without a cluster is not opened", testTriggerWithoutClusterIsNotOpened)
}

const serviceURL = "http://orders.shop:1/stats"

// mustPodsReader returns a reader for the pods of a Service, which s follows.
func mustPodsReader(tb testing.TB, s *service, env triggers.Env, more ...string) *podsReader {
	tb.Helper()
	c := decode(tb, metadata(serviceURL, append([]string{"aggregateFromKubeServiceEndpoints", "true"}, more...)...))
	r, err := newReader(c, env)
	if err != nil {
		tb.Fatal(err)
	}
	named, _ := serviceOf(r.url)
	all := &podsReader{reader: r, pods: newPods(named), aggregation: c.AggregationType}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[-1] = all.pods.set
	all.pods.set(s.current, s.err)
	return all
}

// servers starts one server for each answer.
func servers(tb testing.TB, answers ...string) []*httptest.Server {
	tb.Helper()
	var all []*httptest.Server
	for _, a := range answers {
		all = append(all, serve(tb, http.StatusOK, a))
	}
	return all
}

func waiting(number string) string { return `{"queue": {"waiting": ` + number + `}}` }

func testNumbersOfAllPodsAreAggregated(t *testing.T) {
	s := newService(t, servers(t, waiting("1"), waiting("1"), waiting(`"2500m"`), waiting("0"))...)
	for aggregation, want := range map[string]scalers.Milli{"average": 1125, "sum": 4500, "max": 2500, "min": 0} {
		got, err := mustPodsReader(t, s, environment(nil), "aggregationType", aggregation).Read(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", aggregation, got, err, want)
		}
	}
	s.set(s.endpoints(servers(t, waiting("1"), waiting("1"), waiting("2"))...), nil)
	if got, err := mustPodsReader(t, s, environment(nil)).Read(t.Context()); err != nil || got != 1334 {
		t.Errorf("got %s, %v, want 1.334, rounded up", got, err)
	}
}

func testEachPodGetsPathQueryAndCredentials(t *testing.T) {
	a, requestsOfA := recordRequests(t)
	b, requestsOfB := recordRequests(t)
	r := mustPodsReader(t, newService(t, a, b), environment(map[string]string{"token": "t0ken"}), "url", serviceURL+"?of=mail", "authMode", "bearer")
	if _, err := r.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, requests := range []chan *http.Request{requestsOfA, requestsOfB} {
		if got := <-requests; got.URL.String() != "/stats?of=mail" || got.Header.Get("Authorization") != "Bearer t0ken" || len(requests) > 0 {
			t.Errorf("got %s with the headers %v and %d more requests, want one for /stats?of=mail with the token", got.URL, got.Header, len(requests))
		}
	}
}

func testOnePodThatFailsMakesLevelUnknown(t *testing.T) {
	good := servers(t, waiting("1"), waiting("2"))
	down := &httptest.Server{URL: "http://" + testkit.FreeAddress(t)}
	for name, c := range map[string]struct {
		bad    *httptest.Server
		reason string
	}{
		"down":            {down, "connection refused"},
		"an error":        {serve(t, http.StatusInternalServerError, stats), "it answered 500"},
		"null":            {serve(t, http.StatusOK, waiting("null")), "is null"},
		"no number":       {serve(t, http.StatusOK, `{}`), "nothing at valueLocation"},
		"a redirect":      {serveWith(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, good[0].URL, http.StatusFound) }), "redirected to"},
		"a negative":      {serve(t, http.StatusOK, waiting("-1")), "is negative"},
		"not the format":  {serve(t, http.StatusOK, "<html>"), "not JSON"},
		"an empty answer": {serve(t, http.StatusOK, ""), "is empty"},
	} {
		s := newService(t, good[0], c.bad, good[1])
		for _, aggregation := range []string{"average", "sum", "max", "min"} {
			got, err := mustPodsReader(t, s, environment(nil), "aggregationType", aggregation).Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), "request the pods of "+serviceURL+": pod 127.0.0.1: ") || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s, %s: got %s, %v, want an error of the pod with %q", name, aggregation, got, err, c.reason)
			}
		}
	}
}

func testPodThatBecomesUnreadyDuringReadingDoesNotCount(t *testing.T) {
	good := serve(t, http.StatusOK, waiting("4"))
	var s *service
	leaving := serveWith(t, func(w http.ResponseWriter, _ *http.Request) {
		s.set(s.endpoints(good), nil)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	s = newService(t, good)
	// The address tells pods apart, so they must differ in it.
	s.current = append(s.current, triggers.ServiceEndpoint{Address: "localhost", Ports: s.endpoints(leaving)[0].Ports})
	if got, err := mustPodsReader(t, s, environment(nil)).Read(t.Context()); err != nil || got != 4000 {
		t.Errorf("got %s, %v, want 4, of the pod that is ready", got, err)
	}
	s.set([]triggers.ServiceEndpoint{{Address: "localhost", Ports: s.endpoints(leaving)[0].Ports}}, nil)
	if got, err := mustPodsReader(t, s, environment(nil)).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "became unready") {
		t.Errorf("got %s, %v, want an error, because no pod is left of those that were asked", got, err)
	}
}

func testServiceWithoutReadyPodsIsUnknown(t *testing.T) {
	s := newService(t)
	r := mustPodsReader(t, s, environment(nil), "aggregationType", "sum")
	for _, c := range []struct {
		endpoints []triggers.ServiceEndpoint
		err       error
		reason    string
	}{
		{nil, nil, "service orders in namespace shop has no ready pods"},
		{make([]triggers.ServiceEndpoint, maxPods+1), nil, "more than 1000 ready pods"},
		{nil, errAway, "follow Service orders in namespace shop: the API server is away"},
	} {
		s.set(c.endpoints, c.err)
		if got, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("got %s, %v, want an error with %q", got, err, c.reason)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errAway)
	r.pods = newPods(triggers.Service{})
	if got, err := r.Read(ctx); !errors.Is(err, errAway) {
		t.Errorf("before the pods are known: got %s, %v, want the cause of the context", got, err)
	}
}

func testAtMostEightPodsAreAskedAtTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 20
		var asked atomic.Int32
		release, done := make(chan struct{}), make(chan error, 1)
		env := environment(nil)
		env.HTTP = &http.Client{Transport: triggertest.Canned(func(*http.Request) (int, []byte) {
			asked.Add(1)
			<-release
			return http.StatusOK, []byte(stats)
		})}
		s := newService(t)
		for i := range all {
			s.current = append(s.current, triggers.ServiceEndpoint{Address: fmt.Sprint("10.0.0.", i)})
		}
		r := mustPodsReader(t, s, env)
		go func() {
			_, err := r.Read(t.Context())
			done <- err
		}()
		for want := int32(podsAtOnce); want < podsAtOnce+3; want++ {
			synctest.Wait()
			if got := asked.Load(); got != want {
				t.Errorf("%d pods were asked, want %d", got, want)
			}
			release <- struct{}{}
		}
		close(release)
		if err := <-done; err != nil || asked.Load() != all {
			t.Errorf("%d pods were asked, with the error %v, want all %d", asked.Load(), err, all)
		}
	})
}

func testPodIsAskedAtPortThatItHas(t *testing.T) {
	for _, c := range []struct {
		url     string
		address string
		ports   []int32
		want    string
	}{
		{"http://a.b:8080/x", "10.0.0.1", []int32{9090, 8080}, "http://10.0.0.1:8080/x"},
		{"http://a.b/x?y=1", "10.0.0.1", []int32{80}, "http://10.0.0.1:80/x?y=1"},
		{"https://a.b", "10.0.0.1", []int32{443, 80}, "https://10.0.0.1:443"},
		{"http://a.b:80", "10.0.0.1", []int32{3000}, "http://10.0.0.1:3000"},
		{"http://a.b:8080", "10.0.0.1", []int32{3000, 3001}, "http://10.0.0.1:80"},
		{"https://a.b:8443", "10.0.0.1", []int32{3000, 3001}, "https://10.0.0.1:443"},
		{"http://a.b:8080", "10.0.0.1", nil, "http://10.0.0.1:8080"},
		{"http://a.b:8080/x", "fd00::1", []int32{8080}, "http://[fd00::1]:8080/x"},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := podURL(u, triggers.ServiceEndpoint{Address: c.address, Ports: c.ports}).String(); got != c.want || u.String() != c.url {
			t.Errorf("%s with %v: got %s, want %s", c.url, c.ports, got, c.want)
		}
	}
}

func testAggregatesEqualThoseOfExactArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		total := new(big.Int)
		var levels []scalers.Milli
		for range 1 + r.IntN(5) {
			l := scalers.Milli(r.Uint64()>>1) >> r.IntN(64)
			levels = append(levels, l)
			total.Add(total, big.NewInt(int64(l)))
		}
		n := big.NewInt(int64(len(levels)))
		mean := new(big.Int).Add(total, new(big.Int).Sub(n, big.NewInt(1)))
		mean.Div(mean, n)
		if total.Cmp(big.NewInt(math.MaxInt64)) > 0 {
			total.SetInt64(math.MaxInt64)
		}
		if got := aggregate(sum, levels); total.Cmp(big.NewInt(int64(got))) != 0 {
			t.Fatalf("the sum of %v: got %d, want %s", levels, got, total)
		}
		if got := aggregate(average, levels); mean.Cmp(big.NewInt(int64(got))) != 0 {
			t.Fatalf("the average of %v: got %d, want %s", levels, got, mean)
		}
	}
}

func testServiceOfURLIsFollowedWhileTriggerRuns(t *testing.T) {
	s := newService(t, servers(t, waiting("1"), waiting("2"))...)
	env := environment(nil)
	env.WatchService, env.Poller, env.PollingInterval = s.watch, triggers.NewPoller(1, 1), time.Minute
	c := decode(t, metadata("http://orders.shop.svc.cluster.local/stats", "aggregateFromKubeServiceEndpoints", "true", "aggregationType", "sum"))
	opened, err := Kind().Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	polling, done, events := make(chan error, 1), make(chan error, 1), make(chan scalers.Event, 100)
	go func() { polling <- env.Poller.Run(ctx) }()
	running, stop := context.WithCancel(ctx)
	go func() { done <- opened.Run(running, func(e scalers.Event) { events <- e }) }()
	if e := <-events; e.Err != nil || e.Value != 3000 {
		t.Errorf("got the event %+v, want 3", e)
	}
	if want := (triggers.Service{Namespace: "shop", Name: "orders"}); s.name != want || len(s.changes) != 1 {
		t.Errorf("got %d watches, the last of %+v, want one of %+v", len(s.changes), s.name, want)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) || len(s.changes) != 0 {
		t.Errorf("Run returned %v with %d watches left, want %v and none", err, len(s.changes), context.Canceled)
	}
	cancel()
	if err := <-polling; !errors.Is(err, context.Canceled) {
		t.Errorf("the poller returned %v, want %v", err, context.Canceled)
	}
}

func testTriggerWithoutClusterIsNotOpened(t *testing.T) {
	c := decode(t, metadata(serviceURL, "aggregateFromKubeServiceEndpoints", "true"))
	if _, err := Kind().Open(c, environment(nil)); err == nil {
		t.Error("got a source, want an error")
	}
}
