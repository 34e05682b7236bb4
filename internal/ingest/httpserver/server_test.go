package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/scalers"
)

func TestServer(t *testing.T) {
	t.Run("a delivery is recorded as it was sent", testDeliveryIsRecordedAsItWasSent)
	t.Run("a delivery of Grafana counts as one of Alertmanager", testDeliveryOfGrafanaCountsAsOneOfAlertmanager)
	t.Run("a message that can never become valid is refused with the reason", testMessageThatCanNeverBecomeValidIsRefusedWithReason)
	t.Run("one invalid alert does not exclude the others", testOneInvalidAlertDoesNotExcludeOthers)
	t.Run("a temporary failure is 503", testTemporaryFailureIs503)
	t.Run("a token is valid for its endpoints only", testTokenIsValidForItsEndpointsOnly)
	t.Run("listening on all addresses without credentials is refused", testListeningOnAllAddressesWithoutCredentialsIsRefused)
	t.Run("readyz returns the reason", testReadyzReturnsReason)
	t.Run("readyz names the namespaces without room and stays ready", testReadyzNamesNamespacesWithoutRoomAndStaysReady)
	t.Run("Run serves until its context ends", testRunServesUntilItsContextEnds)
}

// record stores the deliveries that the server passed on.
type record struct {
	endpoints []store.Endpoint
	alerts    []store.Alert
	traces    []scalers.Trace
	err       error
}

func (r *record) Record(_ context.Context, d store.Delivery) (store.Result, error) {
	if r.err != nil {
		return store.Result{}, r.err
	}
	r.endpoints, r.alerts, r.traces = append(r.endpoints, d.Endpoint), append(r.alerts, d.Alerts...), append(r.traces, d.Trace)
	return store.Result{Changed: len(d.Alerts)}, nil
}

// serve returns the handler of a new server, and the server; change adjusts its options.
func serve(t testing.TB, r *record, change func(*Options)) (http.Handler, *Server) {
	t.Helper()
	o := Options{
		Addr: "127.0.0.1:0", Leading: func() bool { return true }, Ready: func() error { return nil },
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if change != nil {
		change(&o)
	}
	if o.Receiver == nil {
		o.Receiver = receiver(r, &o)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.listener.Close() })
	return s.http.Handler, s
}

// receiver returns a receiver that records in r.
func receiver(r endpoints.Recorder, o *Options) *endpoints.Receiver {
	return endpoints.New(r, o.Now, o.Registry, o.Log)
}

// alertsCounter returns the counter of received alerts with a result.
func alertsCounter(t *testing.T, s *Server, result string) float64 {
	t.Helper()
	families, err := s.options.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "impulse_alerts_received_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func post(t testing.TB, h http.Handler, path, body, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	return send(t, h, http.MethodPost, path, strings.NewReader(body), authorization)
}

func send(t testing.TB, h http.Handler, method, path string, body io.Reader, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	h.ServeHTTP(w, r)
	return w
}

const one = `{"version":"4","receiver":"web\\.hook","status":"firing","truncatedAlerts":0,"routeLabels":{"new":"field"},"alerts":[
	{"status":"firing","labels":{"alertname":"Slow"},"annotations":{"value":"12"},"startsAt":"2026-01-01T08:00:00.5+08:00",
	"endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"0123456789abcdef"}]}`

