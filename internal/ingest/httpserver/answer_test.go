package httpserver

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

func TestAnswer(t *testing.T) {
	t.Run("the response comes within a second, whatever is slow", testResponseComesWithinSecondWhateverIsSlow)
}

// slowRecorder is a recorder, and a leader, that answers only when its context is done.
type slowRecorder struct{}

// Record is Recorder's.
func (slowRecorder) Record(ctx context.Context, _ store.Delivery) (store.Result, error) {
	<-ctx.Done()
	return store.Result{}, context.Cause(ctx)
}

// Forward is Forwarder's.
func (slowRecorder) Forward(ctx context.Context, _ forward.Message) (forward.Answer, error) {
	<-ctx.Done()
	return forward.Answer{}, context.Cause(ctx)
}

// Open is Forwarder's.
func (slowRecorder) Open(ctx context.Context, _ forward.Message) (*http.Response, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func testResponseComesWithinSecondWhateverIsSlow(t *testing.T) {
	for name, slow := range map[string]func(*Options){
		"the record": func(o *Options) { o.Receiver = receiver(slowRecorder{}, o) },
		"the leader": func(o *Options) { o.Leading, o.Forward = func() bool { return false }, slowRecorder{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, _ := serve(t, &record{}, slow)
				for _, path := range []string{"/v1/alertmanager/shop", "/v1/alertmanager"} {
					began := time.Now()
					w := post(t, h, path, one, "")
					if took := time.Since(began); w.Code != http.StatusServiceUnavailable || took >= time.Second {
						t.Errorf("%s answers %d after %s", path, w.Code, took)
					}
				}
			})
		})
	}
}
