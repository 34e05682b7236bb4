package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// slowProxy is a proxy to the real API server that can delay a write, as a network does: the sender may have given up when the
// write arrives.
type slowProxy struct {
	t          *testing.T
	kubeconfig string
	next       http.RoundTripper
	target     *url.URL
	// holding: the next write of a count is delayed.
	holding atomic.Bool
	// held receives the delayed request: that write, or the first one of alerts in a stall.
	held chan *http.Request
	// stalled is closed when the waiting requests continue; nil without a stall.
	stalled atomic.Pointer[chan struct{}]
}

func newSlowProxy(t *testing.T) *slowProxy {
	t.Helper()
	config := sandbox.Config(t)
	var err error
	s := &slowProxy{t: t, held: make(chan *http.Request, 1)}
	if s.next, err = rest.TransportFor(config); err != nil {
		t.Fatal(err)
	}
	if s.target, err = url.Parse(config.Host); err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: s, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(s.target) },
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.CloseClientConnections)
	own := clientcmdapi.NewConfig()
	own.Clusters["slow"] = &clientcmdapi.Cluster{Server: server.URL}
	own.Contexts["slow"] = &clientcmdapi.Context{Cluster: "slow"}
	own.CurrentContext = "slow"
	s.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*own, s.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return s
}

// holdNext delays the next write of a count.
func (s *slowProxy) holdNext() { s.holding.Store(true) }

// stall makes all requests wait until goOn. Requests whose senders have given up by then never arrive.
func (s *slowProxy) stall() (goOn func()) {
	end := make(chan struct{})
	s.stalled.Store(&end)
	s.holding.Store(true)
	return func() {
		s.stalled.Store(nil)
		close(end)
	}
}

// RoundTrip forwards a request, unless it is delayed: then its sender waits until its timeout.
func (s *slowProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if end := s.stalled.Load(); end != nil {
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/alertsets") && s.holding.CompareAndSwap(true, false) {
			s.held <- r
		}
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-*end:
		}
	}
	if r.Method != http.MethodPatch || !strings.HasSuffix(r.URL.Path, "/scale") || !s.holding.CompareAndSwap(true, false) {
		return s.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	late := r.Clone(context.WithoutCancel(r.Context()))
	late.Body = io.NopCloser(bytes.NewReader(body))
	s.held <- late
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// awaitHeld waits until a write is delayed, and returns the write.
func (s *slowProxy) awaitHeld() (late *http.Request) {
	s.t.Helper()
	select {
	case late = <-s.held:
	case <-time.After(timeout):
		s.t.Fatal("nothing was written")
	}
	return late
}

// release forwards a delayed write, and returns the status code, for which its sender no longer waits.
func (s *slowProxy) release(late *http.Request) int {
	s.t.Helper()
	response, err := s.next.RoundTrip(late)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}
