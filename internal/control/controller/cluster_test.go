package controller

import (
	"context"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

func TestCluster(t *testing.T) {
	t.Run("during an outage the objects are read again every three seconds at least", testDuringOutageObjectsAreReadAgainEveryThreeSecondsAtLeast)
}

// outage is an http.RoundTripper to an API server that cannot be reached.
type outage struct {
	err  error
	mu   sync.Mutex
	sent []time.Time
}

// RoundTrip implements http.RoundTripper.
func (o *outage) RoundTrip(*http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, time.Now())
	return nil, o.err
}

func testDuringOutageObjectsAreReadAgainEveryThreeSecondsAtLeast(t *testing.T) {
	for _, err := range []error{syscall.ECONNREFUSED, io.ErrUnexpectedEOF, syscall.EHOSTUNREACH} { // client-go repeats some requests itself.
		synctest.Test(t, func(t *testing.T) {
			api := &outage{err: err}
			cluster, err := NewCluster(&rest.Config{Host: "http://api.test", Transport: api}, "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				cluster.Run(ctx, nil, func() { t.Error("objects were listed") })
			}()
			<-time.After(10 * time.Minute)
			cancel()
			<-done
			last := api.sent[0]
			for _, at := range append(api.sent[1:], time.Now()) {
				if pause := at.Sub(last); pause > 3*time.Second {
					t.Errorf("%v: nothing was sent for %s, want 3s at most", api.err, pause)
				}
				last = at
			}
			if len(api.sent) > 2*10*60 {
				t.Errorf("%v: %d requests in 10 minutes, want 2 a second at most", api.err, len(api.sent))
			}
		})
	}
}
