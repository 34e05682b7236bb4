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
	// delaying: writes of counts are delayed.
	delaying atomic.Bool
	// holding: the next delayed write is given to held.
	holding atomic.Bool
	// held receives the first delayed write: of a count, or of alerts in a stall.
	held chan *http.Request
	// stalled is closed when the waiting requests continue; nil without a stall.
	stalled atomic.Pointer[chan struct{}]
}

func newSlowProxy(t *testing.T) *slowProxy {
	t.Helper()
	s := &slowProxy{t: t, held: make(chan *http.Request, 1)}
	s.kubeconfig = proxyTo(t, func(next http.RoundTripper) http.RoundTripper {
		s.next = next
		return s
	})
	return s
}

// proxyTo starts a proxy to the real API server, which forwards what through lets pass, and returns the path of a kubeconfig for it.
func proxyTo(t *testing.T, through func(next http.RoundTripper) http.RoundTripper) (kubeconfig string) {
	t.Helper()
	config := sandbox.Config(t)
	next, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: through(next), FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.CloseClientConnections)
	own := clientcmdapi.NewConfig()
	own.Clusters["proxy"] = &clientcmdapi.Cluster{Server: server.URL}
	own.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy"}
	own.CurrentContext = "proxy"
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*own, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// holdWrites delays all writes of counts from now on: a sender that has given up on one may send another.
func (s *slowProxy) holdWrites() {
	s.holding.Store(true)
	s.delaying.Store(true)
}

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
	if r.Method != http.MethodPatch || !strings.HasSuffix(r.URL.Path, "/scale") || !s.delaying.Load() {
		return s.next.RoundTrip(r)
	}
	if s.holding.CompareAndSwap(true, false) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		late := r.Clone(context.WithoutCancel(r.Context()))
		late.Body = io.NopCloser(bytes.NewReader(body))
		s.held <- late
	}
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

// isHeldBefore waits until a write is delayed. It returns false if an answer comes before: then there is no write.
func (s *slowProxy) isHeldBefore(answered chan int) bool {
	s.t.Helper()
	select {
	case <-s.held:
		return true
	case code := <-answered:
		if len(s.held) == 0 {
			return false
		}
		answered <- code
	case <-time.After(timeout):
		s.t.Fatal("nothing was written, and nothing answered")
	}
	return s.isHeldBefore(answered)
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
