package metricsapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/triggers"
)

func TestClient(t *testing.T) {
	t.Parallel()
	t.Run("requests are those of an HPA", testRequestsAreThoseOfHPA)
	t.Run("each version of the custom metrics API is understood", testEachVersionOfCustomMetricsAPIIsUnderstood)
	t.Run("the version is asked for again after a while", testVersionIsAskedForAgainAfterWhile)
	t.Run("a kind is found in any version of its group", testKindIsFoundInAnyVersionOfItsGroup)
	t.Run("an answer that is no list of values is an error", testAnswerThatIsNoListOfValuesIsError)
	t.Run("an error of the API server keeps its reason", testErrorOfAPIServerKeepsItsReason)
	t.Run("an error has the adapter's message", testErrorHasAdaptersMessage)
	t.Run("a request ends with its context", testRequestEndsWithItsContext)
}

const (
	hitsOfWeb = `{"kind":"MetricValueList","apiVersion":"custom.metrics.k8s.io/v1beta2","metadata":{},"items":[{"describedObject":` +
		`{"kind":"Service","namespace":"shop","name":"web","apiVersion":"v1"},"metric":{"name":"hits"},"timestamp":"2026-01-01T12:00:00Z","windowSeconds":60,"value":"42"}]}`
	external = `{"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1","metadata":{},` +
		`"items":[{"metricName":"hits","metricLabels":{"a":"1"},"timestamp":"2026-01-01T12:00:00Z","value":"40"},{"metricName":"hits","metricLabels":{"a":"2"},"timestamp":"2026-01-01T12:00:00Z","value":"2"}]}`
)

// server is an API server that has fixed answers. It has faults that a real one cannot be made to have.
type server struct {
	mu       sync.Mutex
	requests []string
	// answers are by path, without the query.
	answers map[string]string
	status  int
}

// newServer returns a server with an adapter that serves one version of the custom metrics API, and a client for it.
func newServer(t *testing.T, version string) (*server, *Client) {
	t.Helper()
	custom := "/apis/custom.metrics.k8s.io/" + version + "/namespaces/shop/"
	s := &server{status: http.StatusOK, answers: map[string]string{
		"/apis/custom.metrics.k8s.io":                               group("custom.metrics.k8s.io", "v9", version),
		"/api/v1":                                                   `{"resources":[{"name":"services/status","kind":"Service"},{"name":"services","kind":"Service"}]}`,
		"/apis/networking.k8s.io":                                   group("networking.k8s.io", "v2", "v2", "v1"),
		"/apis/networking.k8s.io/v2":                                `{"resources":[]}`,
		"/apis/networking.k8s.io/v1":                                `{"resources":[{"name":"ingresses","kind":"Ingress"}]}`,
		custom + "services/web/Hits":                                hitsOfWeb,
		custom + "metrics/hits":                                     hitsOfWeb,
		custom + "pods/*/hits":                                      hitsOfWeb,
		custom + "ingresses.networking.k8s.io/main/hits":            hitsOfWeb,
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/h|s": external,
	}}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	c, err := New(&rest.Config{Host: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func group(name, preferred string, versions ...string) string {
	all := make([]string, len(versions))
	for i, version := range versions {
		all[i] = `{"groupVersion":"` + name + "/" + version + `","version":"` + version + `"}`
	}
	return `{"kind":"APIGroup","name":"` + name + `","versions":[` + strings.Join(all, ",") + `],"preferredVersion":{"groupVersion":"` + name + "/" + preferred + `"}}`
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.Path+"?"+r.URL.Query().Encode())
	answer, ok := s.answers[r.URL.Path]
	status := s.status
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(answer))
}

// asked returns the requests since the last call.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// answer changes an answer and the status of all answers.
func (s *server) answer(path, answer string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path], s.status = answer, status
}

func service() triggers.MetricObject {
	return triggers.MetricObject{GroupKind: schema.GroupKind{Kind: "Service"}, Name: "web"}
}

