package metricsapi

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("one server conforms to the contract of triggers", testOneServerConformsToContractOfTriggers)
	t.Run("the pods of a Service conform to the contract of triggers", testPodsOfServiceConformToContractOfTriggers)
}

// restartable is a server that can be stopped and started at the same address.
type restartable struct {
	address string
	handler http.HandlerFunc
	running *httptest.Server
}

func (s *restartable) start(tb testing.TB) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", s.address)
	if err != nil {
		tb.Fatal(err)
	}
	s.running = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.handler}}
	s.running.Start()
}

func (s *restartable) stop(testing.TB) { s.running.Close() }

func testOneServerConformsToContractOfTriggers(t *testing.T) {
	s := &restartable{address: testkit.FreeAddress(t), handler: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("key") != "correct horse" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(stats))
	}}
	s.start(t)
	defer s.stop(t)
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: metadata("http://"+s.address+"/stats", "authMode", "apiKey", "method", "query", "keyParamName", "key"),
		Secrets:  map[string]string{"apiKey": "correct horse"},
		Break:    s.stop, Repair: s.start,
	})
}

func testPodsOfServiceConformToContractOfTriggers(t *testing.T) {
	server := serve(t, http.StatusOK, stats)
	s := newService(t, server)
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: metadata("http://orders.shop:1/stats", "aggregateFromKubeServiceEndpoints", "true"),
		Env:      triggers.Env{WatchService: s.watch},
		Break:    func(testing.TB) { s.set(nil, errAway) },
		Repair:   func(testing.TB) { s.set(s.endpoints(server), nil) },
	})
}