func testDeliveryIsRecordedAsItWasSent(t *testing.T) {
	r := &record{}
	h, _ := serve(t, r, nil)
	if w := post(t, h, "/v1/alertmanager/shop", one, ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(r.alerts) != 1 || r.endpoints[0].Namespace != "shop" {
		t.Fatalf("recorded %v through %v", r.alerts, r.endpoints)
	}
	a := r.alerts[0]
	if !a.Firing || a.Labels["alertname"] != "Slow" || a.Annotations["value"] != "12" ||
		!a.StartsAt.Equal(time.Date(2026, 1, 1, 0, 0, 0, 5e8, time.UTC)) {
		t.Errorf("recorded %+v", a)
	}
	if w := post(t, h, "/v1/alertmanager", one, ""); w.Code != http.StatusOK || r.endpoints[1].Namespace != "" {
		t.Errorf("the cluster-wide receiver: %d, %v; want 200, \"\"", w.Code, r.endpoints)
	}
}

// Grafana's contact point of type webhook posts Alertmanager's form as version 1.
func testDeliveryOfGrafanaCountsAsOneOfAlertmanager(t *testing.T) {
	body, err := os.ReadFile("../../../triggers/webhook/testdata/grafana-firing.json")
	if err != nil {
		t.Fatal(err)
	}
	r := &record{}
	h, _ := serve(t, r, nil)
	if w := post(t, h, "/v1/alertmanager/shop", string(body), ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(r.alerts) != 2 || !r.alerts[0].Firing || r.alerts[0].Labels["alertname"] != "ConsumerLag" || r.alerts[1].Labels["partition"] != "1" {
		t.Errorf("recorded %+v", r.alerts)
	}
}

func testMessageThatCanNeverBecomeValidIsRefusedWithReason(t *testing.T) {
	cases := map[string]struct {
		method, path, body string
		code               int
		want               string
	}{
		"wrong method":      {http.MethodPut, "/v1/alertmanager/shop", one, http.StatusMethodNotAllowed, "Method Not Allowed"},
		"a GET after a 301": {http.MethodGet, "/v1/alertmanager/shop", "", http.StatusMethodNotAllowed, "Method Not Allowed"},
		"not JSON":          {http.MethodPost, "/v1/alertmanager/shop", "alert!", http.StatusBadRequest, "not the JSON"},
		"empty":             {http.MethodPost, "/v1/alertmanager/shop", "", http.StatusBadRequest, "not the JSON"},
		"cut off":           {http.MethodPost, "/v1/alertmanager/shop", one[:100], http.StatusBadRequest, "not the JSON"},
		"wrong version":     {http.MethodPost, "/v1/alertmanager/shop", `{"version":"3","alerts":[]}`, http.StatusBadRequest, `version is "3"`},
		"no alerts":         {http.MethodPost, "/v1/alertmanager/shop", `{"version":"4"}`, http.StatusBadRequest, "alerts is missing"},
		"alerts no list":    {http.MethodPost, "/v1/alertmanager/shop", `{"version":"4","alerts":{}}`, http.StatusBadRequest, "not a list"},
		"no status":         {http.MethodPost, "/v1/alertmanager/shop", strings.Replace(one, `"status":"firing","labels"`, `"labels"`, 1), http.StatusBadRequest, "alerts[0]: status"},
		"labels no map":     {http.MethodPost, "/v1/alertmanager/shop", strings.Replace(one, `{"alertname":"Slow"}`, `"Slow"`, 1), http.StatusBadRequest, "alerts[0]"},
		"bad namespace":     {http.MethodPost, "/v1/alertmanager/Sh%20op", one, http.StatusBadRequest, "namespace"},
		"10 MB":             {http.MethodPost, "/v1/alertmanager/shop", strings.Repeat(" ", 10<<20), http.StatusRequestEntityTooLarge, "larger than"},
		"unknown path":      {http.MethodPost, "/v2/alertmanager/shop", one, http.StatusNotFound, "Not Found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &record{}
			h, _ := serve(t, r, nil)
			w := send(t, h, c.method, c.path, strings.NewReader(c.body), "")
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("answered %d %q, expected %d and %q", w.Code, w.Body, c.code, c.want)
			}
			if len(r.alerts) > 0 {
				t.Errorf("recorded %v; want none", r.alerts)
			}
		})
	}
}

func testOneInvalidAlertDoesNotExcludeOthers(t *testing.T) {
	r := &record{}
	h, s := serve(t, r, nil)
	body := strings.Replace(one, `"alerts":[`, `"alerts":[{"status":"confused","labels":{"a":"b"}},`, 1)
	if w := post(t, h, "/v1/alertmanager/shop", body, ""); w.Code != http.StatusOK || len(r.alerts) != 1 {
		t.Errorf("answered %d, recorded %v; want 200, 1", w.Code, r.alerts)
	}
	if n := alertsCounter(t, s, "invalid"); n != 1 {
		t.Errorf("%v invalid alerts were counted; want 1", n)
	}
	if n := alertsCounter(t, s, "unselected"); n != 1 {
		t.Errorf("%v unselected alerts were counted; want 1", n)
	}
}

func testTemporaryFailureIs503(t *testing.T) {
	full := &store.FullError{Owner: "namespace shop", Limit: "may have 7 firing alerts"}
	cases := map[string]struct {
		set    func(*Options, *record)
		answer string
	}{
		"not the leader": {func(o *Options, _ *record) { o.Leading = func() bool { return false } }, "this replica is not the leader\n"},
		"not loaded":     {func(_ *Options, r *record) { r.err = store.ErrNotReady }, "the alerts that were recorded before are not loaded yet, try again\n"},
		"full":           {func(_ *Options, r *record) { r.err = errors.Join(full, errors.New("some secret")) }, "there is no room for more alerts: namespace shop may have 7 firing alerts\n"},
		"not in time":    {func(_ *Options, r *record) { r.err = endpoints.ErrTimeout }, "not recorded in time, try again: the message is still being recorded\n"},
		"not written":    {func(_ *Options, r *record) { r.err = errors.New("the API server is away") }, "not recorded, try again\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &record{}
			h, _ := serve(t, r, func(o *Options) { c.set(o, r) })
			if w := post(t, h, "/v1/alertmanager/shop", one, ""); w.Code != http.StatusServiceUnavailable || w.Body.String() != c.answer {
				t.Errorf("answered %d %s; want 503, %v", w.Code, w.Body, c.answer)
			}
		})
	}
}

func testTokenIsValidForItsEndpointsOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("# ours\nwhole-cluster-token\n\nshop=only-for-the-shop\r\nbase64-token==\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.Read(auth.Files{Tokens: path})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		path, authorization string
		code                int
	}{
		{"shop", "", http.StatusUnauthorized},
		{"shop", "Bearer wrong-wrong-wrong", http.StatusUnauthorized},
		{"shop", "Basic whole-cluster-token", http.StatusUnauthorized},
		{"shop", "Bearer whole-cluster-toke", http.StatusUnauthorized},
		{"shop", "Bearer whole-cluster-token", http.StatusOK},
		{"bank", "bearer whole-cluster-token", http.StatusOK},
		{"shop", "Bearer only-for-the-shop", http.StatusOK},
		{"shop", "Bearer base64-token==", http.StatusOK},
		{"bank", "Bearer only-for-the-shop", http.StatusForbidden},
		{"", "Bearer only-for-the-shop", http.StatusForbidden},
		{"", "Bearer whole-cluster-token", http.StatusOK},
	}
	h, _ := serve(t, &record{}, func(o *Options) { o.Credentials = tokens })
	for _, c := range cases {
		w := post(t, h, strings.TrimSuffix("/v1/alertmanager/"+c.path, "/"), one, c.authorization)
		if w.Code != c.code {
			t.Errorf("%q with %q: %d, expected %d", c.path, c.authorization, w.Code, c.code)
		}
		if body := w.Body.String(); c.code >= 400 && body != "no access\n" {
			t.Errorf("the answer gives a hint: %q", body)
		}
	}
	if w := send(t, h, http.MethodGet, "/healthz", http.NoBody, ""); w.Code != http.StatusOK {
		t.Errorf("health asks for a token: %d; want 200", w.Code)
	}
}

func testListeningOnAllAddressesWithoutCredentialsIsRefused(t *testing.T) {
	base := Options{Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	for _, addr := range []string{"0.0.0.0:0", ":0", "10.1.2.3:80"} {
		o := base
		o.Addr = addr
		if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--tokens-file") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	base.Addr, base.AllowUnauthenticated = "0.0.0.0:0", true
	if _, err := New(t.Context(), base); err == nil || !strings.Contains(err.Error(), "--allow-unauthenticated-from-anywhere") {
		t.Errorf("with one option: %v", err)
	}
	base.AllowFromAnywhere = true
	s, err := New(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.listener.Close(); err != nil {
		t.Error(err)
	}
}

func testReadyzReturnsReason(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) { o.Ready = func() error { return errors.New("the API server is away") } })
	w := send(t, h, http.MethodGet, "/readyz", http.NoBody, "")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the API server is away") {
		t.Errorf("got %d %s; want 503, text with the API server is away", w.Code, w.Body)
	}
}

func testReadyzNamesNamespacesWithoutRoomAndStaysReady(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) {
		o.CapacityWarnings = func() []string { return []string{"namespace shop may have 7"} }
	})
	w := send(t, h, http.MethodGet, "/readyz", http.NoBody, "")
	if w.Code != http.StatusOK || w.Body.String() != "ok\nnamespace shop may have 7\n" {
		t.Errorf("got %d %s; want 200, ok\nnamespace shop may have 7\n", w.Code, w.Body)
	}
}

func testRunServesUntilItsContextEnds(t *testing.T) {
	_, s := serve(t, &record{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil || !strings.Contains(string(body), "impulse_http_duration_seconds") {
		t.Errorf("metrics: %v %s; want no error, text with impulse_http_duration_seconds", err, body)
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func BenchmarkDeliver(b *testing.B) {
	h, _ := serve(b, &record{err: nil}, nil)
	for b.Loop() {
		if w := post(b, h, "/v1/alertmanager/shop", one, ""); w.Code != http.StatusOK {
			b.Fatal(fmt.Sprint(w.Code, w.Body))
		}
	}
}