func testRequestsAreThoseOfHPA(t *testing.T) {
	t.Parallel()
	s, c := newServer(t, "v1beta2")
	metric := triggers.MetricQuery{Namespace: "shop", Name: "hits", Selector: "a in (1,2)"}
	capital := metric
	capital.Name, capital.Selector = "Hits", ""
	ingress := triggers.MetricObject{GroupKind: schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}, Name: "main"}
	namespace := triggers.MetricObject{GroupKind: schema.GroupKind{Kind: "Namespace"}, Name: "ignored"}
	outside := triggers.MetricQuery{Namespace: "shop", Name: "H|S", Selector: "a=1"}
	for want, read := range map[string]func(context.Context) error{
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/services/web/Hits?": func(ctx context.Context) error {
			v, err := c.ObjectMetric(ctx, service(), capital)
			if err == nil && (v.Value.String() != "42" || *v.WindowSeconds != 60) {
				t.Errorf("got the value %+v, want 42 over 60 s", v)
			}
			return err
		},
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/ingresses.networking.k8s.io/main/hits?metricLabelSelector=a+in+%281%2C2%29": func(ctx context.Context) error {
			_, err := c.ObjectMetric(ctx, ingress, metric)
			return err
		},
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/metrics/hits?metricLabelSelector=a+in+%281%2C2%29": func(ctx context.Context) error {
			_, err := c.ObjectMetric(ctx, namespace, metric)
			return err
		},
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/*/hits?labelSelector=app%3Dweb&metricLabelSelector=a+in+%281%2C2%29": func(ctx context.Context) error {
			list, err := c.PodsMetric(ctx, "app=web", metric)
			if err == nil && (len(list.Items) != 1 || list.Items[0].DescribedObject.Name != "web") {
				t.Errorf("got the values %+v, want one of web", list.Items)
			}
			return err
		},
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/h|s?labelSelector=a%3D1": func(ctx context.Context) error {
			list, err := c.ExternalMetric(ctx, outside)
			if err == nil && (len(list.Items) != 2 || list.Items[1].Value.String() != "2") {
				t.Errorf("got the series %+v, want 40 and 2", list.Items)
			}
			return err
		},
	} {
		s.asked()
		if err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got := s.asked(); got[len(got)-1] != want {
			t.Errorf("got the requests %q, want the last to be %s", got, want)
		}
	}
}

func testEachVersionOfCustomMetricsAPIIsUnderstood(t *testing.T) {
	t.Parallel()
	metric := triggers.MetricQuery{Namespace: "shop", Name: "Hits"}
	s, c := newServer(t, "v1beta1")
	old := strings.NewReplacer("v1beta2", "v1beta1", `"metric":{"name":"hits"}`, `"metricName":"hits","selector":null`, "windowSeconds", "window").Replace(hitsOfWeb)
	s.answer("/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/web/Hits", old, http.StatusOK)
	v, err := c.ObjectMetric(t.Context(), service(), metric)
	if err != nil || v.Value.String() != "42" || v.WindowSeconds == nil || *v.WindowSeconds != 60 || v.DescribedObject.Name != "web" {
		t.Errorf("v1beta1: got %+v, %v, want 42 over 60 s of web", v, err)
	}
	_, c = newServer(t, "v3")
	if _, err := c.ObjectMetric(t.Context(), service(), metric); err == nil || !strings.Contains(err.Error(), "none of them is known") {
		t.Errorf("another version: got %v, want an error that names the version", err)
	}
}

func testVersionIsAskedForAgainAfterWhile(t *testing.T) {
	t.Parallel()
	const discovery = "/apis/custom.metrics.k8s.io?"
	s, c := newServer(t, "v1beta2")
	now := time.Now()
	c.versions.now = func() time.Time { return now }
	metric := triggers.MetricQuery{Namespace: "shop", Name: "hits"}
	for _, step := range []struct {
		after time.Duration
		asks  bool
	}{{0, true}, {versionAge - 1, false}, {1, true}, {0, false}} {
		now = now.Add(step.after)
		if _, err := c.PodsMetric(t.Context(), "", metric); err != nil {
			t.Fatal(err)
		}
		if got := s.asked(); slices.Contains(got, discovery) != step.asks {
			t.Errorf("%s later: got the requests %q, want the version among them: %t", step.after, got, step.asks)
		}
	}
}

func testKindIsFoundInAnyVersionOfItsGroup(t *testing.T) {
	t.Parallel()
	s, c := newServer(t, "v1beta2")
	ingress := schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}
	for _, want := range []int{3, 0} { // The second time it is known.
		if got, err := c.resources.find(t.Context(), ingress); got != "ingresses.networking.k8s.io" || err != nil {
			t.Errorf("got %q, %v, want ingresses.networking.k8s.io", got, err)
		}
		if got := s.asked(); len(got) != want {
			t.Errorf("got the requests %q, want %d", got, want)
		}
	}
	for _, missing := range []schema.GroupKind{{Kind: "Services"}, {Group: "networking.k8s.io", Kind: "Service"}, {Group: "example.com", Kind: "Web"}} {
		for range 2 { // It is not cached.
			if got, err := c.resources.find(t.Context(), missing); err == nil || len(s.asked()) == 0 {
				t.Errorf("%s: got %q, %v, want an error after a request", missing, got, err)
			}
		}
	}
}

func testAnswerThatIsNoListOfValuesIsError(t *testing.T) {
	t.Parallel()
	const path, outside = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/services/web/Hits", "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/h|s"
	s, c := newServer(t, "v1beta2")
	item := hitsOfWeb[strings.Index(hitsOfWeb, `{"describedObject"`) : len(hitsOfWeb)-2]
	huge := strings.Replace(hitsOfWeb, "[", "["+strings.Repeat(" ", maxAnswer), 1)
	for name, answer := range map[string]string{
		"nothing":      "",
		"a web page":   "<html>",
		"half":         hitsOfWeb[:len(hitsOfWeb)/2],
		"a text":       strings.Replace(hitsOfWeb, `"42"`, `"many"`, 1),
		"another kind": `{"kind":"MetricListOptions","apiVersion":"custom.metrics.k8s.io/v1beta2"}`,
		"no kind":      `{"items":[]}`,
		"no values":    strings.Replace(hitsOfWeb, item, "", 1),
		"two values":   strings.Replace(hitsOfWeb, item, item+","+item, 1),
		"too much":     huge,
	} {
		s.answer(path, answer, http.StatusOK)
		if got, err := c.ObjectMetric(t.Context(), service(), triggers.MetricQuery{Namespace: "shop", Name: "Hits"}); err == nil {
			t.Errorf("%s of an object: got %+v, want an error", name, got)
		}
	}
	for name, answer := range map[string]string{
		"nothing": "", "a web page": "<html>", "half": external[:len(external)/2], "a text": strings.Replace(external, `"40"`, `"many"`, 1),
		"too much": strings.Replace(external, "[", "["+strings.Repeat(" ", maxAnswer), 1),
	} {
		s.answer(outside, answer, http.StatusOK)
		if got, err := c.ExternalMetric(t.Context(), triggers.MetricQuery{Namespace: "shop", Name: "h|s"}); err == nil {
			t.Errorf("%s of something external: got %+v, want an error", name, got)
		}
	}
}

func testErrorOfAPIServerKeepsItsReason(t *testing.T) {
	t.Parallel()
	for status, is := range map[int]func(error) bool{
		http.StatusNotFound: apierrors.IsNotFound, http.StatusForbidden: apierrors.IsForbidden, http.StatusServiceUnavailable: apierrors.IsServiceUnavailable,
		http.StatusTooManyRequests: apierrors.IsTooManyRequests, http.StatusInternalServerError: apierrors.IsInternalError,
	} {
		s, c := newServer(t, "v1beta2")
		s.answer("/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/h|s", "no", status)
		if _, err := c.ExternalMetric(t.Context(), triggers.MetricQuery{Namespace: "shop", Name: "h|s"}); !is(err) {
			t.Errorf("external, %d: got %v, want its reason", status, err)
		}
		if got := s.asked(); len(got) != 1 {
			t.Errorf("%d: got the requests %q, want no second try", status, got)
		}
		if _, err := c.PodsMetric(t.Context(), "", triggers.MetricQuery{Namespace: "shop", Name: "hits"}); !is(err) {
			t.Errorf("custom, %d: got %v, want its reason", status, err)
		}
	}
}

func testErrorHasAdaptersMessage(t *testing.T) {
	t.Parallel()
	const status = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Internal error occurred: the source is down","reason":"InternalError","code":500}`
	s, c := newServer(t, "v1beta2")
	for path, read := range map[string]func() error{
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/h|s": func() error {
			_, err := c.ExternalMetric(t.Context(), triggers.MetricQuery{Namespace: "shop", Name: "h|s"})
			return err
		},
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/*/hits": func() error {
			_, err := c.PodsMetric(t.Context(), "", triggers.MetricQuery{Namespace: "shop", Name: "hits"})
			return err
		},
	} {
		if _, err := c.versions.preferred(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.answer(path, status, http.StatusInternalServerError)
		if err := read(); err == nil || !strings.Contains(err.Error(), "the source is down") || !apierrors.IsInternalError(err) {
			t.Errorf("%s: got %v, want the error of the adapter", path, err)
		}
	}
}

func testRequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	defer web.Close()
	c, err := New(&rest.Config{Host: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := c.PodsMetric(ctx, "", triggers.MetricQuery{Namespace: "shop", Name: "hits"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
