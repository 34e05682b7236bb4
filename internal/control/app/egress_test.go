package app

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/impulse-sh/impulse/internal/control/egress"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

func TestEgress(t *testing.T) {
	t.Run("objects of a cluster cannot reach a source on this machine", testObjectsOfClusterCannotReachSourceOnThisMachine)
}

func testObjectsOfClusterCannotReachSourceOnThisMachine(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	for name, c := range map[string]struct {
		change  func(*Options)
		refused bool
	}{
		"objects of a cluster": {func(*Options) {}, true},
		"with the flag":        {func(o *Options) { _ = o.Sources.Set("127.0.0.0/8") }, false},
		"objects of files":     {func(o *Options) { o.Config, o.StateDir = t.TempDir(), t.TempDir() }, false},
	} {
		o := Defaults()
		o.Kubeconfig = unreachableCluster(t)
		c.change(&o)
		config, err := o.restConfig()
		if err != nil {
			t.Fatal(err)
		}
		self, err := forward.Listen(t.Context(), o.PeerListen, o.PeerAdvertise)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = self.Close() })
		p, err := assemble(t.Context(), o, slog.New(slog.DiscardHandler), config, self)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.http.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		conn, dialErr := p.egress.Dial(t.Context(), "tcp", s.Listener.Addr().String())
		if dialErr == nil {
			_ = conn.Close()
		}
		if errors.Is(err, egress.ErrRefused) != c.refused || errors.Is(dialErr, egress.ErrRefused) != c.refused || !c.refused && errors.Join(err, dialErr) != nil {
			t.Errorf("%s: got error %v over HTTP, and %v otherwise; want refused: %t", name, err, dialErr, c.refused)
		}
		p.http.CloseIdleConnections()
	}
}
